package difftest_test

import (
	"math"
	"strings"

	"github.com/glipvk/glipvk/graph"
)

func dyConvMistakes() []detectorMistake {
	return []detectorMistake{
		{variant: "dcn: mask ignored", spoil: modulated(18, 27, 1)},
		{variant: "dcn: offsets ignored", spoil: modulated(0, 18, 0)},
		{variant: "dcn: coarser branch, offsets resized nearest", rewrite: resizedOffsets(func(h, w int) graph.Op {
			return graph.ResizeNearest{Height: h, Width: w}
		})},
		{variant: "dcn: coarser branch, offsets resized bilinear", rewrite: resizedOffsets(func(h, w int) graph.Op {
			return graph.ResizeBilinear{Height: h, Width: w}
		}), spoil: at(".resized", halfPixel)},
		{variant: "dyconv: mask without sigmoid", rewrite: func(g *graph.Graph) {
			for i, n := range g.Nodes {
				if graph.Kind(n.Op) == graph.Kind(graph.Sigmoid{}) {
					g.Nodes[i].Op = graph.Sigmoid{From: n.Shape.Last()} // none
				}
			}
		}},
		{variant: "dyconv: align_corners false", spoil: halfPixel},
		{variant: "dyconv: nearest upsampling", rewrite: opsOf(func(o graph.ResizeBilinear) graph.Op { return graph.ResizeNearest(o) })},
		{variant: "dyconv: sum instead of mean", spoil: rescaledMean(func(branches int) float32 { return float32(branches) })},
		{variant: "dyconv: always divided by 3", spoil: rescaledMean(func(branches int) float32 { return float32(branches) / 3 })},
		{variant: "dyconv: no branch weights", spoil: gates(func([]float32) float64 { return 1 })},
		{variant: "dyconv: branch weights by sigmoid instead of h_sigmoid", spoil: gates(func(x []float32) float64 {
			return 1 / (1 + math.Exp(-float64(x[0])))
		})},
	}
}

// modulated makes some channels of offsets and masks a constant.
func modulated(from, to int, value float32) func(*spoiler, graph.Node, []float32) {
	return func(_ *spoiler, n graph.Node, data []float32) {
		if graph.Kind(n.Op) != graph.Kind(graph.Sigmoid{}) {
			return
		}
		for i := range data {
			if c := i % n.Shape.Last(); c >= from && c < to {
				data[i] = value
			}
		}
	}
}

// resizedOffsets has the branch of the coarser level read offsets and masks of its own size.
func resizedOffsets(resize func(height, width int) graph.Op) func(*graph.Graph) {
	return func(g *graph.Graph) {
		for i := 0; i < len(g.Nodes); i++ {
			n := g.Nodes[i]
			if graph.Kind(n.Op) != graph.Kind(graph.DeformConv{}) || !strings.Contains(n.Path, "DyConv.0.") {
				continue
			}
			om := g.Nodes[n.Inputs[1]].Shape
			at := insertBefore(g, graph.ID(i), graph.Node{
				Path: n.Path + ".resized", Op: resize(n.Shape[1], n.Shape[2]), Inputs: []graph.ID{n.Inputs[1]},
				Shape: graph.Shape{1, n.Shape[1], n.Shape[2], om.Last()},
			})
			i++
			g.Nodes[i].Inputs[1] = at
		}
	}
}

// halfPixel resizes as F.interpolate does with align_corners false.
func halfPixel(s *spoiler, n graph.Node, data []float32) {
	if graph.Kind(n.Op) != graph.Kind(graph.ResizeBilinear{}) {
		return
	}
	x, from := s.in(n, 0), s.graph.Nodes[n.Inputs[0]].Shape
	c := n.Shape.Last()
	source := func(at, in, out int) (low, high int, weight float64) {
		p := max((float64(at)+0.5)*float64(in)/float64(out)-0.5, 0)
		low = int(p)
		return low, min(low+1, in-1), p - float64(low)
	}
	for i := range data {
		y, column, channel := i/c/n.Shape[2], i/c%n.Shape[2], i%c
		top, bottom, down := source(y, from[1], n.Shape[1])
		left, right, across := source(column, from[2], n.Shape[2])
		value := func(y, x0 int) float64 { return float64(x[(y*from[2]+x0)*c+channel]) }
		row := func(y int) float64 { return value(y, left)*(1-across) + value(y, right)*across }
		data[i] = float32(row(top)*(1-down) + row(bottom)*down)
	}
}

// rescaledMean multiplies the mean over the branches.
func rescaledMean(by func(branches int) float32) func(*spoiler, graph.Node, []float32) {
	return func(_ *spoiler, n graph.Node, data []float32) {
		if graph.Kind(n.Op) != graph.Kind(graph.WeightedMean{}) {
			return
		}
		for i := range data {
			data[i] *= by(len(n.Inputs) / 2)
		}
	}
}

// gates makes the weight of a branch another function of what h_sigmoid is given.
func gates(f func(x []float32) float64) func(*spoiler, graph.Node, []float32) {
	return func(s *spoiler, n graph.Node, data []float32) {
		if graph.Kind(n.Op) == graph.Kind(graph.HardSigmoid{}) && strings.HasPrefix(n.Path, dyConvScope+"h_sigmoid") {
			data[0] = float32(f(s.in(n, 0)))
		}
	}
}

func dynamicReLUMistakes() []detectorMistake {
	// coefficients gives the op other coefficients, blocks a1, b1, a2, b2 of C.
	coefficients := func(change func(a1, b1, a2, b2 []float32)) func(*spoiler, graph.Node, []float32) {
		return func(s *spoiler, n graph.Node, data []float32) {
			if strings.HasSuffix(n.Path, "relu.fc.3") {
				c := len(data) / 4
				change(data[:c], data[c:2*c], data[2*c:3*c], data[3*c:])
			}
		}
	}
	return []detectorMistake{
		{variant: "dyrelu: lambda 1", judged: "out", spoil: coefficients(func(a1, _, a2, _ []float32) {
			for i := range a1 { // half the slope's part that differs from 1 and 0
				a1[i], a2[i] = 0.5+(a1[i]-0.5)/2, 0.5+(a2[i]-0.5)/2
			}
		})},
		{variant: "dyrelu: order a1,a2,b1,b2", judged: "out", spoil: coefficients(func(_, b1, a2, _ []float32) {
			for i := range b1 {
				b1[i], a2[i] = a2[i], b1[i]
			}
		})},
		{variant: "dyrelu: no offset of a1", judged: "out", spoil: coefficients(func(a1, _, _, _ []float32) {
			for i := range a1 {
				a1[i] -= 0.5
			}
		})},
		{variant: "dyrelu: one line", judged: "out", spoil: coefficients(func(a1, b1, a2, b2 []float32) {
			copy(a2, a1)
			for i := range a2 { // the second line is the first: 2(a2 - 0.5) = 2(a1 - 0.5) + 1
				a2[i] += 0.5
			}
			copy(b2, b1)
		})},
	}
}
