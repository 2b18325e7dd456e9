package difftest_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/compare"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/synthetic"
	"github.com/glipvk/glipvk/vulkan"
)

// pair is a picture, padded to the size of its batch, and a caption at its own length.
type pair struct {
	image, ids, owned []float32
	labels            int
}

// batch is pairs that are padded to common sizes.
type batch struct {
	cfg                           glip.Config
	weights                       difftest.Weights
	height, width, tokens, labels int
	pairs                         []pair
	shared                        bool // all captions are of the first picture
}

// newBatch is two pictures and two captions of different sizes, in the size of the first: what is
// beyond the second picture is 0. The captions get more tokens, and labels, than either has.
func (s *detectorSuite) newBatch(t *testing.T) batch {
	t.Helper()
	c := s.set.Case(t, "tiny.caption")
	cfg, err := c.Config()
	if err != nil {
		t.Fatal(err)
	}
	b := batch{cfg: cfg, weights: s.weightsOf(t, c), height: c.Padded[0], width: c.Padded[1]}
	for _, c := range []*difftest.DetectorCase{c, s.set.Case(t, "tiny.resize")} {
		in, err := c.WholeInput(s.tokenizer(c))
		if err != nil {
			t.Fatal(err)
		}
		b.pairs = append(b.pairs, pair{in.Picture.Data, in.IDs, in.Owned, in.Labels})
		b.tokens, b.labels = max(b.tokens, len(in.IDs)+4), max(b.labels, in.Labels+3)
	}
	long := pair{image: b.pairs[0].image, labels: 1} // a third, whose caption is too long for one vector of a processor
	for range 3 {
		long.ids = append(long.ids, b.pairs[0].ids...)
	}
	long.owned = make([]float32, len(long.ids))
	long.owned[3], long.owned[20] = 1, 1
	b.pairs, b.tokens = append(b.pairs, long), max(b.tokens, len(long.ids)+12)
	other := &b.pairs[1].image
	whole := *other // as wide as the first, and higher
	*other = make([]float32, 3*b.height*b.width)
	for row := range 3 * b.height {
		if y := row % b.height; y < 40 {
			copy((*other)[row*b.width:][:70], whole[(row/b.height*len(whole)/3/b.width+y)*b.width:])
		}
	}
	return b
}

// inputs are those of the whole detector: pairs one after the other.
func (b batch) inputs() [][]float32 {
	in := make([][]float32, 4)
	for i, p := range b.pairs {
		if !b.shared || i == 0 {
			in[0] = append(in[0], p.image...)
		}
		ids, mask, owned := make([]float32, b.tokens), make([]float32, b.tokens), make([]float32, b.labels*b.tokens)
		for t := copy(ids, p.ids); t < b.tokens; t++ {
			mask[t] = glip.Masked
		}
		for l := range p.labels {
			copy(owned[l*b.tokens:], p.owned[l*len(p.ids):][:len(p.ids)])
		}
		in[1], in[2], in[3] = append(in[1], ids...), append(in[2], mask...), append(in[3], owned...)
	}
	return in
}

// alone is a pair as a batch of one, without padding of the caption.
func (b batch) alone(i int) batch {
	p := b.pairs[i]
	b.pairs, b.tokens, b.labels, b.shared = []pair{p}, len(p.ids), p.labels, false
	return b
}

// batchTaps are compared with the candidates: what the parts hand on, the tower, and what the head says.
var batchTaps = []string{
	"backbone.fpn.fpn_layer?", "backbone.fpn.top_blocks.p?", "language_backbone.body.model.encoder.layer.*.output.LayerNorm",
	"rpn.head.dyhead_tower.*.output.clamped", "rpn.head.dyhead_tower.*.p?", "rpn.head.bbox.p?", "rpn.head.centerness*", "rpn.head.dot.p?",
}

// run computes the candidates and the taps. What spoils, if anything, gets the inputs first.
func (b batch) run(t *testing.T, e difftest.Executor, spoil func([][]float32)) ([]graph.Node, [][]float32) {
	t.Helper()
	g, err := glip.Record(b.cfg, glip.Grounding{
		Batch: len(b.pairs), Shared: b.shared, Height: b.height, Width: b.width, Tokens: b.tokens, Labels: b.labels, Threshold: -1, PerLevel: 50,
	})
	if err != nil {
		t.Fatal(err)
	}
	ids := slices.Clone(g.Outputs[:glip.Levels])
	for _, glob := range batchTaps {
		found, err := g.Match(glob)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s matches %v, %v", glob, found, err)
		}
		ids = append(ids, found...)
	}
	inputs := b.inputs()
	if spoil != nil {
		spoil(inputs)
	}
	values, err := e.Run(t.Context(), g, b.weights, inputs, ids)
	if err != nil {
		t.Fatal(err)
	}
	nodes := make([]graph.Node, len(ids))
	for i, id := range ids {
		nodes[i] = g.Nodes[id]
	}
	return nodes, values
}

// differences compares every pair of a batch with itself alone.
func (b batch) differences(t *testing.T, e difftest.Executor, spoil func([][]float32)) (list []compare.Difference) {
	t.Helper()
	nodes, values := b.run(t, e, spoil)
	for item := range b.pairs {
		single, wanted := b.alone(item).run(t, e, nil)
		for i, want := range wanted {
			of := item % nodes[i].Shape[0] // 0 of the picture that is shared
			list = append(list, compare.Values(single[i].Path, corner(values[i], nodes[i].Shape, of, single[i].Shape), want))
		}
	}
	return list
}

// corner is item i of a value, cut along every axis to a shape [1, ...].
func corner(value []float32, whole graph.Shape, item int, to graph.Shape) []float32 {
	n := len(value) / whole[0]
	value, whole, to = value[item*n:][:n], whole[1:], to[1:]
	out := make([]float32, 0, to.Elements())
	for i := range to.Elements() {
		at, rest, stride := 0, i, 1
		for axis := len(to) - 1; axis >= 0; axis-- {
			at += rest % to[axis] * stride
			rest, stride = rest/to[axis], stride*whole[axis]
		}
		out = append(out, value[at])
	}
	return out
}

// closeBatch is what a batch may be off one by one where tiles, and with them the order of sums,
// depend on its size.
var closeBatch = compare.Bounds{RelativeL2: 1e-5, RelativeAbsolute: 1e-4}

// batchBounds are those of an executor: none for the oracle and package cpu, which add up in the same
// order whatever the batch and the padding are.
func batchBounds(e difftest.Executor) compare.Bounds {
	switch {
	case strings.HasPrefix(e.Name(), "cpu"):
		return compare.Bounds{}
	case strings.HasPrefix(e.Name(), "half"): // what rounding to 16 bits costs, where sums differ
		return compare.Bounds{RelativeL2: 5e-3, RelativeAbsolute: 2e-2}
	}
	return closeBatch
}

// TestDetectorBatch computes pictures with a caption each in one graph, padded to common
// sizes, and each alone at its own; then as many captions of one picture.
func TestDetectorBatch(t *testing.T) {
	b := newDetectorSuite(t, difftest.CommittedDetector(t)).newBatch(t)
	everyExecutor(t, func(t *testing.T, e difftest.Executor) {
		b, forms := b, []difftest.Executor{e, difftest.Absorbed{Executor: e}}
		if _, ok := e.(difftest.Vulkan); ok { // software drivers compile a program of every size for long
			b.pairs, b.tokens = b.pairs[:2], len(b.pairs[0].ids)+4
			forms = forms[1:]
		}
		for _, e := range forms {
			b.judge(t, e)
		}
		if usual(e) {
			b.pairs, b.shared = slices.Clone(b.pairs), true
			for i := range b.pairs {
				b.pairs[i].image = b.pairs[0].image
			}
			b.judge(t, e)
		}
	})
	t.Run("f16", func(t *testing.T) { // the mask is a number there too
		b.pairs = b.pairs[:2]
		half := vulkan.UploadOptions{Precision: kernels.F16}
		b.judge(t, difftest.Absorbed{Executor: difftest.Vulkan{Device: difftest.OpenDevice(t, engine.Options{}), Title: "half", Upload: half}})
	})
}

func (b batch) judge(t *testing.T, e difftest.Executor) {
	t.Helper()
	var worst compare.Difference
	for _, d := range b.differences(t, e, nil) {
		if d = d.Within(batchBounds(e)); !d.OK() {
			t.Errorf("%s, shared %v, %s: %s", e.Name(), b.shared, d.Name, d)
		}
		if d.RelativeL2 > worst.RelativeL2 {
			worst = d
		}
	}
	t.Logf("%s, shared %v: %s is worst: %s", e.Name(), b.shared, worst.Name, worst)
}

// TestDetectorBatchMistakes: the bounds reject a caption that is not masked, one with the other's mask,
// labels of the other caption, and two pictures that changed places.
func TestDetectorBatchMistakes(t *testing.T) {
	b := newDetectorSuite(t, difftest.CommittedDetector(t)).newBatch(t)
	turn := func(data []float32) {
		n := len(data) / len(b.pairs)
		copy(data, slices.Concat(data[n:], data[:n]))
	}
	for name, spoil := range map[string]func([][]float32){
		"no mask":          func(in [][]float32) { clear(in[2]) },
		"the other's mask": func(in [][]float32) { turn(in[2]) },
		"other labels":     func(in [][]float32) { turn(in[3]) },
		"other picture":    func(in [][]float32) { turn(in[0]) },
	} {
		list := b.differences(t, difftest.CPU{}, spoil)
		if !slices.ContainsFunc(list, func(d compare.Difference) bool { return d.RelativeL2 > 100*closeBatch.RelativeL2 }) {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestDetectorPartWithoutFusion: a tower without cross attention takes a mask that it does not read.
func TestDetectorPartWithoutFusion(t *testing.T) {
	s := newDetectorSuite(t, difftest.CommittedDetector(t))
	c := s.set.Case(t, "tiny_a.caption")
	cfg, err := c.Config()
	if err != nil {
		t.Fatal(err)
	}
	g, err := glip.RecordGrounding(cfg, glip.Grounding{Batch: 2, Height: 64, Width: 64, Tokens: 5, Labels: 3, Threshold: -1, PerLevel: 9})
	if err != nil {
		t.Fatal(err)
	}
	var inputs [][]float32
	for _, id := range g.Inputs() {
		data := make([]float32, g.Nodes[id].Shape.Elements())
		for i := range data {
			data[i] = synthetic.Value(g.Nodes[id].Path, 1, uint64(i), 0, 1)
		}
		inputs = append(inputs, data)
	}
	run := func(e difftest.Executor) [][]float32 {
		values, err := e.Run(t.Context(), g, s.weightsOf(t, c), inputs, g.Outputs)
		if err != nil {
			t.Fatal(err)
		}
		return values[:glip.Levels]
	}
	want := run(difftest.CPU{})
	everyExecutor(t, func(t *testing.T, e difftest.Executor) {
		for l, got := range run(e) {
			if d := compare.Values("", got, want[l]).Within(compare.Bounds{RelativeL2: 1e-4, RelativeAbsolute: 1e-4}); !d.OK() {
				t.Errorf("level %d: %s", l, d)
			}
		}
	})
}

// TestDetectorHealth: one NaN in one picture of a batch is seen in that picture's health outputs, behind the
// pyramid and behind the head, and in no other picture's.
func TestDetectorHealth(t *testing.T) {
	b := newDetectorSuite(t, difftest.CommittedDetector(t)).newBatch(t)
	b.pairs = b.pairs[:2]
	everyExecutor(t, func(t *testing.T, e difftest.Executor) {
		if !usual(e) {
			t.Skip("the programs that users get show it")
		}
		g, err := glip.Record(b.cfg, glip.Grounding{Batch: 2, Height: b.height, Width: b.width, Tokens: b.tokens, Labels: b.labels})
		if err != nil {
			t.Fatal(err)
		}
		in := b.inputs()
		in[0] = slices.Clone(in[0])
		in[0][len(in[0])-1] = float32(math.NaN())
		values, err := e.Run(t.Context(), g, b.weights, in, g.Outputs)
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range g.Outputs {
			path, health := glip.Health(g.Nodes[id].Path)
			if !health || strings.Contains(path, "_text") { // the first text layers do not see it everywhere
				continue
			}
			for picture, row := range slices.Collect(slices.Chunk(values[i], len(values[i])/2)) {
				if sick := slices.ContainsFunc(row, func(v float32) bool { return v != v }); sick != (picture == 1) {
					t.Errorf("picture %d: %s is sick: %v", picture, path, sick)
				}
			}
		}
	})
}
