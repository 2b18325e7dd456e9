package rewrite

import (
	"fmt"

	"github.com/glipvk/glipvk/graph"
)

// writer makes a new graph of an old one, node by node.
type writer struct {
	graph *graph.Graph // the old one
	out   *graph.Builder
	to    map[graph.ID]graph.Value // new values of old nodes
	taken map[string]bool          // paths
}

func newWriter(g *graph.Graph) *writer {
	w := &writer{graph: g, out: graph.NewBuilder(), to: map[graph.ID]graph.Value{}, taken: map[string]bool{}}
	for _, n := range g.Nodes {
		w.taken[n.Path] = true
	}
	return w
}

// find is the new number of an old node.
func (w *writer) find(old graph.ID) (graph.ID, bool) {
	v, ok := w.to[old]
	return v.ID(), ok
}

// write adds a node that has the value of an old one, and its path.
func (w *writer) write(old graph.ID, op graph.Op, in ...graph.Value) {
	w.to[old] = w.out.In(w.graph.Nodes[old].Path).Record(op, in...)
}

// copy takes over an old node.
func (w *writer) copy(old graph.ID) {
	n := w.graph.Nodes[old]
	in := make([]graph.Value, len(n.Inputs))
	for i, operand := range n.Inputs {
		in[i] = w.to[operand]
	}
	w.write(old, n.Op, in...)
}

// finish is the new graph, with the values of old nodes as outputs.
func (w *writer) finish(outputs []graph.ID) (*graph.Graph, error) {
	for _, id := range outputs {
		w.out.Output(w.to[id])
	}
	made, err := w.out.Build()
	if err != nil {
		return nil, fmt.Errorf("rewrite: %w", err)
	}
	return made, nil
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
