package difftest_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/swin"
)

// mistake is a variant of variants.json, really made: in the configuration, in the
// recorded graph, in the weights, in the input, or in values as they are computed.
type mistake struct {
	id      string
	config  func(*swin.Config)
	rewrite func(*graph.Graph)
	weights func(difftest.Weights) difftest.Weights
	input   func(c *difftest.Case, x []float32)
	spoil   func(*spoiler, graph.Node, []float32) // only the oracle lets its values be changed
}

// spoiler overwrites values of the oracle while it runs.
type spoiler struct {
	t       *testing.T
	graph   *graph.Graph
	weights difftest.Weights
	values  [][]float32
}

// in is operand i of n: a value, or a parameter.
func (s *spoiler) in(n graph.Node, i int) []float32 {
	id := n.Inputs[i]
	if p := s.graph.Nodes[id]; graph.Kind(p.Op) == graph.Kind(graph.Param{}) {
		data, err := s.weights.Tensor(p.Path, p.Shape)
		if err != nil {
			s.t.Fatal(err)
		}
		return data
	}
	return s.values[id]
}

// find is the node of that path, which must be there.
func (s *spoiler) find(path string) graph.Node {
	id, ok := s.graph.Find(path)
	if !ok {
		s.t.Fatalf("no node %s", path)
	}
	return s.graph.Nodes[id]
}

// judged are the taps that a mistake must show at: early ones and the outputs.
var judged = []string{"patch_embed.norm", "stages.0.blocks.0", "stages.0.blocks.1", "out.0", "out.1", "out.2", "out.3"}

// run makes the mistake on a case, computes it on an executor, and judges the named taps,
// all if none is named.
// Recording may fail, as it does where the mistake has the model refuse the input.
func (m mistake) run(t *testing.T, e difftest.Executor, c *difftest.Case, taps ...string) ([]difftest.TapReport, error) {
	cfg, err := c.Config()
	if err != nil {
		t.Fatal(err)
	}
	if m.config != nil {
		m.config(&cfg)
	}
	g, err := swin.Record(cfg, swin.Input{Batch: c.Input.Batch, Height: c.Input.Height, Width: c.Input.Width})
	if err != nil {
		return nil, err
	}
	if m.rewrite != nil {
		for i := range g.Nodes {
			g.Nodes[i].Inputs = slices.Clone(g.Nodes[i].Inputs)
		}
		m.rewrite(g)
	}
	w, err := c.Weights()
	if err != nil {
		t.Fatal(err)
	}
	if m.weights != nil {
		w = m.weights(w)
	}
	x, err := c.MakeInput()
	if err != nil {
		t.Fatal(err)
	}
	if m.input != nil {
		m.input(c, x)
	}
	if m.spoil != nil {
		s := &spoiler{t: t, graph: g, weights: w, values: make([][]float32, len(g.Nodes))}
		e = difftest.CPU{Options: cpuref.Options{Observe: func(id graph.ID, n graph.Node, data []float32) {
			m.spoil(s, n, data)
			s.values[id] = data
		}}}
	}
	return c.JudgeGraph(context.Background(), e, g, w, x, taps...)
}

// TestComparisonRejectsMistakes makes the mistakes and wants the comparison to
// fail, on the oracle and, where the mistake is not made while values are computed, on
// package cpu. Where variants.json records how far the mistake moves a value, ours must
// move it as far, else it would be another mistake.
func TestComparisonRejectsMistakes(t *testing.T) {
	set := difftest.Committed(t)
	recorded, err := set.Variants()
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{"float32": true}
	for _, m := range mistakes() {
		made[m.id] = true
		executors := []difftest.Executor{difftest.CPU{}}
		if m.spoil == nil {
			executors = append(executors, difftest.FastCPU{Title: "cpu"})
		}
		for _, e := range executors {
			t.Run(m.id+"/"+e.Name(), func(t *testing.T) {
				rejected := false
				for _, id := range []string{"nano-128", "micro-w4-61x45"} { // the quick one first
					rejected = rejected || m.judge(t, e, set.Case(t, id), recorded[id])
				}
				if rejected == (m.id == mayPass) {
					t.Errorf("rejected: %v", rejected)
				}
			})
		}
	}
	for _, v := range recorded["nano-128"] {
		if !made[v.ID] {
			t.Errorf("variants.json has %s (%s), which no test makes", v.ID, v.About)
		}
	}
}

// judge reports whether the comparison rejects the mistake on a case.
func (m mistake) judge(t *testing.T, e difftest.Executor, c *difftest.Case, recorded []difftest.Variant) bool {
	i := slices.IndexFunc(recorded, func(v difftest.Variant) bool { return v.ID == m.id })
	if i < 0 {
		t.Fatalf("variants.json does not know %s on %s", m.id, c.ID)
	}
	reports, err := m.run(t, e, c, judged...)
	if refused := recorded[i].Refused != ""; refused || err != nil {
		if !refused || !errors.Is(err, swin.ErrSmallMap) {
			t.Errorf("%s: error %v, the original refused: %v", c.ID, err, refused)
		}
		return false
	}
	for _, r := range reports {
		want := recorded[i].Outputs[r.Name].RelL2
		if want < 1e-5 {
			continue // float32's own error is not far below
		}
		slack := 0.03
		if tap, _ := c.Tap(r.Name); tap.Storage == "sampled" || recorded[i].Precision() {
			slack = 0.15 // half the elements are not seen; rounding errors are chance
		}
		if ratio := r.RelativeL2 / want; !(math.Abs(ratio-1) < slack) {
			t.Errorf("%s: %s moves by %.4g, in the original by %.4g", c.ID, r.Name, r.RelativeL2, want)
		}
	}
	bad, found := difftest.FirstDivergence(reports)
	if found {
		t.Logf("%s: %s", c.ID, bad)
	}
	return found
}

// TestFirstDivergenceNamesTheOperation makes mistakes of one operation each and
// wants the walk over all taps to end at the first value of that operation.
func TestFirstDivergenceNamesTheOperation(t *testing.T) {
	c := difftest.Committed(t).Case(t, "micro-w4-61x45")
	first := map[string]string{
		"pad-before-norm":      "stages.1.blocks.0.attn.padded",    // the first map that is padded
		"qkv-layout":           "stages.1.blocks.0.attn.w_msa.qkv", // stage 0 has one head
		"scale-embed":          "stages.1.blocks.0.attn.w_msa.scores",
		"gelu-tanh":            "stages.0.blocks.0.ffn.layers.0.1",
		"residual-after-norm2": "stages.0.blocks.0",
		"roll-sign":            "stages.0.blocks.1.attn.rolled",
		"mask-10":              "stages.0.blocks.1.attn.mask",
		"one-weight-sign":      "stages.2.blocks.1.attn.w_msa.proj",
		"no-output-norm":       "norm0",
	}
	for _, m := range mistakes() {
		want, ok := first[m.id]
		if !ok {
			continue
		}
		reports, err := m.run(t, difftest.CPU{}, c)
		if err != nil {
			t.Errorf("%s: %v", m.id, err)
			continue
		}
		if bad, found := difftest.FirstDivergence(reports); !found || bad.Name != want {
			t.Errorf("%s: first divergence at %q, want %q", m.id, bad.Name, want)
		}
	}
}

// suffixed applies edit to the nodes whose path ends so.
func suffixed(suffix string, edit func(g *graph.Graph, i int)) func(*graph.Graph) {
	return func(g *graph.Graph) {
		for i, n := range g.Nodes {
			if strings.HasSuffix(n.Path, suffix) {
				edit(g, i)
			}
		}
	}
}

// both makes two rewrites.
func both(a, b func(*graph.Graph)) func(*graph.Graph) {
	return func(g *graph.Graph) { a(g); b(g) }
}
