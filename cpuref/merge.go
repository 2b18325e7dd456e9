package cpuref

// mergePatches gathers 2 x 2 neighbours of x [B, H, W, C] into y [B, H', W', 4C]:
// channel 4c + 2ky + kx of the token at (row, column) is channel c of the
// neighbour at (2 row + ky, 2 column + kx), 0 outside the map.
func mergePatches(y, x tensor) rows {
	height, width := x.shape[1], x.shape[2]
	return perToken(y.shape, func(b, row, column int) {
		out := y.at(b, row, column)
		for ky := range 2 {
			for kx := range 2 {
				if 2*row+ky >= height || 2*column+kx >= width {
					continue
				}
				for c, v := range x.at(b, 2*row+ky, 2*column+kx) {
					out[4*c+2*ky+kx] = v
				}
			}
		}
	})
}
