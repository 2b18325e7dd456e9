package rewrite

import (
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// Split cuts a graph in two where it begins to depend on the inputs at the given paths. before computes, of other
// inputs and parameters, the values that after reads; they are its outputs, and inputs of after, at their paths. after has
// the outputs of g. What depends on no input at all is computed where it is read, and so is what only has another shape or
// has more than most elements: the cut goes through smaller values before it. Each graph has the inputs that it reads, in the
// order of g. before is nil where there is nothing to compute. An error says that a path is no input.
func Split(g *graph.Graph, most int, on ...string) (before, after *graph.Graph, err error) {
	late, fed, err := dependent(g, on)
	if err != nil {
		return nil, nil, err
	}
	early := func(id graph.ID) bool {
		switch g.Nodes[id].Op.(type) {
		case graph.Input, graph.Param, graph.Reshape:
			return false
		}
		return fed[id] && !late[id] && g.Nodes[id].Shape.Elements() <= most
	}
	needed := wanted(g, g.Outputs, early)
	w := newWriter(g)
	var cut []graph.ID
	for i, n := range g.Nodes {
		switch id := graph.ID(i); {
		case needed[i] && early(id):
			cut = append(cut, id)
			w.write(id, graph.InputOf(n.Shape))
		case needed[i]:
			w.copy(id)
		}
	}
	if after, err = w.finish(g.Outputs); err != nil || len(cut) == 0 {
		return nil, after, err
	}
	w = newWriter(g)
	needed = wanted(g, cut, func(graph.ID) bool { return false })
	for i := range g.Nodes {
		if needed[i] {
			w.copy(graph.ID(i))
		}
	}
	before, err = w.finish(cut)
	return before, after, err
}

// dependent tells which nodes depend on the inputs at some paths, and which on any.
func dependent(g *graph.Graph, on []string) (late, fed []bool, err error) {
	late, fed = make([]bool, len(g.Nodes)), make([]bool, len(g.Nodes))
	left := slices.Clone(on)
	for i, n := range g.Nodes {
		if _, input := n.Op.(graph.Input); input {
			fed[i], late[i] = true, slices.Contains(on, n.Path)
			left = slices.DeleteFunc(left, func(path string) bool { return path == n.Path })
		}
		for _, operand := range n.Inputs {
			fed[i], late[i] = fed[i] || fed[operand], late[i] || late[operand]
		}
	}
	if len(left) > 0 {
		return nil, nil, fmt.Errorf("rewrite: %q is no input of the graph", left[0])
	}
	return late, fed, nil
}

// wanted tells which nodes some results need, behind those at which the search ends.
func wanted(g *graph.Graph, results []graph.ID, ends func(graph.ID) bool) []bool {
	needed := make([]bool, len(g.Nodes))
	for _, id := range results {
		needed[id] = true
	}
	for i, n := range slices.Backward(g.Nodes) {
		if needed[i] && !ends(graph.ID(i)) {
			for _, operand := range n.Inputs {
				needed[operand] = true
			}
		}
	}
	return needed
}

// Join makes of each input at the given paths several of equal size, at the path with ".0", ".1" and so on behind it, which
// lie one after the other in it along the first axis. An error says that a path is no input or cannot be cut so.
func Join(g *graph.Graph, pieces int, paths ...string) (*graph.Graph, error) {
	w := newWriter(g)
	left := slices.Clone(paths)
	for i, n := range g.Nodes {
		id := graph.ID(i)
		_, input := n.Op.(graph.Input)
		left = slices.DeleteFunc(left, func(path string) bool { return path == n.Path })
		if !slices.Contains(paths, n.Path) {
			w.copy(id)
			continue
		}
		if !input || pieces < 1 || len(n.Shape) == 0 || n.Shape[0]%pieces != 0 {
			return nil, fmt.Errorf("rewrite: %s: %s %v is no input of %d pieces", n.Path, graph.Kind(n.Op), n.Shape, pieces)
		}
		shape := slices.Clone(n.Shape)
		shape[0] /= pieces
		var list []graph.Value
		for k := range pieces {
			b := w.out.In(n.Path, k)
			list = append(list, b.In("rows").Reshape(b.Input(shape...), 1, shape.Rows(), shape.Last()))
		}
		w.write(id, graph.Reshape{To: n.Shape}, w.out.In(n.Path, "joined").ConcatTokens(list...))
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("rewrite: %q is no input of the graph", left[0])
	}
	return w.finish(g.Outputs)
}
