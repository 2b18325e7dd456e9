package onnx

import (
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/onnx/schema"
)

// deformConv brings offsets and masks into the order in which the original's kernel finds them, and convolves: by the operator DeformConv,
// or by gathers for runtimes that have none.
func deformConv(l *lowerer, o graph.DeformConv, n node) string {
	om := l.first(n.in[1]) // [B, 3k², Hm, Wm]
	taps := n.shapes[1][3] / 3
	given, out := n.shapes[1][1:3], n.shape[1:3]
	offset, mask := l.slice(om, 1, 0, 2*taps), l.slice(om, 1, 2*taps, 3*taps)
	if !given.Equal(out) {
		// Read from flat memory with the strides of the output (graph.DeformConv).
		flat := l.reshape(om, -1, 3*taps*given.Elements())
		begin, positions := 2*taps*given.Elements(), out.Elements()
		offset = l.reshape(l.slice(flat, 1, 0, 2*taps*positions), -1, 2*taps, out[0], out[1])
		mask = l.reshape(l.slice(flat, 1, begin, begin+taps*positions), -1, taps, out[0], out[1])
	}
	if l.gather {
		return l.gathered(o, n, offset, mask)
	}
	size := n.shapes[2][2]
	return l.last(l.op("DeformConv", list("kernel_shape", []int{size, size}, "strides", []int{o.Stride, o.Stride}, "pads", []int{o.Pad, o.Pad, o.Pad, o.Pad}),
		l.first(n.in[0]), n.in[2], offset, n.in[3], mask))
}

// gathered samples x [B, H, W, C] by gathers of rows, four corners a tap, and multiplies: offset [B, 2k², Ho, Wo] and mask [B, k², Ho, Wo].
// The map gets a frame of zeros; a corner that lies further out moves onto the frame, so that it adds nothing.
func (l *lowerer) gathered(o graph.DeformConv, n node, offset, mask string) string {
	height, width, channels := n.shapes[0][1], n.shapes[0][2], n.shapes[0][3]
	features, size := n.shapes[2][0], n.shapes[2][2]
	taps, out := size*size, n.shape[1:3]
	positions := out.Elements()
	framed := l.op("Pad", nil, n.in[0], l.ints(0, 1, 1, 0, 0, 1, 1, 0))
	framed = l.reshape(framed, -1, (height+2)*(width+2), channels)
	perTap := l.reshape(offset, -1, taps, 2, positions)
	at := func(axis int, grid []float32, last int) (low, high, share string) {
		p := l.reshape(l.slice(perTap, 2, axis, axis+1), -1, taps, positions)
		p = l.add(p, l.floats([]int{taps, positions}, grid...))
		floor := l.op("Floor", nil, p)
		// On the framed map a corner of the map is one further.
		onto := func(shift float64) string {
			return l.op("Clip", nil, l.add(floor, l.number(shift)), l.number(0), l.number(float64(last+1)))
		}
		return onto(1), onto(2), l.sub(p, floor)
	}
	rows, columns := grids(o, size, out)
	top, bottom, dy := at(0, rows, height)
	left, right, dx := at(1, columns, width)
	one := l.number(1)
	corner := func(y, x, wy, wx string) string {
		index := l.add(l.mul(y, l.number(float64(width+2))), x)
		index = l.reshape(l.cast(index, schema.TensorProto_INT64), -1, taps*positions, 1)
		value := l.op("GatherND", list("batch_dims", 1), framed, index) // [B, k²·Ho·Wo, C]
		weight := l.mul(l.mul(wy, wx), l.reshape(mask, -1, taps, positions))
		return l.mul(value, l.reshape(weight, -1, taps*positions, 1))
	}
	up, before := l.sub(one, dy), l.sub(one, dx)
	sum := l.add(l.add(corner(top, left, up, before), corner(top, right, up, dx)),
		l.add(corner(bottom, left, dy, before), corner(bottom, right, dy, dx)))
	sum = l.reshape(l.transpose(l.reshape(sum, -1, taps, positions, channels), 0, 2, 1, 3), -1, out[0], out[1], taps*channels)
	weight := l.reshape(l.transpose(n.in[2], 2, 3, 1, 0), taps*channels, features)
	return l.add(l.matmul(sum, weight), n.in[3])
}

// grids are where the taps of each position lie before their offsets move them: rows and columns, tap before position.
func grids(o graph.DeformConv, size int, out graph.Shape) (rows, columns []float32) {
	for tap := range size * size {
		for p := range out.Elements() {
			rows = append(rows, float32(p/out[1]*o.Stride-o.Pad+tap/size))
			columns = append(columns, float32(p%out[1]*o.Stride-o.Pad+tap%size))
		}
	}
	return rows, columns
}
