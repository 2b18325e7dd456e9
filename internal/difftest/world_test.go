package difftest_test

import (
	"math"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/compare"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/synthetic"
)

// trained is glip-world, whose weights are trained, asked of a scene for what a caption names.
type trained struct {
	difftest.Weights
	graph  *graph.Graph
	inputs [][]float32
	taps   []graph.ID
	oracle [][]float32 // values of the taps
}

// tapped are the values that are compared: what parts of the model hand on, and what saturates where weights are trained.
var tapped = regexp.MustCompile(`^backbone\.body\.(stages\.\d\.blocks\.\d|norm\d)$|^backbone\.fpn\.(fpn_layer\d|top_blocks\.p\d)$|LayerNorm$` +
	`|\.(softmax|softmax_v|softmax_l|position_bias|lang|clamped|offset|mean|h_sigmoid|relu\.fc\.3)(#\d+)?$|^rpn\.head\.dyhead_tower\.\d\.p\d$|^rpn\.head\.(bbox\.p\d|dot\.p\d|centerness(#\d)?)$`)

// newTrained readies it for a scene and its sentence.
func newTrained(t *testing.T, scene, caption string) *trained {
	t.Helper()
	l, err := glipvk.LoadDetector("glip-world", glipvk.DetectorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	drawn, err := picture.Open(t.Context(), filepath.Join("..", "..", "testdata", "world", scene), picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	in, err := picture.Detector{Size: picture.DetectorSize{Original: true}}.Apply(t.Context(), drawn)
	if err != nil {
		t.Fatal(err)
	}
	prompts, err := glipvk.Query{Caption: caption}.Prompts(l.Tokenizer())
	if err != nil {
		t.Fatal(err)
	}
	heard, err := l.Tokenizer().Hear(prompts[0], l.Config().MaxTokens)
	if err != nil || len(heard.Labels) == 0 {
		t.Fatal(heard, err)
	}
	tokens := len(heard.IDs)
	ids, owned := make([]float32, tokens), make([]float32, len(heard.Labels)*tokens)
	for i, id := range heard.IDs {
		ids[i] = float32(id)
	}
	for l, list := range heard.Tokens {
		for _, i := range list {
			owned[l*tokens+i] = 1
		}
	}
	x := &trained{Weights: l, inputs: [][]float32{in.Data, ids, make([]float32, tokens), owned}}
	if x.graph, err = glip.Record(l.Config(), glip.Grounding{Height: in.Height, Width: in.Width, Tokens: tokens, Labels: len(heard.Labels)}); err != nil {
		t.Fatal(err)
	}
	for id, n := range x.graph.Nodes {
		if _, given := n.Op.(graph.Param); !given && tapped.MatchString(n.Path) {
			x.taps = append(x.taps, graph.ID(id))
		}
	}
	x.oracle = x.run(t, difftest.CPU{}, x.taps)
	return x
}

func (x *trained) run(t *testing.T, e difftest.Executor, taps []graph.ID) [][]float32 {
	t.Helper()
	values, err := e.Run(t.Context(), x.graph, x, x.inputs, taps)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// changed runs the oracle with every computed value changed.
func (x *trained) changed(t *testing.T, change func(n graph.Node, data []float32)) map[string]float64 {
	t.Helper()
	observe := func(_ graph.ID, n graph.Node, data []float32) {
		if _, given := n.Op.(graph.Input); !given {
			change(n, data)
		}
	}
	return x.apart(t, x.taps, x.run(t, difftest.CPU{Options: cpuref.Options{Observe: observe}}, x.taps))
}

var level = regexp.MustCompile(`(\.p\d)?(#\d+)?$`)

// apart are the relative L2 distances of the values of taps from the oracle's, those of all levels as one: on the last,
// a pixel or two, chance decides.
func (x *trained) apart(t *testing.T, taps []graph.ID, values [][]float32) map[string]float64 {
	t.Helper()
	differences, norms := map[string]float64{}, map[string]float64{}
	for i, id := range x.taps {
		if len(taps) == 0 || taps[0] != id {
			continue
		}
		path := x.graph.Nodes[id].Path
		d := compare.Values(path, values[0], x.oracle[i])
		taps, values = taps[1:], values[1:]
		if d.Missing != 0 || d.Elements == 0 || d.NonFinite != 0 {
			t.Fatalf("%s: %s", path, d)
		}
		norm := 0.0
		for _, v := range x.oracle[i] {
			norm += float64(v) * float64(v)
		}
		name := level.ReplaceAllString(path, "")
		differences[name] += d.RelativeL2 * d.RelativeL2 * norm
		norms[name] += norm
	}
	for name, d := range differences {
		differences[name] = math.Sqrt(d / max(norms[name], math.SmallestNonzeroFloat64))
	}
	return differences
}

// inside says whether a value is one that the absorbed form does not have.
func (x *trained) inside(id graph.ID) bool {
	return strings.Contains(x.graph.Nodes[id].Path, ".b_attn.attn.")
}

// judge compares an executor's values with the oracle's.
func (x *trained) judge(t *testing.T, e difftest.Executor, bounds map[string]float64) {
	t.Helper()
	taps := x.taps
	if _, absorbed := e.(difftest.Absorbed); absorbed {
		taps = nil
		for _, id := range x.taps {
			if !x.inside(id) {
				taps = append(taps, id)
			}
		}
	}
	worst, ratio := "", 0.0
	apart := x.apart(t, taps, x.run(t, e, taps))
	for name, got := range apart {
		if !(got <= bounds[name]) {
			t.Errorf("%s: %s: relative L2 %.3g, want at most %.3g", e.Name(), name, got, bounds[name])
		}
		if by := got / bounds[name]; by > ratio {
			worst, ratio = name, by
		}
	}
	t.Logf("%s: %d values of %d names; worst is %s at %.2f of its bound, %.3g", e.Name(), len(taps), len(apart), worst, ratio, bounds[worst])
}

// TestWorldGolden compares values inside a trained model, on every executor and in both precisions, with the oracle's. No other
// program's float32 run of it is at hand: that an executor may be [difftest.Factor] times as far as is the oracle with every
// value moved by up to two units of its last place, as sums in another order move it. In precision f16 a value may be as far as
// with every value of the oracle rounded to 16 bits, of which programs round some.
func TestWorldGolden(t *testing.T) {
	x := newTrained(t, "scene1.png", "a red apple and two dogs")
	single, half := map[string]float64{}, map[string]float64{}
	for name, d := range x.changed(t, func(n graph.Node, data []float32) {
		for i, v := range data {
			data[i] = v + v*synthetic.Value(n.Path, 1, uint64(i), 0, 0x1p-22)
		}
	}) {
		single[name] = difftest.Factor * d
	}
	for name, d := range x.changed(t, func(_ graph.Node, data []float32) { synthetic.RoundFloat16(data) }) {
		if half[name] = max(d, halfModule); strings.HasPrefix(name, "rpn.head.dot") && !(d > 2*single[name]) {
			t.Errorf("%s: 16 bits move it by %.3g, which f32 may be off by %.3g of", name, d, single[name])
		}
	}
	everyExecutor(t, func(t *testing.T, e difftest.Executor) {
		for _, e := range []difftest.Executor{e, difftest.Absorbed{Executor: e}} {
			x.judge(t, e, single)
		}
	})
	t.Run("f16", func(t *testing.T) {
		d := difftest.OpenDevice(t, engine.Options{})
		if got, why, err := kernels.Settle(d.Info(), kernels.F16); err != nil || got != kernels.F16 {
			t.Fatalf("no f16 on this device: %s (%v)", why, err)
		}
		for _, e := range halfExecutors(d) {
			x.judge(t, e, half)
			x.judge(t, difftest.Absorbed{Executor: e}, half)
		}
	})
}
