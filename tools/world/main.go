// World draws small scenes with exact boxes, of drawings from Debian's colour emoji font in the colours of words, and writes what
// is said of them: captions to learn grounding from, and COCO's annotations to measure with. The same seed gives the same files.
//
//	world -out out/world -seed 1 -count 20000    # train.json and what else there is, each beside a folder of pictures
package main

import (
	"context"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "world:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("world", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("out", "out/world", "`FOLDER` for pictures and annotations")
	seed := flags.Uint64("seed", 1, "of the drawing")
	count := flags.Int("count", 20000, "scenes to train with")
	only := flags.String("only", "", "`PARTS` to write, separated by commas, such as train,vocab (all)")
	fontPath := flags.String("font", fontPath, "Noto's colour emoji, `FILE` of the drawings")
	namesPath := flags.String("names", namesPath, "Unicode's emoji-test.txt, `FILE` of what they are called")
	photoPath := flags.String("photo", "testdata/pictures/chelsea.png", "PNG `FILE` of which pieces are backgrounds")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *count < 1 || *count > 1e6 {
		return fmt.Errorf("want 1 to a million scenes, and no other arguments; see -help")
	}
	w, err := newWorld(ctx, *fontPath, *namesPath, *photoPath)
	if err != nil {
		return err
	}
	var wanted []string
	if *only != "" {
		wanted = strings.Split(*only, ",")
	}
	return w.write(ctx, *out, *seed, *count, wanted, stdout)
}

// newWorld reads and paints the drawings.
func newWorld(ctx context.Context, fontPath, namesPath, photoPath string) (*world, error) {
	natural, err := openDrawings(ctx, fontPath, namesPath)
	if err != nil {
		return nil, err
	}
	w := &world{split: divide()}
	for _, d := range natural {
		painted := []*image.RGBA{d}
		for _, c := range colours {
			painted = append(painted, paint(d, c))
		}
		w.drawings = append(w.drawings, painted)
	}
	w.photo, err = openPhoto(photoPath)
	return w, err
}

// openPhoto reads the picture whose pieces are backgrounds.
func openPhoto(path string) (image.Image, error) {
	f, _, err := file.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	photo, err := png.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if size := photo.Bounds().Size(); size.X < leastCrop || size.Y < leastCrop {
		return nil, fmt.Errorf("%s: %v pixels, want at least %d a side", path, size, leastCrop)
	}
	return photo, nil
}

// write writes the parts that are wanted, or all, and the vocabulary.
func (w *world) write(ctx context.Context, out string, seed uint64, count int, wanted []string, stdout io.Writer) error {
	writers := map[string]func() error{}
	order := []string{"vocab"}
	writers["vocab"] = func() error {
		data, err := vocabulary()
		if err != nil {
			return err
		}
		path := filepath.Join(out, "vocab.txt")
		fmt.Fprintf(stdout, "%s: %d tokens\n", path, strings.Count(string(data), "\n"))
		return file.Replace(path, data, 0o644)
	}
	for _, p := range w.parts(count) {
		order = append(order, p.name)
		writers[p.name] = func() error {
			a, err := p.write(ctx, w, out, seed)
			if err == nil {
				fmt.Fprintf(stdout, "%s: %d pictures, %d things\n", filepath.Join(out, p.name+".json"), len(a.Images), len(a.Annotations))
			}
			return err
		}
	}
	if len(wanted) == 0 {
		wanted = order
	}
	for _, name := range wanted {
		if writers[name] == nil {
			return fmt.Errorf("there is no part %q; want some of %s", name, strings.Join(order, ", "))
		}
	}
	for _, name := range wanted {
		if err := writers[name](); err != nil {
			return err
		}
	}
	return nil
}
