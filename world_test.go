package glipvk_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/world"
)

// The model that is in the program needs no file; its file is one as any other.
func TestWorldModel(t *testing.T) {
	file := filepath.Join("world", "glip-world.safetensors")
	c, err := glipvk.OpenCard(glipvk.Embedded, "")
	if err != nil {
		t.Fatal(err)
	}
	p := picture.Picture{Height: 60, Width: 90, Pixels: make([]byte, 3*60*90)}
	open := func(name string, o glipvk.DetectorOptions) (found []glipvk.Detection) {
		t.Helper()
		o.Device, o.Probability = "cpu", -1
		d, err := glipvk.OpenDetector(t.Context(), name, o)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if info := d.Info(); info.Name != world.Name || info.Size != c.Size || info.Parameters > 2.5e6 || d.Tokenizer().Size() != c.Config.Text.VocabSize {
			t.Errorf("%q, %+v: %+v", name, o, info)
		}
		all, err := d.Detect(t.Context(), glipvk.Query{Classes: []string{"cat", "dog"}}, p)
		if err != nil {
			t.Fatal(err)
		}
		if len(all[0]) == 0 {
			t.Errorf("%q, %+v: nothing is found, whatever it scores", name, o)
		}
		return all[0]
	}
	want := open("GLIP_World", glipvk.DetectorOptions{})
	for _, weights := range []string{glipvk.Embedded, file} {
		for _, name := range []string{"", "glip-world"} {
			if got := open(name, glipvk.DetectorOptions{Options: glipvk.Options{Weights: weights}}); !slices.Equal(got, want) {
				t.Errorf("%q, %s: found %v, want %v", name, weights, got, want)
			}
		}
	}
	open("glip-world", glipvk.DetectorOptions{Options: glipvk.Options{Weights: "synthetic:3"}})
	for _, name := range []string{"glip-world", "swin-world"} {
		b, err := glipvk.OpenBackbone(t.Context(), name, glipvk.BackboneOptions{Options: glipvk.Options{Device: "cpu"}})
		if err != nil {
			t.Fatal(err)
		}
		if b.Weights() != glipvk.Embedded || !b.Info().Backbone.PadSmallMap {
			t.Errorf("backbone %s: weights %s, %+v", name, b.Weights(), b.Info().Backbone)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := glipvk.OpenDetector(t.Context(), "glip-t", glipvk.DetectorOptions{Options: glipvk.Options{Weights: glipvk.Embedded}}); !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), "another model than glip-t") {
		t.Errorf("as glip-t: %v", err)
	}
}

// The file is of 16 bits, and small.
func TestWorldFile(t *testing.T) {
	if size := world.Weights().Size(); size > 4<<20 {
		t.Errorf("the weights take %d bytes, want 4 MiB at most", size)
	}
	f, err := loader.Open(filepath.Join("world", "glip-world.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range f.Names() {
		if kind := f.DType(name); kind != string(loader.Float16) {
			t.Errorf("%s is %s, want 16 bits", name, kind)
		}
	}
}
