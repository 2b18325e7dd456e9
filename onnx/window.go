package onnx

import "github.com/glipvk/glipvk/graph"

// The windows of a Swin backbone.

func windowPartition(l *lowerer, o graph.WindowPartition, n node) string {
	w, s := o.Size, n.shapes[0]
	x := l.reshape(n.in[0], -1, s[1]/w, w, s[2]/w, w, s[3])
	return l.reshape(l.transpose(x, 0, 1, 3, 2, 4, 5), -1, w*w, s[3])
}

func windowReverse(l *lowerer, o graph.WindowReverse, n node) string {
	w, c := o.Size, n.shape[3]
	x := l.reshape(n.in[0], -1, o.Height/w, o.Width/w, w, w, c)
	return l.reshape(l.transpose(x, 0, 1, 3, 2, 4, 5), -1, o.Height, o.Width, c)
}

func roll(l *lowerer, o graph.Roll, n node) string {
	x := n.in[0]
	for i, by := range []int{o.Down, o.Right} {
		axis := 1 + i
		size := n.shape[axis]
		if by = (by%size + size) % size; by != 0 {
			x = l.concat(axis, l.slice(x, axis, by, size), l.slice(x, axis, 0, by))
		}
	}
	return x
}

func positionBias(l *lowerer, o graph.PositionBias, n node) string {
	w := o.Window
	tokens := w * w
	var rows []int
	for i := range tokens {
		for j := range tokens {
			rows = append(rows, (i/w-j/w+w-1)*(2*w-1)+i%w-j%w+w-1)
		}
	}
	x := l.op("Gather", list("axis", 0), n.in[0], l.ints(rows...)) // [n*n, h]
	return l.reshape(l.transpose(x, 1, 0), n.shape[0], tokens, tokens)
}

// shiftMask is a constant of the model. Two tokens were neighbours before the roll if they are of the same part of the map: the part before
// the last window, that of the last window which was not brought over from the other side, or that which was.
func shiftMask(l *lowerer, o graph.ShiftMask, n node) string {
	w := o.Size
	part := func(at, size int) int {
		switch {
		case at < size-w:
			return 0
		case at < size-o.Shift:
			return 1
		}
		return 2
	}
	mask := make([]float32, 0, n.shape.Elements())
	across := o.Width / w
	for window := range n.shape[0] {
		region := func(token int) int {
			y, x := window/across*w+token/w, window%across*w+token%w
			return 3*part(y, o.Height) + part(x, o.Width)
		}
		for i := range w * w {
			for j := range w * w {
				v := float32(0)
				if region(i) != region(j) {
					v = -100
				}
				mask = append(mask, v)
			}
		}
	}
	return l.floats(n.shape, mask...)
}
