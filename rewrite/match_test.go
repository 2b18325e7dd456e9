package rewrite_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/rewrite"
)

// vanishing are the values of a block that its absorbed form does not have.
var vanishing = []string{"q", "scores", "clamped", "softmaxV", "contextV", "swapped", "softmaxL", "valuesV"}

// direct counts the blocks of a graph that are as they were recorded.
func direct(g *graph.Graph) int {
	count := 0
	for _, n := range g.Nodes {
		if o, ok := n.Op.(graph.CrossScores); ok && o.Heads > 1 {
			count++
		}
	}
	return count
}

// TestAbsorbLeavesWhatIsKept keeps each value of the second of two blocks in turn.
func TestAbsorbLeavesWhatIsKept(t *testing.T) {
	g, blocks := fused(t, small, 2)
	for name, value := range blocks[1] {
		rewritten, to := absorbed(t, g, value.ID())
		id, ok := to(value.ID())
		if !ok {
			t.Errorf("%s was kept and is gone", name)
			continue
		}
		if got, want := rewritten.Nodes[id], g.Nodes[value.ID()]; got.Path != want.Path || !got.Shape.Equal(want.Shape) {
			t.Errorf("%s is now %s %v, was %s %v", name, got.Path, got.Shape, want.Path, want.Shape)
		}
		want := 0
		if slices.Contains(vanishing, name) {
			want = 1
		}
		if got := direct(rewritten); got != want {
			t.Errorf("%s kept: %d blocks are direct, want %d", name, got, want)
		}
	}
}

// TestAbsorbLeavesWhatIsReadElsewhere gives each value another reader, or makes it an output.
func TestAbsorbLeavesWhatIsReadElsewhere(t *testing.T) {
	for _, use := range []struct {
		name string
		of   func(b *graph.Builder, v graph.Value)
	}{
		{"read", func(b *graph.Builder, v graph.Value) { b.Output(b.In("other").ReLU(v)) }},
		{"an output", func(b *graph.Builder, v graph.Value) { b.Output(v) }},
	} {
		for _, name := range append(slices.Clone(vanishing), "k", "valuesL", "v", "x", "deltaV", "contextL", "deltaL") {
			b := graph.NewBuilder()
			v, x := inputs(b, small)
			n := record(b, small, v, x)
			b.Output(n["deltaV"])
			b.Output(n["deltaL"])
			use.of(b, n[name])
			g := built(t, b)
			rewritten, _ := absorbed(t, g)
			want := 0
			if slices.Contains(vanishing, name) {
				want = 1
			}
			if got := direct(rewritten); got != want {
				t.Errorf("%s is %s: %d blocks are direct, want %d", name, use.name, got, want)
			}
			if want == 1 && rewritten.String() != g.String() {
				t.Errorf("%s is %s: the graph is another:\n%s", name, use.name, rewritten)
			}
		}
	}
}

// TestAbsorbWantsTheWholeBlock records attentions that lack a part, and wants them back
// as they were.
func TestAbsorbWantsTheWholeBlock(t *testing.T) {
	o := graph.CrossScores{Heads: 3, Scale: 0.5}
	// parts are an attention's, for one of them to be another.
	type parts struct {
		bias               graph.Bias // of the queries, values and output
		clamp, clampB, add bool
		otherV             bool // values of other positions than the queries
		plainB             bool // the text side's softmax is not swapped
	}
	for name, p := range map[string]parts{
		"no biases":            {clamp: true},
		"no clamp":             {bias: graph.WithBias},
		"a mask of one side":   {bias: graph.WithBias, clamp: true, add: true},
		"a second clamp":       {bias: graph.WithBias, clamp: true, clampB: true},
		"values of others":     {bias: graph.WithBias, clamp: true, otherV: true},
		"both sides to tokens": {bias: graph.WithBias, clamp: true, plainB: true},
	} {
		b := graph.NewBuilder()
		v, w := b.In("v").Input(1, 5, 6), b.In("w").Input(1, 5, 6)
		k, vl := b.In("k").Input(1, 5, 12), b.In("vl").Input(1, 5, 12)
		if !p.otherV {
			w = v
		}
		q, vv := b.In("q").Linear(v, 12, p.bias), b.In("vv").Linear(w, 12, p.bias)
		s := b.In("s").CrossScores(q, k, o)
		if p.clamp {
			s = b.In("c").Clamp(s, 100)
		}
		masked, swapped := s, s
		if p.add {
			masked = b.In("masked").Add(s, b.In("mask").Input(1, 1, 1, 5))
		}
		if !p.plainB {
			swapped = b.In("swapped").SwapLast(s)
		}
		if p.clampB {
			swapped = b.In("again").Clamp(swapped, 100)
		}
		b.Output(b.In("out").Linear(b.In("cv").CrossContext(b.In("pv").Softmax(masked), vl, 3), 6, p.bias))
		b.Output(b.In("cl").CrossContext(b.In("pl").Softmax(swapped), vv, 3))
		g := built(t, b)
		if rewritten, _ := absorbed(t, g); rewritten.String() != g.String() {
			t.Errorf("%s: the graph is another:\n%s", name, rewritten)
		}
	}
}

// TestAbsorbOrdersAndNames wants every operand before its user, every path once, and
// every parameter as it was.
func TestAbsorbOrdersAndNames(t *testing.T) {
	g, _ := fused(t, small, 3)
	rewritten, to := absorbed(t, g)
	if direct(g) != 3 || direct(rewritten) != 0 {
		t.Fatalf("%d blocks of 3 are direct", direct(rewritten))
	}
	paths := map[string]bool{}
	for i, n := range rewritten.Nodes {
		if paths[n.Path] {
			t.Errorf("path %s is there twice", n.Path)
		}
		paths[n.Path] = true
		for _, operand := range n.Inputs {
			if operand < 0 || int(operand) >= i {
				t.Errorf("%s reads node %d and is node %d", n.Path, operand, i)
			}
		}
	}
	if !paths["tower.1.attn.absorbed.keys"] {
		t.Errorf("new nodes are elsewhere than in their block's scope:\n%s", rewritten)
	}
	for _, id := range append(g.Params(), g.Inputs()...) {
		if now, ok := to(id); !ok || fmt.Sprint(rewritten.Nodes[now]) != fmt.Sprint(g.Nodes[id]) {
			t.Errorf("%s went to %d, %v", g.Nodes[id].Path, now, ok)
		}
	}
	again, _ := absorbed(t, rewritten)
	if again.String() != rewritten.String() {
		t.Error("an absorbed graph is absorbed once more")
	}
}

// TestAbsorbWithoutAScope records a block at the top, twice, and a node that has the
// path of a new one.
func TestAbsorbWithoutAScope(t *testing.T) {
	b := graph.NewBuilder()
	b.In("absorbed", "keys").Input(1)
	v, x := b.In("v").Input(1, 7, 6), b.In("x").Input(1, 5, 12)
	q, vv := b.In("q").Linear(v, 12, graph.WithBias), b.In("vv").Linear(v, 12, graph.WithBias)
	s := b.In("clamped").Clamp(b.In("s").CrossScores(q, x, graph.CrossScores{Heads: 3, Scale: 0.5}), 100)
	b.Output(b.In("out").Linear(b.In("cv").CrossContext(b.In("pv").Softmax(s), x, 3), 6, graph.WithBias))
	b.Output(b.In("cl").CrossContext(b.In("pl").Softmax(b.In("swapped").SwapLast(s)), vv, 3))
	rewritten, _ := absorbed(t, built(t, b))
	if _, ok := rewritten.Find("absorbed.keys#2"); !ok {
		t.Errorf("no second absorbed.keys in\n%s", rewritten)
	}
}

func TestAbsorbRefuses(t *testing.T) {
	g, _ := fused(t, small, 1)
	for _, id := range []graph.ID{-1, graph.ID(len(g.Nodes))} {
		if _, _, err := rewrite.Absorb(g, []graph.ID{id}); err == nil || !strings.Contains(err.Error(), fmt.Sprint(id)) {
			t.Errorf("keeping node %d: %v", id, err)
		}
	}
	id, ok := g.Find("tower.0.attn.out_v_proj.weight")
	if !ok {
		t.Fatal("no projection")
	}
	b := graph.NewBuilder()
	b.Output(b.Param("weight", small.channels, small.embedded+1))
	g.Nodes[id].Op = built(t, b).Nodes[0].Op
	_, _, err := rewrite.Absorb(g, nil)
	if !errors.Is(err, graph.ErrShape) || !strings.Contains(err.Error(), "tower.0.attn.absorbed.values: absorbvalues") {
		t.Errorf("a weight that does not fit: %v", err)
	}
}

// TestAbsorbSaves counts the work of a layer of GLIP at 800 x 1344, in billions of
// multiply-adds, as section 10 of the specification has it.
func TestAbsorbSaves(t *testing.T) {
	for _, c := range []struct {
		tokens           int
		direct, absorbed float64
	}{
		{20, 38.08, 2.9},
		{256, 71.67, 36.8},
	} {
		g, _ := fused(t, size{pictures: 1, positions: 22400, tokens: c.tokens, channels: 256, width: 768, embedded: 2048, heads: 8}, 1)
		rewritten, _ := absorbed(t, g)
		before, after := float64(g.Count().MultiplyAdds)/1e9, float64(rewritten.Count().MultiplyAdds)/1e9
		if !(math.Abs(before-c.direct) < 0.005) || !(math.Abs(after-c.absorbed) < 0.05) {
			t.Errorf("%d tokens: %.3f before and %.3f after, want %g and %g", c.tokens, before, after, c.direct, c.absorbed)
		}
		if g.Count().Parameters != rewritten.Count().Parameters {
			t.Errorf("%d tokens: the parameters have changed", c.tokens)
		}
	}
}
