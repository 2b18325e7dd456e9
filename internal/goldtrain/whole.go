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
	"github.com/glipvk/glipvk/graph"
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
	Single    map[string]float64        `json:"losses_float32"`
	moved     map[string]float64        // by rounding
	sides     [][2]map[string][]float32 // the oracle's values with an element at a bend on the original's side and on the other

	Config glip.Config `json:"-"`
}

// Wholes are the cases of a group of whole detectors.
func Wholes(t *testing.T, group string) (list []*Whole) {
	t.Helper()
	for _, c := range Cases(t, group) {
		w := &Whole{Case: c}
		c.Into(t, w)
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
//
// Where a norm has few values, as on maps of one position, a last bit of what comes before decides a gradient's fourth digit, and
// where a sample lies at a corner of its pixel it decides on which side: what float32 moved the original is one draw of many. A
// tensor that is farther, wherever the [bends] that are known put their elements, may be off by as much as rounding moves the oracle.
func (c *Whole) Compare(t *testing.T, e difftest.Executor) {
	t.Helper()
	s := c.step(t)
	values := s.values(t, e)
	for i, name := range []string{"loss_reg", "loss_centerness", "loss_dot_product_token"} {
		want, got := c.Losses[name], float64(values[glip.LossPaths()[i]][0])
		if d := math.Abs(got - want); !(d <= LossLimit(want, c.Single[name])) {
			t.Errorf("%s: %s is %g, want %g", c.ID, name, got, want)
		}
	}
	for _, x := range c.compared() {
		if _, ok := values[x.Name]; !ok && x.AbsMax != 0 {
			t.Errorf("%s: no gradient %s", c.ID, x.Name)
		}
	}
	far := c.far(t, values)
	if len(far) == 0 {
		return
	}
	t.Logf("%s: %d of %d tensors are farther than ten times what float32 moved the original", c.ID, len(far), len(c.Tensors))
	if far = c.unbent(t, s, values); len(far) == 0 {
		return
	}
	moved := c.shaken(t, s)
	for _, x := range c.compared() {
		limit := max(x.Limit(), shakes*moved[x.Name])
		if d, ok := far[x.Name]; ok && !(d <= limit) {
			t.Errorf("%s, %s: off by %.3g of its rms, want at most %.3g", c.ID, x.Name, d, limit)
		}
	}
}

// compared are the tensors that do not vanish. Those of which nothing is recorded have the largest distance of the others.
func (c *Whole) compared() (list []Tensor) {
	recorded := 0.0
	for _, x := range c.Tensors {
		if !x.Vanishing {
			list, recorded = append(list, x), max(recorded, x.F32.RelMax)
		}
	}
	for i, x := range list {
		if x.F32.RelMax == 0 && x.AbsMax != 0 {
			list[i].F32.RelMax = recorded
		}
	}
	return list
}

// shakes is how often the oracle is shaken, and how often its farthest a tensor may be off.
const shakes = 4

// shaken is how far rounding moves the tensors on the oracle, with the elements at bends on the original's side.
func (c *Whole) shaken(t *testing.T, s wholeStep) map[string]float64 {
	t.Helper()
	if c.moved != nil {
		return c.moved
	}
	c.moved = map[string]float64{}
	still := s.held(t, nil, bends[c.ID]...)
	for seed := range uint64(shakes) {
		values := s.held(t, shake(seed), bends[c.ID]...)
		for _, x := range c.compared() {
			c.moved[x.Name] = max(c.moved[x.Name], x.apart(values[x.Name], still[x.Name]))
		}
	}
	return c.moved
}

// shake moves every computed value by up to two units of its last place, as float32 sums in another order do.
func shake(seed uint64) func(id graph.ID, n graph.Node, data []float32) {
	return func(id graph.ID, n graph.Node, data []float32) {
		if _, given := n.Op.(graph.Input); given {
			return
		}
		for i, v := range data {
			data[i] = v + v*synthetic.Value(n.Path, seed, uint64(i), 0, 0x1p-22)
		}
	}
}

// wholeStep is a step ready to run.
type wholeStep struct {
	*Whole
	graph    *graph.Graph
	inputs   [][]float32
	weights  []string // paths
	between  []string // paths of values between the parts
	tensors  []string // what the case calls their gradients
	training *graph.Graph
}

func (c *Whole) step(t *testing.T) wholeStep {
	t.Helper()
	size, inputs := c.Inputs(t, c.Config)
	s := wholeStep{Whole: c, inputs: inputs, training: built(t)(glip.RecordTraining(c.Config, size))}
	for _, id := range s.training.Params() {
		s.weights = append(s.weights, s.training.Nodes[id].Path)
	}
	for _, x := range c.Tensors {
		if name, ok := strings.CutPrefix(x.Name, "grad@"); ok {
			path, err := difftest.WholePath(c.Config, name)
			if err != nil {
				t.Fatal(err)
			}
			s.between, s.tensors = append(s.between, path), append(s.tensors, x.Name)
		}
	}
	s.graph = built(t)(grad.Reverse(s.training, glip.LossPath, slices.Concat(s.weights, s.between)...))
	s.graph.Outputs = s.graph.Outputs[1:]
	for _, path := range glip.LossPaths() {
		s.graph.Outputs = append(s.graph.Outputs, at(t, s.graph, path))
	}
	return s
}

// values are the stored elements of gradients by the names of tensors, and losses by path.
func (s wholeStep) values(t *testing.T, e difftest.Executor) map[string][]float32 {
	t.Helper()
	out, err := e.Run(t.Context(), s.graph, Weights(t, s.Config, s.Seed, s.Overrides), s.inputs, s.graph.Outputs)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]float32{}
	for name, data := range Official(s.Config, s.weights, out) {
		all["grad."+name] = data
	}
	out = out[len(s.weights):]
	for i, name := range s.tensors {
		shape, want := s.training.Nodes[at(t, s.training, s.between[i])].Shape, s.Find(t, "gradient of an activation", name).Shape
		if len(want) == 4 {
			all[name] = channelsFirst(out[i], shape)
		} else {
			all[name] = cut(out[i], shape, want) // with the padding that the graph leaves out
		}
	}
	values := map[string][]float32{}
	for _, x := range s.Tensors {
		if data, ok := all[x.Name]; ok {
			values[x.Name] = x.sampled(t, data)
		}
	}
	for i, path := range glip.LossPaths() {
		values[path] = out[len(s.tensors)+i]
	}
	return values
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
	tok := tokenizer(t, cfg)
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

// tokenizer has the words of the small detectors, or all.
func tokenizer(t *testing.T, cfg glip.Config) *text.Tokenizer {
	t.Helper()
	if all := text.BERT(); all.Size() == cfg.Text.VocabSize {
		return all
	}
	root, err := difftest.Root()
	if err != nil {
		t.Fatal(err)
	}
	tok, err := text.Open(filepath.Join(root, "testdata", "glip", "tiny", "vocab.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return tok
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
