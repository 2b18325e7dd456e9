package difftest_test

import (
	"github.com/glipvk/glipvk/graph"
)

// windowMistakes are those about shifting, padding and merging.
func windowMistakes() []mistake {
	return []mistake{
		{id: "roll-sign", rewrite: both(
			suffixed(".rolled", rolledBy(func(r graph.Roll) graph.Roll { return graph.Roll{Down: -r.Down, Right: -r.Right} })),
			suffixed(".unrolled", rolledBy(func(r graph.Roll) graph.Roll { return graph.Roll{Down: -r.Down, Right: -r.Right} })))},
		{id: "roll-plus-one", rewrite: both(
			suffixed(".rolled", rolledBy(func(r graph.Roll) graph.Roll { return graph.Roll{Down: r.Down + 1, Right: r.Right + 1} })),
			suffixed(".unrolled", rolledBy(func(r graph.Roll) graph.Roll { return graph.Roll{Down: r.Down - 1, Right: r.Right - 1} })))},
		{id: "roll-not-undone", rewrite: suffixed(".unrolled", rolledBy(func(graph.Roll) graph.Roll { return graph.Roll{} }))},
		{id: "roll-column-sign", rewrite: suffixed(".unrolled", rolledBy(func(r graph.Roll) graph.Roll {
			return graph.Roll{Down: r.Down, Right: -r.Right}
		}))},
		{id: "no-shift",
			rewrite: both(
				suffixed(".rolled", rolledBy(func(graph.Roll) graph.Roll { return graph.Roll{} })),
				suffixed(".unrolled", rolledBy(func(graph.Roll) graph.Roll { return graph.Roll{} }))),
			spoil: at(".mask", func(_ *spoiler, _ graph.Node, data []float32) { clear(data) })},
		{id: "pad-before-norm", spoil: at(".padded", padWithNormedZero)},
		{id: "pad-top-left", spoil: func(s *spoiler, n graph.Node, data []float32) {
			switch n.Op.(type) {
			case graph.Pad:
				whole, part := n.Shape, s.graph.Nodes[n.Inputs[0]].Shape
				clear(data)
				bottomRight(whole, part, func(inWhole, inPart int) { copy(data[inWhole:][:whole[3]], s.in(n, 0)[inPart:]) })
			case graph.Crop:
				whole, part := s.graph.Nodes[n.Inputs[0]].Shape, n.Shape
				bottomRight(whole, part, func(inWhole, inPart int) { copy(data[inPart:][:whole[3]], s.in(n, 0)[inWhole:]) })
			}
		}},
		{id: "merge-microsoft", spoil: mergedAs(func(c, ky, kx, channels int) int { return (ky+2*kx)*channels + c })},
		{id: "merge-transposed", spoil: mergedAs(func(c, ky, kx, _ int) int { return 4*c + 2*kx + ky })},
	}
}

func rolledBy(f func(graph.Roll) graph.Roll) func(*graph.Graph, int) {
	return func(g *graph.Graph, i int) {
		if r, ok := g.Nodes[i].Op.(graph.Roll); ok {
			g.Nodes[i].Op = f(r)
		}
	}
}

// padWithNormedZero fills the padding with what norm1 makes of zeros: its bias.
func padWithNormedZero(s *spoiler, n graph.Node, data []float32) {
	norm := s.graph.Nodes[n.Inputs[0]]
	bias, c := s.in(norm, 2), n.Shape[3]
	for token := range n.Shape.Rows() {
		y, x := token/n.Shape[2]%n.Shape[1], token%n.Shape[2]
		if y >= norm.Shape[1] || x >= norm.Shape[2] {
			copy(data[token*c:], bias)
		}
	}
}

// bottomRight visits the tokens of a map that lies at the bottom right of a larger
// one, with their offsets in both.
func bottomRight(whole, part graph.Shape, visit func(inWhole, inPart int)) {
	down, right, c := whole[1]-part[1], whole[2]-part[2], whole[3]
	for b := range part[0] {
		for y := range part[1] {
			for x := range part[2] {
				visit(((b*whole[1]+y+down)*whole[2]+x+right)*c, ((b*part[1]+y)*part[2]+x)*c)
			}
		}
	}
}

// mergedAs reads channel c of the neighbour (ky, kx) from another place.
func mergedAs(place func(c, ky, kx, channels int) int) func(*spoiler, graph.Node, []float32) {
	return at(".merged", func(_ *spoiler, n graph.Node, data []float32) {
		length := n.Shape.Last()
		right := make([]float32, length)
		for start := 0; start < len(data); start += length {
			token := data[start:][:length]
			copy(right, token)
			for i := range token {
				token[i] = right[place(i/4, i/2%2, i%2, length/4)]
			}
		}
	})
}
