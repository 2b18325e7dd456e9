package cpuref

// globalMean is the mean over a map: x [B, H, W, C] -> y [B, C]. A piece is a picture.
func globalMean(y, x tensor) rows {
	positions, channels := x.shape[1]*x.shape[2], x.shape[3]
	return rows{x.shape[0], func(b int) {
		sums := make([]float64, channels)
		for p := range positions {
			for c, v := range x.data[(b*positions+p)*channels:][:channels] {
				sums[c] += float64(v)
			}
		}
		for c, sum := range sums {
			y.data[b*channels+c] = float32(sum / float64(positions))
		}
	}}
}

// weightedMean is the sum of gate * map over the branches, divided by their number:
// map [B, H, W, C], gate [B, 1], map, gate, and so on -> y [B, H, W, C].
func weightedMean(y tensor, branches ...tensor) rows {
	return perToken(y.shape, func(b, row, column int) {
		sums := make([]float64, y.shape[3])
		for i := 0; i < len(branches); i += 2 {
			gate := float64(branches[i+1].data[b])
			for c, v := range branches[i].at(b, row, column) {
				sums[c] += gate * float64(v)
			}
		}
		for c, sum := range sums {
			y.at(b, row, column)[c] = float32(sum / float64(len(branches)/2))
		}
	})
}

// dynamicReLU is the larger of two lines per channel: x [B, H, W, C], coefficients
// t [B, 4C], blocks a1, b1, a2, b2 in [0, 1] -> y [B, H, W, C].
func dynamicReLU(y, x, t tensor) rows {
	channels := x.shape[3]
	return perToken(y.shape, func(b, row, column int) {
		coefficient := func(block, c int) float64 { return float64(t.data[(4*b+block)*channels+c]) }
		out := y.at(b, row, column)
		for c, v := range x.at(b, row, column) {
			first := float64(v)*(2*(coefficient(0, c)-0.5)+1) + coefficient(1, c) - 0.5
			second := float64(v)*2*(coefficient(2, c)-0.5) + coefficient(3, c) - 0.5
			out[c] = float32(max(first, second)) // NaN where either is, like torch.max; math.Max takes +infinity for larger
		}
	})
}
