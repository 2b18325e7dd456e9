package difftest

import (
	"context"
	"fmt"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
)

// Executor computes a graph. Each implementation is judged by the same tests.
type Executor interface {
	// Name tells executors apart in test names.
	Name() string
	// Run returns the values of taps, in that order, each row-major in the shape of
	// its node. A tap may be any node but a parameter.
	Run(ctx context.Context, g *graph.Graph, w Weights, inputs [][]float32, taps []graph.ID) ([][]float32, error)
}

// CPU executes on package cpuref.
type CPU struct {
	Options cpuref.Options // Observe is called before the tap is taken
}

// Name implements [Executor].
func (CPU) Name() string { return "cpuref" }

// Run implements [Executor].
func (e CPU) Run(ctx context.Context, g *graph.Graph, w Weights, inputs [][]float32, taps []graph.ID) ([][]float32, error) {
	wanted := map[graph.ID][]float32{}
	for _, id := range taps {
		wanted[id] = nil
	}
	o := e.Options
	o.Observe = func(id graph.ID, n graph.Node, data []float32) {
		if e.Options.Observe != nil {
			e.Options.Observe(id, n, data)
		}
		if _, ok := wanted[id]; ok {
			wanted[id] = data
		}
	}
	if _, err := cpuref.Run(ctx, g, w, o, inputs...); err != nil {
		return nil, err
	}
	values := make([][]float32, len(taps))
	for i, id := range taps {
		if values[i] = wanted[id]; values[i] == nil {
			return nil, fmt.Errorf("difftest: node %d is a parameter, not a value", id)
		}
	}
	return values, nil
}
