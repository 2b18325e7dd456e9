package cpuref

// resizeNearest is y[row, column] = x[floor(row*H/H'), floor(column*W/W')] of maps
// [B, H, W, C] -> [B, H', W', C].
func resizeNearest(y, x tensor) rows {
	return perToken(y.shape, func(b, row, column int) {
		copy(y.at(b, row, column), x.at(b, row*x.shape[1]/y.shape[1], column*x.shape[2]/y.shape[2]))
	})
}

// resizeBilinear interpolates between the corners, which stay: [B, H, W, C] -> [B, H', W', C].
func resizeBilinear(y, x tensor) rows {
	return perToken(y.shape, func(b, row, column int) {
		top, bottom, down := between(row, x.shape[1], y.shape[1])
		left, right, across := between(column, x.shape[2], y.shape[2])
		out := y.at(b, row, column)
		for c := range out {
			corner := func(row, column int) float64 { return float64(x.at(b, row, column)[c]) }
			upper := corner(top, left)*(1-across) + corner(top, right)*across
			lower := corner(bottom, left)*(1-across) + corner(bottom, right)*across
			out[c] = float32(upper*(1-down) + lower*down)
		}
	})
}

// between gives the source positions on both sides of output position at, of a line of
// from samples stretched to one of to, and the share of the higher one.
func between(at, from, to int) (low, high int, share float64) {
	if to == 1 {
		return 0, 0, 0
	}
	source := float64(at*(from-1)) / float64(to-1)
	low = int(source)
	return low, min(low+1, from-1), source - float64(low)
}
