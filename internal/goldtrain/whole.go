package goldtrain

import (
	"encoding/json"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/grad"
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
	Losses    map[string]float64
	Single    map[string]float64 `json:"losses_float32"`

	Config glip.Config `json:"-"`
}

// Wholes are the cases of a group of whole detectors.
func Wholes(t *testing.T, group string) (list []Whole) {
	t.Helper()
	for _, c := range Cases(t, group) {
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

// Compare runs a step on an executor and wants losses and gradients near, those of weights and those between the parts.
func (c *Whole) Compare(t *testing.T, e difftest.Executor) {
	t.Helper()
	s, inputs := c.Inputs(t, c.Config)
	g := built(t)(glip.RecordTraining(c.Config, s))
	var weights, between, tensors []string
	for _, id := range g.Params() {
		weights = append(weights, g.Nodes[id].Path)
	}
	for _, x := range c.Tensors {
		if name, ok := strings.CutPrefix(x.Name, "grad@"); ok {
			path, err := difftest.WholePath(c.Config, name)
			if err != nil {
				t.Fatal(err)
			}
			between, tensors = append(between, path), append(tensors, x.Name)
		}
	}
	r := built(t)(grad.Reverse(g, glip.LossPath, slices.Concat(weights, between)...))
	for _, path := range glip.LossPaths() {
		r.Outputs = append(r.Outputs, at(t, r, path))
	}
	out, err := e.Run(t.Context(), r, Weights(t, c.Config, c.Seed, c.Overrides), inputs, r.Outputs)
	if err != nil {
		t.Fatal(err)
	}
	out = out[1:]
	values := Official(c.Config, weights, out)
	out = out[len(weights):]
	for i, name := range tensors {
		shape, want := g.Nodes[at(t, g, between[i])].Shape, c.Find(t, "gradient of an activation", name).Shape
		if len(want) == 4 {
			out[i] = channelsFirst(out[i], shape)
		} else {
			out[i] = cut(out[i], shape, want) // padding that the graph leaves out
		}
		values[name] = out[i]
	}
	c.compare(t, values, out[len(tensors):])
}

func (c *Whole) compare(t *testing.T, values map[string][]float32, losses [][]float32) {
	t.Helper()
	for i, name := range []string{"loss_reg", "loss_centerness", "loss_dot_product_token"} {
		want := c.Losses[name]
		if d := math.Abs(float64(losses[i][0]) - want); !(d <= LossLimit(want, c.Single[name])) {
			t.Errorf("%s: %s is %g, want %g", c.ID, name, losses[i][0], want)
		}
	}
	recorded := 0.0
	for _, x := range c.Tensors {
		if !x.Vanishing {
			recorded = max(recorded, x.F32.RelMax)
		}
	}
	for _, x := range c.Tensors {
		got, ok := values[strings.TrimPrefix(x.Name, "grad.")]
		if !ok {
			if x.AbsMax != 0 {
				t.Errorf("%s: no gradient %s", c.ID, x.Name)
			}
			continue
		}
		if x.F32.RelMax == 0 && x.AbsMax != 0 { // not recorded of this tensor
			x.F32.RelMax = recorded
		}
		c.Near(t, x, got)
	}
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
