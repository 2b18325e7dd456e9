package cpuref

import "math"

// resizePosition resizes a square position embedding x [1, L, C] to
// y [1, H, W, C] with bicubic interpolation: sample centres are at half pixels,
// A = -0.75, no antialiasing, and taps beyond the border take the border's value
// (torch.nn.functional.interpolate, mode bicubic, align_corners false).
func resizePosition(y, x tensor) rows {
	side := int(math.Round(math.Sqrt(float64(x.shape[1]))))
	channels := x.shape[2]
	return perToken(y.shape, func(b, row, column int) {
		rowsOf, weightsDown := cubicTaps(row, side, y.shape[1])
		columnsOf, weightsRight := cubicTaps(column, side, y.shape[2])
		out := y.at(b, row, column)
		for c := range out {
			sum := 0.0
			for i, r := range rowsOf {
				for j, k := range columnsOf {
					sum += weightsDown[i] * weightsRight[j] * float64(x.data[(r*side+k)*channels+c])
				}
			}
			out[c] = float32(sum)
		}
	})
}

// cubicTaps gives the four source positions for output position at, of a line of
// from samples resized to one of to, and their weights.
func cubicTaps(at, from, to int) (taps [4]int, weights [4]float64) {
	source := (float64(at)+0.5)*float64(from)/float64(to) - 0.5
	floor := math.Floor(source)
	for i := range taps {
		tap := floor + float64(i-1)
		taps[i] = min(max(int(tap), 0), from-1)
		weights[i] = cubic(math.Abs(source - tap))
	}
	return taps, weights
}

// cubic is Keys' interpolation kernel at distance t.
func cubic(t float64) float64 {
	const a = -0.75
	switch {
	case t <= 1:
		return ((a+2)*t-(a+3))*t*t + 1
	case t < 2:
		return ((a*t-5*a)*t+8*a)*t - 4*a
	}
	return 0
}
