package difftest

import (
	"context"
	"fmt"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/rewrite"
)

// Absorbed executes the absorbed form of a graph ([rewrite.Absorb]) on another executor. A
// graph of which nothing is absorbed, because it has no cross attention or a tap is inside it, is
// an error.
type Absorbed struct{ Executor }

// Name implements [Executor].
func (e Absorbed) Name() string { return e.Executor.Name() + "-absorbed" }

// Run implements [Executor].
func (e Absorbed) Run(ctx context.Context, g *graph.Graph, w Weights, inputs [][]float32, taps []graph.ID) ([][]float32, error) {
	rewritten, find, err := rewrite.Absorb(g, taps)
	if err != nil {
		return nil, err
	}
	blocks := 0
	for _, n := range rewritten.Nodes {
		if _, ok := n.Op.(graph.AbsorbKeys); ok {
			blocks++
		}
	}
	if blocks == 0 {
		return nil, fmt.Errorf("difftest: nothing of the graph was absorbed")
	}
	moved := make([]graph.ID, len(taps))
	for i, id := range taps {
		to, ok := find(id)
		if !ok {
			return nil, fmt.Errorf("difftest: %s is gone from the absorbed graph", g.Nodes[id].Path)
		}
		moved[i] = to
	}
	return e.Executor.Run(ctx, rewritten, w, inputs, moved)
}
