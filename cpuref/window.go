package cpuref

import "github.com/glipvk/glipvk/graph"

// at is the token (b, y, x) of a map [B, H, W, C].
func (t tensor) at(b, y, x int) []float32 {
	height, width, channels := t.shape[1], t.shape[2], t.shape[3]
	return t.data[((b*height+y)*width+x)*channels:][:channels]
}

// perToken makes a piece of every token (b, row, column) of a map [B, H, W, C].
func perToken(shape graph.Shape, each func(b, row, column int)) rows {
	height, width := shape[1], shape[2]
	return rows{shape.Rows(), func(i int) {
		each(i/width/height, i/width%height, i%width)
	}}
}

// pad copies x [B, H, W, C] to the top left of y [B, H', W', C]; the rest is 0.
func pad(y, x tensor) rows {
	return perToken(y.shape, func(b, row, column int) {
		if row < x.shape[1] && column < x.shape[2] {
			copy(y.at(b, row, column), x.at(b, row, column))
		}
	})
}

// crop copies the top left of x [B, H, W, C] to y [B, H', W', C].
func crop(y, x tensor) rows {
	return perToken(y.shape, func(b, row, column int) {
		copy(y.at(b, row, column), x.at(b, row, column))
	})
}

// roll is y[b, row, column] = x[b, (row+Down) mod H, (column+Right) mod W].
func roll(op graph.Roll, y, x tensor) rows {
	height, width := x.shape[1], x.shape[2]
	return perToken(y.shape, func(b, row, column int) {
		from := x.at(b, (row+op.Down+height)%height, (column+op.Right+width)%width)
		copy(y.at(b, row, column), from)
	})
}

// windowPartition cuts x [B, H, W, C] into windows y [B*nW, n, C]. The token at
// (row, column) belongs to the window (row/w, column/w), counted in row order and
// after those of earlier pictures, and is there the token (row mod w, column mod w).
func windowPartition(op graph.WindowPartition, y, x tensor) rows {
	return perToken(x.shape, func(b, row, column int) {
		copy(windowToken(y, x.shape, op.Size, b, row, column), x.at(b, row, column))
	})
}

// windowReverse puts windows x [B*nW, n, C] back into a map y [B, H, W, C].
func windowReverse(op graph.WindowReverse, y, x tensor) rows {
	return perToken(y.shape, func(b, row, column int) {
		copy(y.at(b, row, column), windowToken(x, y.shape, op.Size, b, row, column))
	})
}

// windowToken finds in windows [B*nW, w*w, C] the token that is at
// (b, row, column) of the map.
func windowToken(windows tensor, shape graph.Shape, w, b, row, column int) []float32 {
	down, across, channels := shape[1]/w, shape[2]/w, shape[3]
	window := (b*down+row/w)*across + column/w
	token := row%w*w + column%w
	return windows.data[(window*w*w+token)*channels:][:channels]
}
