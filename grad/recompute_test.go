package grad_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/grad"
	"github.com/glipvk/glipvk/graph"
)

// blocks are layers that throw dice, each with a residual that is read by the next.
func blocks(t *testing.T) *graph.Graph {
	t.Helper()
	b := graph.NewBuilder()
	x := b.In("x").Input(2, 3, 8)
	dice := &graph.Dice{Counter: b.In("counter").Input(2)}
	for i := range 3 {
		s := b.In("stages", i/2, "blocks", i%2)
		y := s.In("fc1").Linear(s.In("norm").LayerNorm(x, 1e-5), 16, graph.WithBias)
		y = dice.Thin(s, s.GELU(y), 0.25)
		y = s.GELU(s.In("fc2").Linear(y, 8, graph.WithBias)) // a repeat of its scope
		x = s.In("sum").Add(x, y)
	}
	return lossOf(t, b, b.In("norm").LayerNorm(x, 1e-5))
}

// TestRecompute: what is computed again has the same bits, and nothing between a block's input and its
// result is read by gradients from the first copy.
func TestRecompute(t *testing.T) {
	r, err := grad.Reverse(blocks(t), "loss", "x", "stages.0.blocks.0.fc1.weight", "stages.1.blocks.0.norm.bias")
	if err != nil {
		t.Fatal(err)
	}
	again, err := grad.Recompute(r, "stages.*.blocks.*")
	if err != nil {
		t.Fatal(err)
	}
	v := values{"counter": {3, 5}}
	want, got := v.run(t, r), v.run(t, again)
	if !slices.EqualFunc(want, got, slices.Equal) {
		t.Errorf("recomputed: %v, want %v", got, want)
	}
	if !slices.ContainsFunc(again.Nodes, func(n graph.Node) bool { return n.Path == "grad.again.stages.0.blocks.1.drop.keep" }) {
		t.Error("no dice are thrown again")
	}
	for _, n := range again.Nodes {
		for _, id := range n.Inputs {
			path := again.Nodes[id].Path
			_, weight := again.Nodes[id].Op.(graph.Param)
			if inside := strings.Contains(path, ".blocks.") && !strings.HasSuffix(path, ".sum") && !weight; inside &&
				strings.HasPrefix(n.Path, "grad.") && !strings.HasPrefix(path, "grad.") {
				t.Errorf("%s reads %s of the first copy", n.Path, path)
			}
		}
	}
	// The copies of a block are made where its gradients begin, the last block's first.
	first := func(prefix string) int {
		return slices.IndexFunc(again.Nodes, func(n graph.Node) bool { return strings.HasPrefix(n.Path, prefix) })
	}
	if late, early := first("grad.again.stages.0.blocks.0"), first("grad.stages.0.blocks.1.norm"); late < early || early < 0 {
		t.Errorf("the first block is computed again at node %d, before the gradients of the second at %d are over", late, early)
	}
}

// TestRecomputeWrong: a glob that is malformed or fits nothing says so; none changes nothing.
func TestRecomputeWrong(t *testing.T) {
	r, err := grad.Reverse(blocks(t), "loss", "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, glob := range []string{"stages.*.block.*", "stages.[", "x", "grad.**"} {
		if _, err := grad.Recompute(r, "stages.*", glob); err == nil || !strings.Contains(err.Error(), glob) {
			t.Errorf("%q: %v", glob, err)
		}
	}
	if same, err := grad.Recompute(r); same != r || err != nil {
		t.Errorf("without globs: %v, %v", same, err)
	}
}
