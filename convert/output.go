package convert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/loader"
)

// output is a file on its way.
type output struct {
	ctx     context.Context
	form    form
	weights bind.Intake
	added   map[string][]float32 // to parameters, by their names in weights
	list    []loader.Saved
	said    map[string]string
	beyond  []string  // weights too large for their type
	held    []float32 // the parameter of which tensors are being written
}

// add appends the tensors that a parameter is stored as. They are asked for in this order, and the parameter is read
// for the first of them.
func (w *output) add(p parameter, s bind.Stored, d loader.DType) {
	share := 1
	for _, side := range s.Shape {
		share *= side
	}
	for i, key := range s.Keys {
		w.list = append(w.list, loader.Saved{Name: key, Shape: s.Shape, DType: d, Data: func() ([]float32, error) {
			if i == 0 {
				if err := w.read(p, s, d); err != nil {
					return nil, err
				}
			}
			return w.held[i*share:][:share], nil
		}})
	}
}

// read takes in a parameter, in the order of the file. One that cannot be written is noted, and zeros in its place let
// all of them be found.
func (w *output) read(p parameter, s bind.Stored, d loader.DType) (err error) {
	if err := w.ctx.Err(); err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	w.weights.Release(w.held)
	if w.held, err = w.weights.Tensor(p.from, p.shape); err != nil {
		return err
	}
	for i, v := range w.added[p.from] {
		w.held[i] += v
	}
	if largest := bind.Largest(w.held); !d.Holds(largest) {
		w.beyond = append(w.beyond, fmt.Sprintf("%s reaches %g", p.from, largest))
		clear(w.held)
	}
	if s.Order != nil {
		s.Order(w.held)
	}
	return nil
}

// types are the element types that are written.
func (w *output) types() (list []string) {
	for _, s := range w.list {
		list = append(list, string(s.DType))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// The formats of files.
const (
	safetensors = "safetensors"
	pickle      = "pickle"
)

// container is the format that a path asks for.
func container(path string) (string, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".safetensors":
		return safetensors, nil
	case ".pth", ".pt", ".bin":
		return pickle, nil
	}
	return "", fmt.Errorf("convert: %s: want a name that ends with .safetensors, or with .pth, .pt or .bin for a file as torch.save writes it", path)
}

// place refuses a path where no file can or may be written.
func place(inputs []string, out string, force bool) error {
	there, err := os.Lstat(out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	if info, err := os.Stat(out); err == nil {
		for _, in := range inputs {
			if read, err := os.Stat(in); err == nil && os.SameFile(read, info) {
				return fmt.Errorf("convert: %s is %s, which is read: choose another name", out, in)
			}
		}
	}
	switch mode := there.Mode(); {
	case mode.IsDir():
		return fmt.Errorf("convert: %s is a folder: give the name of a file in it", out)
	case !mode.IsRegular() && mode&fs.ModeSymlink == 0:
		return fmt.Errorf("convert: %s is %w: choose another name", out, file.ErrKind)
	case !force:
		return fmt.Errorf("convert: %s is there already: choose another name, or have it replaced (Options.Force)", out)
	}
	return nil
}

// save writes the file.
func (w *output) save(path, kind string) error {
	_ = file.Sweep(filepath.Dir(path)) // what a program that was killed left there; the folder may not be there yet
	said := w.said
	var bad error // of the input
	err := file.Save(path, 0o644, func(to io.Writer) (err error) {
		if kind == safetensors {
			said["format"] = "pt" // which transformers asks for
			err = loader.SaveSafetensors(to, said, w.list)
		} else {
			delete(said, "format")
			err = loader.SavePickle(to, said, loader.SavedEntry{Name: w.form.entry, Tensors: w.list})
		}
		if bad = w.weights.Err(); bad == nil && len(w.beyond) > 0 {
			bad = fmt.Errorf("convert: 16 bits do not hold all weights: %s; store them in bf16, which reaches as far as f32, or in f32 (Options.Precision)", bind.Some(w.beyond))
		}
		if bad != nil {
			return bad
		}
		return err
	})
	if bad != nil {
		return executor.Blame(bad)
	}
	return err
}
