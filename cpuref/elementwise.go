package cpuref

// add is a + b with b tiled over a: aligned at the last axis, b's coordinate is
// a's modulo b's size.
func add(y, a, b tensor) rows {
	n := a.shape.Last()
	return rows{a.shape.Rows(), func(i int) {
		// The row of b: coordinates of row i, from the last but one axis upwards.
		from, stride, rest := 0, 1, i
		for axis := 2; axis <= len(b.shape); axis++ {
			size := b.shape[len(b.shape)-axis]
			if axis <= len(a.shape) {
				length := a.shape[len(a.shape)-axis]
				from += rest % length % size * stride
				rest /= length
			}
			stride *= size
		}
		m := b.shape.Last()
		other := b.data[from*m:][:m]
		for j, v := range a.data[i*n:][:n] {
			y.data[i*n+j] = float32(float64(v) + float64(other[j%m]))
		}
	}}
}

// channelsFirst is y[b, c, row, column] = x[b, row, column, c].
func channelsFirst(y, x tensor) rows {
	channels, height, width := y.shape[1], y.shape[2], y.shape[3]
	return rows{y.shape.Rows(), func(i int) {
		b, c, row := i/height/channels, i/height%channels, i%height
		for column := range width {
			y.data[i*width+column] = x.at(b, row, column)[c]
		}
	}}
}
