package cpuref

import "github.com/glipvk/glipvk/graph"

// patches cuts a picture x [B, c, H, W] into patches y [B, H', W', c*s*s]:
// element (channel*s + ky)*s + kx of the patch at (py, px) is the pixel of that
// channel at (py*s + ky, px*s + kx), 0 outside the picture.
func patches(op graph.Patches, y, x tensor) rows {
	s := op.Size
	channels, height, width := x.shape[1], x.shape[2], x.shape[3]
	across, length := y.shape[2], y.shape[3]
	return rows{y.shape.Rows(), func(i int) {
		b, py, px := i/(y.shape[1]*across), i/across%y.shape[1], i%across
		for e := range length {
			channel, row, column := e/(s*s), py*s+e/s%s, px*s+e%s
			if row < height && column < width {
				y.data[i*length+e] = x.data[((b*channels+channel)*height+row)*width+column]
			}
		}
	}}
}
