package rewrite_test

import (
	"math"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/rewrite"
)

// merged are random weights with adapters in them.
type merged struct{ list []rewrite.Adapter }

func (m merged) Tensor(name string, shape []int) ([]float32, error) {
	data, _ := random{}.Tensor(name, shape)
	for _, a := range m.list {
		if a.Weight == name {
			down, _ := random{}.Tensor(a.A, []int{a.R, a.K})
			up, _ := random{}.Tensor(a.B, []int{a.N, a.R})
			data = a.Merge(data, down, up)
		}
	}
	return data, nil
}

// TestAdapt: a graph with adapters computes what the graph does whose weights they are merged into, also where a weight is shared, is a
// convolution of 1 x 1, or is thinner than the rank, and under a block that is absorbed.
func TestAdapt(t *testing.T) {
	b := graph.NewBuilder()
	v, x := inputs(b, batch())
	n := record(b.In("block"), batch(), v, x)
	head := b.In("head")
	weight := head.Param("weight", 4, 6, 1, 1)
	b.Output(head.LinearOf(n["deltaV"], weight, graph.WithBias))
	b.Output(head.LinearOf(n["v"], weight, graph.WithBias))
	b.Output(n["deltaL"])
	g := built(t, b)
	adapted, list, err := rewrite.Adapt(g, 5, 8, "block.attn.*_l_proj", "head")
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 3 || len(adapted.Params()) != len(g.Params())+2*len(list) {
		t.Fatalf("%d adapters: %+v", len(list), list)
	}
	for _, a := range list {
		if a.Weight == "head.weight" && (a.R != 4 || a.N != 4 || a.K != 6 || a.Scale != 8.0/5 || a.A != "head.adapter.a") {
			t.Errorf("the head's adapter is %+v", a)
		}
	}
	in := [][]float32{numbers(1, v.Shape().Elements(), 1), numbers(2, x.Shape().Elements(), 1)}
	run := func(g *graph.Graph, w interface {
		Tensor(string, []int) ([]float32, error)
	}) [][]float32 {
		out, err := cpuref.Run(t.Context(), g, w, cpuref.Options{}, in...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	want, plain := run(g, merged{list}), run(g, random{})
	for i, got := range run(adapted, random{}) {
		far := 0.0
		for k, v := range got {
			if d := math.Abs(float64(v - want[i][k])); !(d <= 1e-4*(1+math.Abs(float64(want[i][k])))) {
				t.Fatalf("output %d: %g at %d, want %g", i, v, k, want[i][k])
			}
			far = max(far, math.Abs(float64(v-plain[i][k])))
		}
		if far < 0.1 {
			t.Errorf("output %d: adapters change nothing", i)
		}
	}
	for _, id := range g.Outputs {
		if _, ok := adapted.Find(g.Nodes[id].Path); !ok {
			t.Errorf("%s is gone", g.Nodes[id].Path)
		}
	}
}

// TestAdaptRefuses what cannot be adapted, and says what.
func TestAdaptRefuses(t *testing.T) {
	b := graph.NewBuilder()
	x := b.In("x").Input(2, 6)
	w := b.In("two").Param("weight", 6, 6)
	b.Output(b.In("two").LinearOf(x, w, graph.NoBias))
	b.Output(b.In("sum").Add(x, b.In("row").Reshape(b.In("part").Record(graph.SliceChannels{Count: 1}, w), 6)))
	b.Output(b.In("one").Linear(x, 3, graph.NoBias))
	g := built(t, b)
	for _, c := range []struct {
		rank  int
		alpha float64
		glob  string
		says  string
	}{
		{0, 1, "one", "rank 0"}, {1, 0, "one", "alpha 0"}, {1, math.NaN(), "one", "alpha NaN"}, {1, 1, "three", `"three"`},
		{1, 1, "sum", `"sum"`}, {1, 1, "two", "part reads it too"}, {1, 1, "[", "glob"},
	} {
		if _, _, err := rewrite.Adapt(g, c.rank, c.alpha, c.glob); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
