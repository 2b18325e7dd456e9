package executor

import (
	"context"
	"fmt"

	"github.com/glipvk/glipvk/graph"
)

// inMemory holds all parameters of a model.
type inMemory map[string][]float32

// load reads every parameter of g.
func load(ctx context.Context, g *graph.Graph, src Source, progress func(done, total int64)) (inMemory, error) {
	m := inMemory{}
	total, done := g.Count().Parameters, int64(0)
	for _, id := range g.Params() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := g.Nodes[id]
		data, err := src.Tensor(n.Path, n.Shape)
		if err != nil {
			return nil, err
		}
		m[n.Path] = data
		done += int64(len(data))
		progress(done, total)
	}
	return m, nil
}

// Tensor implements [Source].
func (m inMemory) Tensor(name string, _ []int) ([]float32, error) {
	data, ok := m[name]
	if !ok {
		return nil, fmt.Errorf("glipvk: the model has no parameter %q", name)
	}
	return data, nil
}
