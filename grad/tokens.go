package grad

import (
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// lists has the rules of lists of tokens, of parts and of elements in another order.
func (t *tape) lists(g graph.Value) bool {
	switch o := t.node.Op.(type) {
	case graph.Embed:
		t.embed(g)
	case graph.ConcatTokens:
		t.concatTokens(g)
	case graph.SliceTokens:
		t.toPart(0, tokens, o.Begin, o.Height*o.Width, g)
	case graph.Reshape:
		t.to(0, t.at().Reshape(g, t.in(0).Shape()...))
	case graph.SwapLast:
		t.to(0, t.at().SwapLast(g))
	case graph.SliceChannels:
		t.toPart(0, channels, o.Begin, o.Count, g)
	case graph.ConcatChannels:
		begin := 0
		for i := range t.node.Inputs {
			count := t.in(i).Shape().Last()
			if t.wants(i) {
				t.to(i, t.at(i).Record(graph.SliceChannels{Begin: begin, Count: count}, g))
			}
			begin += count
		}
	default:
		return false
	}
	return true
}

// embed has a gradient for the tables; ids have none.
func (t *tape) embed(g graph.Value) {
	if t.wants(1) {
		t.to(1, t.at("word").Record(graph.EmbedGradWord{Rows: t.in(1).Shape()[0]}, g, t.in(0)))
	}
	for i, rows := range []int{1, g.Shape()[1]} { // of the type 0, of the first positions
		if !t.wants(i + 2) {
			continue
		}
		table := t.in(i + 2).Shape()
		y := t.at("rows", i).Record(graph.SumTiles{To: graph.Shape{1, rows, table[1]}}, g)
		if rest := table[0] - rows; rest > 0 {
			y = t.at("table", i).ConcatTokens(y, t.at("blank", i).Record(graph.Fill{To: graph.Shape{1, rest, table[1]}}))
		}
		t.to(i+2, t.at("shaped", i).Reshape(y, table...))
	}
}

func (t *tape) concatTokens(g graph.Value) {
	begin := 0
	for i := range t.node.Inputs {
		shape := slices.Clone(t.in(i).Shape())
		count := shape[1 : len(shape)-1].Elements()
		if t.wants(i) {
			y := t.at(i).SliceTokens(g, graph.SliceTokens{Begin: begin, Height: 1, Width: count})
			t.to(i, t.at("shaped", i).Reshape(y, shape...))
		}
		begin += count
	}
}
