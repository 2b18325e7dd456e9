package rewrite

import "github.com/glipvk/glipvk/graph"

// block is one cross attention in its direct form, by the nodes of the recorded graph.
// S positions of C channels meet T tokens, through h heads of E channels in all.
type block struct {
	v, k, valuesL graph.ID // stay: [B, S, C], [B, T, E], [B, T, E]

	q        graph.ID // v projected, [B, S, E]
	scores   graph.ID // of q and k, [B, h, S, T]
	clamped  graph.ID
	softmaxV graph.ID // over T
	contextV graph.ID // of valuesL, [B, S, E]
	deltaV   graph.ID // contextV projected, [B, S, C']; stays
	swapped  graph.ID // clamped, [B, h, T, S]
	softmaxL graph.ID // over S
	valuesV  graph.ID // v projected, [B, S, E]
	contextL graph.ID // of valuesV, [B, T, E]; stays

	heads int
	scale float64
}

// vanishing are the values that the absorbed form does not have.
func (b block) vanishing() []graph.ID {
	return []graph.ID{b.q, b.scores, b.clamped, b.softmaxV, b.contextV, b.swapped, b.softmaxL, b.valuesV}
}

// matcher looks for blocks.
type matcher struct {
	graph   *graph.Graph
	readers [][]graph.ID // of each node, one entry for each operand that it is
	kept    []bool
}

func newMatcher(g *graph.Graph, keep []graph.ID) *matcher {
	m := &matcher{graph: g, readers: make([][]graph.ID, len(g.Nodes)), kept: make([]bool, len(g.Nodes))}
	for i, n := range g.Nodes {
		for _, operand := range n.Inputs {
			m.readers[operand] = append(m.readers[operand], graph.ID(i))
		}
	}
	for _, ids := range [][]graph.ID{keep, g.Outputs} {
		for _, id := range ids {
			m.kept[id] = true
		}
	}
	return m
}

// reader is the only one of a value that nobody else wants, if it has the operation Op.
func reader[Op graph.Op](m *matcher, id graph.ID) (graph.ID, Op, bool) {
	var none Op
	if m.kept[id] || len(m.readers[id]) != 1 {
		return 0, none, false
	}
	next := m.readers[id][0]
	op, ok := m.graph.Nodes[next].Op.(Op)
	return next, op, ok
}

// inputs are the operands of a node, if it has so many.
func (m *matcher) inputs(id graph.ID, count int) ([]graph.ID, bool) {
	in := m.graph.Nodes[id].Inputs
	return in, len(in) == count
}

// projection is the operand of a Linear that has a plain matrix and a bias.
func (m *matcher) projection(id graph.ID) (graph.ID, bool) {
	in, ok := m.inputs(id, 3)
	if _, linear := m.graph.Nodes[id].Op.(graph.Linear); !ok || !linear || len(m.graph.Nodes[in[1]].Shape) != 2 {
		return 0, false
	}
	return in[0], true
}

// match is the block whose clamped scores are node id, if there is one and all that
// would vanish is read within it only.
func (m *matcher) match(id graph.ID) (block, bool) {
	b := block{clamped: id}
	steps := []func(*block) bool{m.matchScores, m.matchImageSide, m.matchTextSide}
	for _, step := range steps {
		if !step(&b) {
			return block{}, false
		}
	}
	return b, true
}

// matchScores finds what the clamped scores are made of, and their two readers.
func (m *matcher) matchScores(b *block) bool {
	if _, ok := m.graph.Nodes[b.clamped].Op.(graph.Clamp); !ok {
		return false
	}
	b.scores = m.graph.Nodes[b.clamped].Inputs[0]
	op, ok := m.graph.Nodes[b.scores].Op.(graph.CrossScores)
	if !ok {
		return false
	}
	in := m.graph.Nodes[b.scores].Inputs // q, k and perhaps a mask
	b.q, b.k, b.heads, b.scale = in[0], in[1], op.Heads, op.Scale
	if _, _, ok := reader[graph.Clamp](m, b.scores); !ok {
		return false
	}
	if _, _, ok := reader[graph.CrossScores](m, b.q); !ok {
		return false
	}
	if b.v, ok = m.projection(b.q); !ok || m.kept[b.clamped] || len(m.readers[b.clamped]) != 2 {
		return false
	}
	b.softmaxV, b.swapped = m.readers[b.clamped][0], m.readers[b.clamped][1]
	if _, ok := m.graph.Nodes[b.softmaxV].Op.(graph.SwapLast); ok {
		b.softmaxV, b.swapped = b.swapped, b.softmaxV
	}
	return true
}

// matchImageSide follows the softmax over the tokens to its projected context.
func (m *matcher) matchImageSide(b *block) bool {
	if _, ok := m.graph.Nodes[b.softmaxV].Op.(graph.Softmax); !ok {
		return false
	}
	var ok bool
	if b.contextV, _, ok = reader[graph.CrossContext](m, b.softmaxV); !ok {
		return false
	}
	in, two := m.inputs(b.contextV, 2)
	if !two {
		return false
	}
	b.valuesL = in[1]
	if b.deltaV, _, ok = reader[graph.Linear](m, b.contextV); !ok {
		return false
	}
	from, ok := m.projection(b.deltaV)
	return ok && from == b.contextV
}

// matchTextSide follows the softmax over the positions to its context.
func (m *matcher) matchTextSide(b *block) bool {
	if _, ok := m.graph.Nodes[b.swapped].Op.(graph.SwapLast); !ok {
		return false
	}
	var ok bool
	if b.softmaxL, _, ok = reader[graph.Softmax](m, b.swapped); !ok {
		return false
	}
	if b.contextL, _, ok = reader[graph.CrossContext](m, b.softmaxL); !ok {
		return false
	}
	in, two := m.inputs(b.contextL, 2)
	if !two {
		return false
	}
	b.valuesV = in[1]
	if _, _, ok = reader[graph.CrossContext](m, b.valuesV); !ok {
		return false
	}
	from, ok := m.projection(b.valuesV)
	return ok && from == b.v
}
