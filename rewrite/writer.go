package rewrite

import (
	"fmt"

	"github.com/glipvk/glipvk/graph"
)

// gone is the new number of a node that has none.
const gone graph.ID = -1

// writer makes a new graph of an old one, node by node. The first error is kept.
type writer struct {
	graph *graph.Graph // the old one
	out   graph.Graph
	to    []graph.ID // new numbers of old nodes
	taken map[string]bool
	err   error
}

func newWriter(g *graph.Graph) *writer {
	w := &writer{graph: g, to: make([]graph.ID, len(g.Nodes)), taken: map[string]bool{}}
	for i, n := range g.Nodes {
		w.to[i] = gone
		w.taken[n.Path] = true
	}
	return w
}

// find is the new number of an old node.
func (w *writer) find(old graph.ID) (graph.ID, bool) {
	if old < 0 || int(old) >= len(w.to) || w.to[old] == gone {
		return 0, false
	}
	return w.to[old], true
}

// copy takes over an old node.
func (w *writer) copy(old graph.ID, n graph.Node) {
	in := make([]graph.ID, len(n.Inputs))
	for i, operand := range n.Inputs {
		in[i] = w.to[operand]
	}
	n.Inputs = in
	w.to[old] = w.put(n)
}

// add appends a node of the shape that follows from its operands.
func (w *writer) add(path string, op graph.Op, in []graph.ID) graph.ID {
	if w.err != nil {
		return 0
	}
	shapes := make([]graph.Shape, len(in))
	for i, operand := range in {
		shapes[i] = w.out.Nodes[operand].Shape
	}
	shape, err := graph.Infer(op, shapes...)
	if err != nil {
		w.err = fmt.Errorf("%s %v: %w", op.Kind(), shapes, err)
		return 0
	}
	return w.put(graph.Node{Path: path, Op: op, Inputs: in, Shape: shape})
}

func (w *writer) put(n graph.Node) graph.ID {
	w.out.Nodes = append(w.out.Nodes, n)
	return graph.ID(len(w.out.Nodes) - 1)
}

// free is a path that no node has, as a builder numbers repeats.
func (w *writer) free(path string) string {
	unique := path
	for k := 2; w.taken[unique]; k++ {
		unique = fmt.Sprintf("%s#%d", path, k)
	}
	w.taken[unique] = true
	return unique
}
