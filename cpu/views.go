package cpu

import "github.com/glipvk/glipvk/graph"

// view says that a value lies inside another's memory, from element at on.
type view struct {
	of graph.ID
	at int
}

// views are those of a program. They are followed to a value that is no view itself.
type views map[graph.ID]view

// root is the value in whose memory id lies, and where.
func (v views) root(id graph.ID) (graph.ID, int) {
	at := 0
	for {
		next, ok := v[id]
		if !ok {
			return id, at
		}
		id, at = next.of, at+next.at
	}
}

// isView makes a value a view if its operation allows that: then nothing is to be computed.
// Its operands are needed all the same.
func (c *compiler) isView(id graph.ID) bool {
	if _, placed := c.views[id]; placed || c.options.NoFusion || c.options.NoReuse {
		return false
	}
	n := c.node(id)
	switch o := n.Op.(type) {
	case graph.Reshape:
		c.views[id] = view{n.Inputs[0], 0}
		return true
	case graph.SliceTokens:
		if in := c.shape(n.Inputs[0]); in[0] == 1 {
			c.views[id] = view{n.Inputs[0], o.Begin * in[2]}
			return true
		}
	}
	return false
}

// concatTokens lets the steps before a concatenation write where it wants their values, and copies those
// for which that cannot be: no steps if there are none.
func (c *compiler) concatTokens(id graph.ID) []step {
	n := c.node(id)
	pictures, size := n.Shape[0], n.Shape[1:].Elements()
	at := 0
	var rest []view
	var in []graph.ID // of the rest
	for _, part := range n.Inputs {
		_, placed := c.views[part]
		switch c.node(part).Op.(type) {
		case graph.Input, graph.Param, graph.Reshape, graph.SliceTokens:
			placed = true // in memory that others have chosen
		}
		if placed || pictures > 1 || c.options.NoFusion || c.options.NoReuse {
			rest, in = append(rest, view{part, at}), append(in, part)
		} else {
			c.views[part] = view{id, at}
		}
		at += c.shape(part)[1:].Elements()
	}
	if c.need(n.Inputs...); len(rest) == 0 {
		return nil
	}
	const pieces = 16 // of a part, each a task
	return []step{{in: in, tasks: pictures * len(rest) * pieces, run: func(_ *worker, values [][]float32, task int) {
		p, b := rest[task/pieces/pictures], task/pieces%pictures
		length := len(values[p.of]) / pictures
		from, to := task%pieces*length/pieces, (task%pieces+1)*length/pieces
		copy(values[id][b*size+p.at+from:], values[p.of][b*length+from:b*length+to])
	}}}
}

// reshape copies a value as it is.
func (c *compiler) reshape(id graph.ID) step {
	return c.each(id, func(y, x []float32, _ [][]float32) { copy(y, x) })
}

// sliceTokens copies a map out of every picture's tokens [B, S, C].
func (c *compiler) sliceTokens(id graph.ID) step {
	x, begin := c.node(id).Inputs[0], c.node(id).Op.(graph.SliceTokens).Begin
	in, size := c.shape(x), c.shape(id)[1:].Elements()
	return step{in: []graph.ID{x}, tasks: in[0], run: func(_ *worker, values [][]float32, b int) {
		copy(values[id][b*size:][:size], values[x][(b*in[1]+begin)*in[2]:])
	}}
}
