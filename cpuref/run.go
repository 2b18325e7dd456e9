package cpuref

import (
	"context"
	"fmt"

	"github.com/glipvk/glipvk/graph"
)

// Weights supplies the parameters of a graph. The slice has as many elements as
// the shape, row-major; it is read and never changed. A checkpoint of package
// loader is one, synthetic weights are another.
type Weights interface {
	Tensor(name string, shape []int) ([]float32, error)
}

// Options of a run; the zero value is usable.
type Options struct {
	// Workers is the number of goroutines that compute, 0 for GOMAXPROCS.
	Workers int

	// Observe, if set, is called with every value in execution order, parameters
	// left out. The slice may be kept. What Observe writes into it is what later
	// operations read: tests plant mistakes that way.
	Observe func(id graph.ID, n graph.Node, data []float32)

	// Progress, if set, is called now and then with the work done and the whole
	// work, both in multiply-adds plus elements written. Calls do not overlap.
	Progress func(done, total int64)
}

// tensor is a value while it is needed.
type tensor struct {
	shape graph.Shape
	data  []float32
}

// Run computes the outputs of g, in the order of g.Outputs, from one slice per
// input of g, in the order of g.Inputs, each row-major.
//
// The error names the input, parameter or operation by its path. It wraps
// [graph.ErrShape] where sizes do not fit and ctx.Err() after cancellation, which
// is noticed between rows. NaN and infinities are computed with like other numbers.
func Run(ctx context.Context, g *graph.Graph, w Weights, o Options, inputs ...[]float32) ([][]float32, error) {
	r := &run{pool: newPool(ctx, o, g), graph: g, weights: w, observe: o.Observe}
	if err := r.checkInputs(inputs); err != nil {
		return nil, fmt.Errorf("cpuref: %w", err)
	}
	last := lastUses(g)
	r.values = make([][]float32, len(g.Nodes))
	for i, n := range g.Nodes {
		if err := r.step(graph.ID(i), n); err != nil {
			return nil, fmt.Errorf("cpuref: %s: %s: %w", n.Path, graph.Kind(n.Op), err)
		}
		for _, operand := range n.Inputs {
			if last[operand] == i {
				r.values[operand] = nil
			}
		}
	}
	outputs := make([][]float32, len(g.Outputs))
	for i, id := range g.Outputs {
		outputs[i] = r.values[id]
	}
	return outputs, nil
}

// lastUses tells for each value the last node that reads it; outputs are read
// after all nodes.
func lastUses(g *graph.Graph) []int {
	last := make([]int, len(g.Nodes))
	for i, n := range g.Nodes {
		for _, id := range n.Inputs {
			last[id] = i
		}
	}
	for _, id := range g.Outputs {
		last[id] = len(g.Nodes)
	}
	return last
}

type run struct {
	pool    *pool
	graph   *graph.Graph
	weights Weights
	observe func(graph.ID, graph.Node, []float32)
	inputs  [][]float32 // not yet taken
	values  [][]float32 // of each node, nil before it is computed and after its last use
}

func (r *run) checkInputs(inputs [][]float32) error {
	ids := r.graph.Inputs()
	if len(inputs) != len(ids) {
		return fmt.Errorf("%w: %d inputs given, the graph takes %d", graph.ErrShape, len(inputs), len(ids))
	}
	for i, id := range ids {
		n := r.graph.Nodes[id]
		if want := n.Shape.Elements(); len(inputs[i]) != want {
			return fmt.Errorf("%w: input %q has %d elements, want %d for %v",
				graph.ErrShape, n.Path, len(inputs[i]), want, n.Shape)
		}
	}
	r.inputs = inputs
	return nil
}

// step computes the value of one node.
func (r *run) step(id graph.ID, n graph.Node) error {
	switch n.Op.(type) {
	case graph.Input:
		r.values[id], r.inputs = r.inputs[0], r.inputs[1:]
	case graph.Param:
		data, err := r.weights.Tensor(n.Path, n.Shape)
		if err != nil {
			return err
		}
		if want := n.Shape.Elements(); len(data) != want {
			return fmt.Errorf("%w: the weights gave %d elements, want %d for %v", graph.ErrShape, len(data), want, n.Shape)
		}
		r.values[id] = data
		return nil
	default:
		in := make([]tensor, len(n.Inputs))
		for i, operand := range n.Inputs {
			in[i] = tensor{r.graph.Nodes[operand].Shape, r.values[operand]}
		}
		out := tensor{n.Shape, make([]float32, n.Shape.Elements())}
		rows, err := interpret(n.Op, out, in)
		if err != nil {
			return err
		}
		if err := r.pool.do(rows, work(r.graph, id)); err != nil {
			return err
		}
		r.values[id] = out.data
	}
	if r.observe != nil {
		r.observe(id, n, r.values[id])
	}
	return nil
}
