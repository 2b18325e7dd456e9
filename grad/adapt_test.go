package grad_test

import (
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/rewrite"
)

// TestAdapters compares the gradients of adapters, of a weight of their own and of one that two maps share, with differences.
func TestAdapters(t *testing.T) {
	b := graph.NewBuilder()
	x, y := b.In("x").Input(2, 3, 5), b.In("y").Input(2, 4, 5)
	shared := b.In("shared")
	first := shared.Linear(x, 6, graph.WithBias)
	g := lossOf(t, b, b.In("own").Linear(first, 4, graph.WithBias), shared.Linear(y, 6, graph.WithBias))
	g, list, err := rewrite.Adapt(g, 2, 3, "own", "shared")
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	checked(t, g, values{})
}
