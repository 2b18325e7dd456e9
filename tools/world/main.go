// World draws small scenes with exact boxes, of drawings from Debian's colour emoji font in the colours of words, and writes what
// is said of them: captions to learn grounding from, and COCO's annotations to measure with. The same seed gives the same files, of
// the same font and on the same kind of processor; how many cores it has does not matter.
//
//	world -out out/world -seed 1 -count 40000    # train.json and the others, each beside a folder of its pictures
//	world -sample testdata/world                 # the few scenes that the repository carries
//	world measure -data out/world                # how well glip-world does there
//	world sheet -out docs/world.jpg              # what it finds in the scenes that the repository carries
//	world smoke -run out/world-smoke/run         # whether a short training has learned
//
// What is never trained hangs on hashes of the words alone: ten names, for learning from a few pictures, and a fifth of the pairs of
// colour and name. No seed is shared between the scenes of two files.
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
	"slices"
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
	if len(args) > 0 {
		switch args[0] {
		case "measure":
			return measure(ctx, args[1:], stdout, stderr)
		case "sheet":
			return sheet(ctx, args[1:], stdout, stderr)
		case "smoke":
			return smoke(args[1:], stdout, stderr)
		}
	}
	flags := flag.NewFlagSet("world", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("out", "out/world", "`FOLDER` for pictures and annotations")
	seed := flags.Uint64("seed", 1, "of the drawing")
	count := flags.Int("count", 40000, "scenes to train with")
	only := flags.String("only", "", "`PARTS` to write, separated by commas, such as train,vocab (all)")
	sample := flags.String("sample", "", "write a few small scenes into this `FOLDER`, and nothing else")
	fontPath := flags.String("font", fontPath, "Noto's colour emoji, `FILE` of the drawings")
	namesPath := flags.String("names", namesPath, "Unicode's emoji-test.txt, `FILE` of what they are called")
	photoPath := flags.String("photo", "testdata/pictures/chelsea.png", "PNG `FILE` of which pieces are backgrounds")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *count < 1 || *count > 1e6 {
		return fmt.Errorf("want 1 to a million scenes, and no other arguments; see -help")
	}
	if *sample != "" && *only != "" {
		return fmt.Errorf("--sample has all its parts: leave out --only")
	}
	w, err := newWorld(ctx, *fontPath, *namesPath, *photoPath)
	if err != nil {
		return err
	}
	if *sample != "" {
		return w.sample(ctx, *sample, *seed, stdout)
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
func (w *world) write(ctx context.Context, out string, seed uint64, count int, wanted []string, say io.Writer) error {
	parts := w.parts(count)
	known := []string{vocab}
	for _, p := range parts {
		known = append(known, p.name)
	}
	for _, name := range wanted {
		if !slices.Contains(known, name) {
			return fmt.Errorf("there is no part %q; want some of %s", name, strings.Join(known, ", "))
		}
	}
	is := func(name string) bool { return len(wanted) == 0 || slices.Contains(wanted, name) }
	if is(vocab) {
		if err := saveVocabulary(filepath.Join(out, "vocab.txt"), say); err != nil {
			return err
		}
	}
	for _, p := range parts {
		if !is(p.name) {
			continue
		}
		examples, err := p.draw(ctx, w, out, seed, png.BestSpeed)
		if err != nil {
			return err
		}
		if err := annotate(p.categories, examples).save(filepath.Join(out, p.name+".json"), say); err != nil {
			return err
		}
	}
	return nil
}
