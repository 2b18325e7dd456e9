package rewrite_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/rewrite"
)

// forked is a graph of pictures [batch, 4, 8] and a scale: frozen layers, then some that depend on the scale.
func forked(t *testing.T, batch int) *graph.Graph {
	b := graph.NewBuilder()
	x, scale := b.In("x").Input(batch, 4, 8), b.In("scale").Input(1)
	frozen := b.In("frozen").GELU(b.In("fc1").Linear(b.In("shaped").Reshape(x, batch, 2, 16), 12, graph.WithBias))
	wide := b.In("wide").Linear(frozen, 500, graph.WithBias)
	constant := b.In("constant").Scale(b.In("ones").Record(graph.Fill{To: graph.Shape{12}, Value: 3}), 0.5)
	y := b.In("moving").Add(b.In("scaled").MulScalar(frozen, scale), constant)
	z := b.In("narrow").Linear(wide, 12, graph.NoBias)
	b.Output(b.In("sum").Add(y, z))
	b.Output(b.In("product").Mul(y, b.In("again").Reshape(frozen, batch, 2, 12)))
	return built(t, b)
}

// reference runs a graph with inputs by path.
func reference(t *testing.T, g *graph.Graph, given map[string][]float32) [][]float32 {
	t.Helper()
	var in [][]float32
	for _, id := range g.Inputs() {
		in = append(in, given[g.Nodes[id].Path])
	}
	out, err := cpuref.Run(t.Context(), g, random{}, cpuref.Options{}, in...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSplit: both parts together give what the whole does, the second for two pictures of which the first was run for each.
func TestSplit(t *testing.T) {
	given := map[string][]float32{"x": numbers(1, 2*4*8, 2), "scale": {1.75}}
	want := reference(t, forked(t, 2), given)
	before, _, err := rewrite.Split(forked(t, 1), 100, "scale")
	if err != nil {
		t.Fatal(err)
	}
	_, after, err := rewrite.Split(forked(t, 2), 100, "scale")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, id := range before.Outputs {
		paths = append(paths, before.Nodes[id].Path)
	}
	if !slices.Equal(paths, []string{"frozen", "narrow"}) {
		t.Errorf("cut at %v", paths)
	}
	if after, err = rewrite.Join(after, 2, paths...); err != nil {
		t.Fatal(err)
	}
	for i, suffix := range []string{".0", ".1"} {
		for k, data := range reference(t, before, map[string][]float32{"x": given["x"][i*32:][:32]}) {
			given[paths[k]+suffix] = data
		}
	}
	delete(given, "x")
	if got := reference(t, after, given); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
	_, whole, err := rewrite.Split(forked(t, 1), 20, "scale") // frozen has 24, narrow too
	if err != nil || len(whole.Inputs()) != 2 {
		t.Errorf("nothing to cut at: %v, %d inputs", err, len(whole.Inputs()))
	}
	if nothing, all, err := rewrite.Split(forked(t, 1), 100, "scale", "x"); err != nil || nothing != nil || len(all.Nodes) != len(forked(t, 1).Nodes) {
		t.Errorf("everything depends on the inputs: %v", err)
	}
}

// TestSplitWrong: paths that are no inputs, and inputs that cannot be cut.
func TestSplitWrong(t *testing.T) {
	g := forked(t, 2)
	for _, path := range []string{"frozen", "fc1.weight", "nothing"} {
		if _, _, err := rewrite.Split(g, 100, path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, c := range []struct {
		path   string
		pieces int
	}{{"frozen", 2}, {"scale", 2}, {"x", 0}, {"nothing", 2}} {
		if _, err := rewrite.Join(g, c.pieces, c.path); err == nil || !strings.Contains(err.Error(), c.path) {
			t.Errorf("%s in %d: %v", c.path, c.pieces, err)
		}
	}
}
