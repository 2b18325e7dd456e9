package onnx

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// What cuts, resizes, joins or averages maps, [B, H, W, C].

// padded appends zeros to two axes of a value of four, up to some sizes.
func (l *lowerer) padded(x string, shape graph.Shape, axis, height, width int) string {
	below, right := height-shape[axis], width-shape[axis+1]
	if below == 0 && right == 0 {
		return x
	}
	pads := make([]int, 8)
	pads[4+axis], pads[5+axis] = below, right
	return l.op("Pad", nil, x, l.ints(pads...))
}

func patches(l *lowerer, o graph.Patches, n node) string {
	s, h, w := o.Size, n.shape[1], n.shape[2]
	x := l.padded(n.in[0], n.shapes[0], 2, h*s, w*s)
	x = l.reshape(x, -1, n.shapes[0][1], h, s, w, s)
	return l.reshape(l.transpose(x, 0, 2, 4, 1, 3, 5), -1, h, w, n.shape[3])
}

func mergePatches(l *lowerer, _ graph.MergePatches, n node) string {
	h, w := n.shape[1], n.shape[2]
	x := l.padded(n.in[0], n.shapes[0], 1, 2*h, 2*w)
	x = l.reshape(x, -1, h, 2, w, 2, n.shapes[0][3])
	return l.reshape(l.transpose(x, 0, 1, 3, 5, 2, 4), -1, h, w, n.shape[3])
}

func resizePosition(l *lowerer, o graph.ResizePosition, n node) string {
	length, c := n.shapes[0][1], n.shapes[0][2]
	side := int(math.Round(math.Sqrt(float64(length))))
	x := l.first(l.reshape(n.in[0], 1, side, side, c))
	return l.last(l.op("Resize", list("mode", "cubic", "cubic_coeff_a", -0.75, "coordinate_transformation_mode", "half_pixel"),
		x, "", "", l.ints(1, c, o.Height, o.Width)))
}

func channelsFirst(l *lowerer, _ graph.ChannelsFirst, n node) string { return l.first(n.in[0]) }

func pad(l *lowerer, o graph.Pad, n node) string {
	return l.padded(n.in[0], n.shapes[0], 1, o.Height, o.Width)
}

func crop(l *lowerer, o graph.Crop, n node) string {
	x := n.in[0]
	for i, size := range []int{o.Height, o.Width} {
		if axis := 1 + i; size != n.shapes[0][axis] {
			x = l.slice(x, axis, 0, size)
		}
	}
	return x
}

// resizeNearest takes rows and columns by number: runtimes disagree on what Resize rounds where sizes are no multiples.
func resizeNearest(l *lowerer, o graph.ResizeNearest, n node) string {
	x := n.in[0]
	for i, size := range []int{o.Height, o.Width} {
		axis := 1 + i
		if size == n.shapes[0][axis] {
			continue
		}
		from := make([]int, size)
		for i := range from {
			from[i] = i * n.shapes[0][axis] / size
		}
		x = l.op("Gather", list("axis", axis), x, l.ints(from...))
	}
	return x
}

// resizeBilinear takes neighbours by number, rows first, and mixes them: the operator Resize wants the batch among its sizes, or else is
// wrong beside a transposition in ONNX Runtime 1.30.
func resizeBilinear(l *lowerer, o graph.ResizeBilinear, n node) string {
	x := n.in[0]
	for i, size := range []int{o.Height, o.Width} {
		axis := 1 + i
		from := n.shapes[0][axis]
		if size == from {
			continue
		}
		low, high, before, behind := corners(from, size)
		dims := []int{size, 1, 1}[:4-axis]
		take := func(rows []int, shares []float32) string {
			return l.mul(l.op("Gather", list("axis", axis), x, l.ints(rows...)), l.floats(dims, shares...))
		}
		x = l.add(take(low, before), take(high, behind))
	}
	return x
}

// corners are the two neighbours of each of size places on an axis of from, with their shares, where the ends are aligned.
func corners(from, size int) (low, high []int, before, behind []float32) {
	for i := range size {
		at := 0.0
		if size > 1 {
			at = float64(i) * float64(from-1) / float64(size-1)
		}
		floor := min(int(at), from-1)
		share := float32(at - float64(floor))
		low, high = append(low, floor), append(high, min(floor+1, from-1))
		before, behind = append(before, 1-share), append(behind, share)
	}
	return low, high, before, behind
}

func globalMean(l *lowerer, _ graph.GlobalMean, n node) string {
	return l.op("ReduceMean", list("keepdims", 0), n.in[0], l.ints(1, 2))
}

func weightedMean(l *lowerer, _ graph.WeightedMean, n node) string {
	var sum string
	for i := 0; i < len(n.in); i += 2 {
		x := l.mul(n.in[i], l.reshape(n.in[i+1], -1, 1, 1, 1))
		if i > 0 {
			x = l.add(sum, x)
		}
		sum = x
	}
	return l.div(sum, l.number(float64(len(n.in)/2)))
}
