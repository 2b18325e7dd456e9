package goldtrain

import (
	"encoding/json"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/cpuref"
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
//
// Where a norm has few values, as on maps of one position, a last bit of what comes before decides a gradient's fourth digit: what
// float32 moved the original is then one draw of many. There a tensor may be as far as rounding moves the oracle ([Whole.shaken]).
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
	var far []Tensor
	for _, x := range c.compared() {
		got, ok := values[x.Name]
		switch {
		case !ok && x.AbsMax != 0:
			t.Errorf("%s: no gradient %s", c.ID, x.Name)
		case ok && !(c.Distance(t, x, got) <= x.Limit()):
			far = append(far, x)
		}
	}
	if len(far) > 0 {
		c.excused(t, s, values, far)
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

// shakes is how often the oracle is shaken. A tensor may be off by twice what that moves it.
const shakes = 4

// excused fails for tensors that are farther than rounding explains.
func (c *Whole) excused(t *testing.T, s wholeStep, values map[string][]float32, far []Tensor) {
	t.Helper()
	still := s.values(t, difftest.CPU{})
	moved := make([]float64, len(far))
	for seed := range uint64(shakes) {
		shaken := s.values(t, difftest.CPU{Options: cpuref.Options{Observe: shake(seed)}})
		for i, x := range far {
			moved[i] = max(moved[i], x.apart(shaken[x.Name], still[x.Name]))
		}
	}
	for i, x := range far {
		d := c.Distance(t, x, values[x.Name])
		if limit := max(x.Limit(), 2*moved[i]); !(d <= limit) {
			t.Errorf("%s, %s: off by %.3g of its rms, want at most %.3g", c.ID, x.Name, d, limit)
		} else {
			t.Logf("%s, %s: off by %.3g of its rms, more than %.3g; rounding moves the oracle by %.3g", c.ID, x.Name, d, x.Limit(), moved[i])
		}
	}
}

// apart is the largest difference of two values of a tensor where elements are stored, over its rms; infinite for NaN.
func (x Tensor) apart(a, b []float32) float64 {
	worst := 0.0
	for k := range x.Count {
		i := k * len(a) / x.Count
		d := math.Abs(float64(a[i]) - float64(b[i]))
		if d != d {
			return math.Inf(1)
		}
		worst = max(worst, d)
	}
	return worst / (x.L2 / math.Sqrt(float64(len(a))))
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

// values are gradients by the names of tensors and losses by path.
func (s wholeStep) values(t *testing.T, e difftest.Executor) map[string][]float32 {
	t.Helper()
	out, err := e.Run(t.Context(), s.graph, Weights(t, s.Config, s.Seed, s.Overrides), s.inputs, s.graph.Outputs)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]float32{}
	for name, data := range Official(s.Config, s.weights, out) {
		values["grad."+name] = data
	}
	out = out[len(s.weights):]
	for i, name := range s.tensors {
		shape, want := s.training.Nodes[at(t, s.training, s.between[i])].Shape, s.Find(t, "gradient of an activation", name).Shape
		if len(want) == 4 {
			values[name] = channelsFirst(out[i], shape)
		} else {
			values[name] = cut(out[i], shape, want) // with the padding that the graph leaves out
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
