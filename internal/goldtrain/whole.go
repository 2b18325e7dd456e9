package goldtrain

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/synthetic"
	"github.com/glipvk/glipvk/text"
)

// Batch is what a step learns from.
type Batch struct {
	Padded   [2]int
	Pictures []struct {
		Height, Width int
		Seed          uint64
		Caption       string
		Boxes         []glip.Box
		Labels        []int
		Spans         [][][2]int
	}
	Tokens [][][]int
}

// Whole is a case of a whole detector.
type Whole struct {
	Case
	Batch
	Seed      uint64
	Overrides map[string]float32
	Arch      json.RawMessage
	Total     float64

	Config glip.Config `json:"-"`
}

// Wholes are the cases of group tiny.
func Wholes(t *testing.T) (list []Whole) {
	t.Helper()
	for _, c := range Cases(t, "tiny") {
		w := Whole{Case: c}
		c.Into(t, &w)
		w.raw = c.raw
		var err error
		if w.Config, err = glip.ParseConfig(w.Arch); err != nil {
			t.Fatal(err)
		}
		list = append(list, w)
	}
	return list
}

// Weights are those by formula, bound like an official checkpoint.
func Weights(t *testing.T, cfg glip.Config, seed uint64, overrides map[string]float32) *bind.Weights {
	t.Helper()
	var tensors []synthetic.Declared
	for _, p := range glip.OfficialParams(cfg) {
		tensors = append(tensors, synthetic.Declared(p))
	}
	file, err := synthetic.NewCheckpoint(tensors, synthetic.Detector{Seed: seed, Overrides: overrides})
	if err != nil {
		t.Fatal(err)
	}
	bound, err := glip.Bind(file, cfg, bind.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return bound
}

// Inputs are the pictures, the captions and the targets of a batch for a small detector.
func (c Batch) Inputs(t *testing.T, cfg glip.Config) (glip.Training, [][]float32) {
	t.Helper()
	root, err := difftest.Root()
	if err != nil {
		t.Fatal(err)
	}
	tok, err := text.Open(filepath.Join(root, "testdata", "glip", "tiny", "vocab.txt"))
	if err != nil {
		t.Fatal(err)
	}
	s := glip.Training{Batch: len(c.Pictures), Height: c.Padded[0], Width: c.Padded[1]}
	var captions [][]int32
	var lengths []int
	var objects [][]glip.Object
	image := make([]float32, s.Batch*3*s.Height*s.Width)
	for i, p := range c.Pictures {
		e, err := tok.Encode(p.Caption)
		if err != nil {
			t.Fatal(err)
		}
		captions, lengths = append(captions, e.IDs()), append(lengths, len(e.IDs()))
		s.Tokens, s.Objects = max(s.Tokens, len(e.IDs())), max(s.Objects, len(p.Boxes))
		var list []glip.Object
		for k, b := range p.Boxes {
			list = append(list, glip.Object{Box: b, Label: p.Labels[k], Tokens: c.Tokens[i][k]})
		}
		objects = append(objects, list)
		drawn := picture.Picture{Height: p.Height, Width: p.Width, Pixels: synthetic.Picture(p.Height, p.Width, p.Seed)}
		in, err := picture.Detector{Size: picture.DetectorSize{Original: true}}.Apply(t.Context(), drawn)
		if err != nil {
			t.Fatal(err)
		}
		for row := range 3 * in.Height {
			channel, y := row/in.Height, row%in.Height
			copy(image[((i*3+channel)*s.Height+y)*s.Width:], in.Data[row*in.Width:][:in.Width])
		}
	}
	ids, mask := make([]float32, s.Batch*s.Tokens), make([]float32, s.Batch*s.Tokens)
	for i, caption := range captions {
		for k := range s.Tokens {
			if mask[i*s.Tokens+k] = glip.Masked; k < len(caption) {
				ids[i*s.Tokens+k], mask[i*s.Tokens+k] = float32(caption[k]), 0
			}
		}
	}
	targets, err := glip.NewTargets(cfg, s, lengths, objects)
	if err != nil {
		t.Fatal(err)
	}
	return s, append([][]float32{image, ids, mask}, targets.Inputs()...)
}

// Official gives values of weights, by their paths, the names and the order of elements of an official checkpoint.
func Official(cfg glip.Config, paths []string, values [][]float32) map[string][]float32 {
	named := map[string][]float32{}
	for _, p := range cfg.Params() {
		if i := slices.Index(paths, p.Name); i >= 0 {
			name, data := glip.OfficialTensor(p, values[i])
			named[name] = data
		}
	}
	return named
}
