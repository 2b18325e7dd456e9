package grad

import (
	"cmp"
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// gather adds up the parts of the gradient of the node at work.
func (t *tape) gather(parts []part) graph.Value {
	var sum graph.Value
	for _, of := range []span{everything, channels, tokens} {
		var list []part
		for _, p := range parts {
			if p.of == of {
				list = append(list, p)
			}
		}
		if len(list) > 0 {
			sum = t.plus(sum, t.joined(of, list))
		}
	}
	return sum
}

// plus is a + b, b alone where there is no a yet.
func (t *tape) plus(a, b graph.Value) graph.Value {
	if a.Shape() == nil {
		return b
	}
	return t.at("sum").Add(a, b)
}

// joined puts parts of one kind together to the whole, with 0 where there is none.
func (t *tape) joined(of span, list []part) graph.Value {
	shape := t.node.Shape
	if of == everything {
		var sum graph.Value
		for _, p := range list {
			sum = t.plus(sum, p.value)
		}
		return sum
	}
	end := shape.Last()
	if of == tokens {
		end = shape[len(shape)-2]
	}
	var row []graph.Value
	fill := func(count int) {
		if count > 0 {
			row = append(row, t.blank(of, count))
		}
	}
	at := 0
	list = t.merged(list)
	for i, p := range list {
		if p.begin < at { // parts that overlap are rare: the rest is added as a whole of its own
			return t.plus(t.finish(of, row, end-at), t.joined(of, list[i:]))
		}
		fill(p.begin - at)
		row = append(row, p.value)
		at = p.begin + p.count
	}
	return t.finish(of, row, end-at)
}

// merged sorts parts and adds up those of one place.
func (t *tape) merged(list []part) []part {
	slices.SortStableFunc(list, func(a, b part) int { return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.count, b.count)) })
	var sums []part
	for _, p := range list {
		if n := len(sums) - 1; n >= 0 && sums[n].begin == p.begin && sums[n].count == p.count {
			sums[n].value = t.plus(sums[n].value, p.value)
			continue
		}
		sums = append(sums, p)
	}
	return sums
}

// finish joins a row of parts, with rest more places that have no gradient.
func (t *tape) finish(of span, row []graph.Value, rest int) graph.Value {
	if rest > 0 {
		row = append(row, t.blank(of, rest))
	}
	b := t.at("join")
	if of == channels {
		return b.Record(graph.ConcatChannels{}, row...)
	}
	return b.Reshape(b.ConcatTokens(row...), t.node.Shape...)
}

// blank is a part without a gradient.
func (t *tape) blank(of span, count int) graph.Value {
	shape := slices.Clone(t.node.Shape)
	if of == channels {
		shape[len(shape)-1] = count
	} else {
		shape[len(shape)-2] = count
	}
	return t.at("blank").Record(graph.Fill{To: shape})
}

// pruned leaves out what no output needs, but for the inputs, which keep their order.
func pruned(g *graph.Graph) *graph.Graph {
	needed := make([]bool, len(g.Nodes))
	for _, id := range g.Outputs {
		needed[id] = true
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		if _, input := g.Nodes[i].Op.(graph.Input); input {
			needed[i] = true
		}
		if needed[i] {
			for _, operand := range g.Nodes[i].Inputs {
				needed[operand] = true
			}
		}
	}
	left, moved := &graph.Graph{}, make([]graph.ID, len(g.Nodes))
	for i, n := range g.Nodes {
		if !needed[i] {
			continue
		}
		n.Inputs = slices.Clone(n.Inputs)
		for k, operand := range n.Inputs {
			n.Inputs[k] = moved[operand]
		}
		moved[i] = graph.ID(len(left.Nodes))
		left.Nodes = append(left.Nodes, n)
	}
	for _, id := range g.Outputs {
		left.Outputs = append(left.Outputs, moved[id])
	}
	return left
}
