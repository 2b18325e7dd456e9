package rewrite

import "github.com/glipvk/glipvk/graph"

// Halve stores values on their way from the nodes before the first of those that are late to that and the later ones as 16-bit floats
// ([graph.PackHalves]): those with at least so many elements, a multiple of four, that are neither inputs nor parameters nor
// outputs. Early nodes read what they did, late ones what was stored.
func Halve(g *graph.Graph, least int, late func(path string) bool) (*graph.Graph, error) {
	first := 0
	for first < len(g.Nodes) && !late(g.Nodes[first].Path) {
		first++
	}
	h := halver{writer: newWriter(g), first: first, stored: map[graph.ID]graph.Value{}, restored: map[graph.ID]bool{}}
	stores := h.choose(least)
	for i, n := range g.Nodes {
		id := graph.ID(i)
		if i >= first {
			for _, operand := range n.Inputs {
				h.restore(operand)
			}
		}
		h.copy(id)
		if stores[i] {
			h.stored[id] = h.out.In("half", n.Path).Record(graph.PackHalves{}, h.to[id])
		}
	}
	return h.finish(g.Outputs)
}

type halver struct {
	*writer
	first    int                      // that is late
	stored   map[graph.ID]graph.Value // words by what they are of
	restored map[graph.ID]bool        // where late nodes read what was stored
}

// choose tells which nodes before the first late one are stored.
func (h *halver) choose(least int) []bool {
	g, first := h.graph, h.first
	read, stores := make([]bool, first), make([]bool, len(g.Nodes))
	mark := func(list []graph.ID) {
		for _, id := range list {
			if int(id) < first {
				read[id] = true
			}
		}
	}
	for _, n := range g.Nodes[first:] {
		mark(n.Inputs)
	}
	for i := first - 1; i >= 0; i-- {
		n := g.Nodes[i]
		switch n.Op.(type) {
		case graph.Reshape:
			if read[i] {
				mark(n.Inputs) // it is the same elements
			}
		case graph.Input, graph.Param:
		default:
			stores[i] = read[i] && n.Shape.Elements() >= least && n.Shape.Elements()%4 == 0
		}
	}
	for _, id := range g.Outputs {
		stores[id] = false
	}
	return stores
}

// restore makes late nodes read what was stored of a value, and says whether they do.
func (h *halver) restore(id graph.ID) bool {
	n := h.graph.Nodes[id]
	if h.restored[id] {
		return true
	}
	if words, ok := h.stored[id]; ok {
		h.to[id] = h.out.In("grad", "half", n.Path).Record(graph.UnpackHalves{To: n.Shape}, words)
		h.restored[id] = true
	} else if _, same := n.Op.(graph.Reshape); same && int(id) < h.first && h.restore(n.Inputs[0]) {
		h.to[id] = h.out.In("grad", "half", n.Path).Record(n.Op, h.to[n.Inputs[0]])
		h.restored[id] = true
	}
	return h.restored[id]
}
