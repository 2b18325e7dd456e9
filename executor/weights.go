package executor

import (
	"context"
	"fmt"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/memory"
)

// inMemory holds all parameters of a model.
type inMemory map[string][]float32

// affordWeights is an error that wraps [memory.ErrShort] if there is no room for the parameters of a graph in the host's memory.
func affordWeights(g *graph.Graph) error {
	if err := memory.Want(4*g.Count().Parameters, "what the weights lie in"); err != nil {
		return shortage{fmt.Errorf("glipvk: %w; give it more, or take a smaller model", err)}
	}
	return nil
}

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
