// Pack writes a checkpoint anew, smaller or with more said of it: in 16 bits, with the architecture, vocabulary and size of
// pictures of a file that does not say them yet, and with lines about it, such as what was measured. The file of the model glip-world
// is made so of what its training left.
//
//	pack -half -about ap50.names=0.83 -about ap50.pairs=0.81 -out world/glip-world.safetensors out/run/best.safetensors
//	pack -arch arch.json -vocab vocab.txt -size 192,192 -out new.safetensors old.pth
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// flags of the command line.
type flags struct {
	half                   bool
	arch, vocab, size, out string
	about                  map[string]string
}

func run(args []string, stdout, stderr io.Writer) error {
	f := flags{about: map[string]string{}}
	set := flag.NewFlagSet("pack", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.BoolVar(&f.half, "half", false, "store values in 16 bits")
	set.StringVar(&f.arch, "arch", "", "JSON `FILE` with the architecture (default: what the checkpoint says)")
	set.StringVar(&f.vocab, "vocab", "", "vocab.txt of the text encoder (default: what the checkpoint says, else bert-base-uncased's)")
	set.StringVar(&f.size, "size", "", "`SHORT,LONG` of pictures in pixels (default: what the checkpoint says)")
	set.StringVar(&f.out, "out", "", "`FILE` that is written, .safetensors")
	set.Func("about", "`KEY=TEXT` that is said besides; may be repeated", func(s string) error {
		key, value, ok := strings.Cut(s, "=")
		if f.about[key] = value; !ok {
			return errors.New("want KEY=TEXT")
		}
		return nil
	})
	if err := set.Parse(args); err != nil {
		return err
	}
	if set.NArg() != 1 || !strings.HasSuffix(f.out, ".safetensors") {
		return errors.New("want one checkpoint, and -out FILE.safetensors; see -help")
	}
	return f.pack(set.Arg(0), stdout)
}

// pack writes what is in a checkpoint to another.
func (f flags) pack(path string, stdout io.Writer) (err error) {
	from, err := loader.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	card, err := f.card(from)
	if err != nil {
		return err
	}
	said, err := card.Metadata()
	if err != nil {
		return err
	}
	said["format"] = "pt"
	var list []loader.Saved
	for _, name := range from.Names() {
		if kind := from.DType(name); !strings.Contains(kind, "float") {
			continue // whole numbers: buffers, which no model takes
		}
		shape, _ := from.Shape(name)
		list = append(list, loader.Saved{Name: name, Shape: shape, Half: f.half, Data: func() ([]float32, error) {
			_, data, err := from.Tensor(name)
			return data, err
		}})
	}
	err = file.Save(f.out, 0o644, func(w io.Writer) error { return loader.SaveSafetensors(w, said, list) })
	if err != nil {
		return err
	}
	if _, err := glipvk.OpenCard(f.out, ""); err != nil {
		return err
	}
	info, err := os.Stat(f.out)
	if err == nil {
		_, err = fmt.Fprintf(stdout, "%s: %d tensors, %d bytes\n", f.out, len(list), info.Size())
	}
	return err
}

// card is what is to be said: what the checkpoint says, and the flags.
func (f flags) card(from *loader.Checkpoint) (glipvk.Card, error) {
	card, err := glipvk.ReadCard(from)
	if err != nil {
		return card, err
	}
	if f.arch != "" {
		data, err := file.ReadAll(context.Background(), f.arch, 1<<20)
		if err != nil {
			return card, err
		}
		cfg, err := glip.ParseConfig(data)
		if err != nil {
			return card, fmt.Errorf("%s: %w", f.arch, err)
		}
		card.Config = &cfg
	}
	if card.Config == nil {
		return card, fmt.Errorf("%s does not say what it is of: give -arch", from.Path())
	}
	if f.vocab != "" {
		if card.Vocabulary, err = text.Open(f.vocab); err != nil {
			return card, err
		}
	}
	if f.size != "" {
		if card.Size, err = picture.ParseDetectorSize(f.size); err != nil {
			return card, err
		}
	}
	all := maps.Clone(f.about)
	for key, value := range card.About {
		if _, given := all[key]; !given {
			all[key] = value
		}
	}
	card.About = all
	return card, nil
}
