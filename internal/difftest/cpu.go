package difftest

import (
	"context"
	"slices"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/graph"
)

// FastCPU executes on package cpu. With fusion on, outputs of the graph are taken from a
// program that keeps nothing else, so that every joined step is at work; other taps come
// from a second program that keeps them.
type FastCPU struct {
	Title        string
	Instructions cpu.Instructions
	Options      cpu.Options // Keep is set by Run
}

// Name implements [Executor].
func (e FastCPU) Name() string { return e.Title }

// Run implements [Executor].
func (e FastCPU) Run(ctx context.Context, g *graph.Graph, w Weights, inputs [][]float32, taps []graph.ID) ([][]float32, error) {
	packed, err := cpu.Pack(ctx, g, w, cpu.PackOptions{Instructions: e.Instructions})
	if err != nil {
		return nil, err
	}
	var inner []graph.ID
	for _, id := range taps {
		if !slices.Contains(g.Outputs, id) {
			inner = append(inner, id)
		}
	}
	found := map[graph.ID][]float32{}
	for _, keep := range [][]graph.ID{nil, inner} {
		o := e.Options
		o.Keep = keep
		p, err := cpu.Compile(g, packed, o)
		if err != nil {
			return nil, err
		}
		results, err := p.Run(ctx, inputs...)
		if err != nil {
			return nil, err
		}
		for i, id := range append(slices.Clone(g.Outputs), keep...) {
			if found[id] == nil { // outputs come from the first program
				found[id] = results[i]
			}
		}
	}
	values := make([][]float32, len(taps))
	for i, id := range taps {
		values[i] = found[id]
	}
	return values, nil
}
