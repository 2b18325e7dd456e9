package graph

// Gradients of what cuts, resizes or averages maps and windows.

// PositionBiasGradTable is the gradient of [PositionBias]: g [h, n, n] -> [(2w-1)², h], a
// row being the sum over the pairs that read it.
type PositionBiasGradTable struct{ Window int }

// Kind implements [Op].
func (PositionBiasGradTable) Kind() string { return "positionbiasgradtable" }

func (o PositionBiasGradTable) infer(in []Shape) (Shape, error) {
	w := o.Window
	if w < 1 || len(in[0]) != 3 || in[0][1] != w*w || in[0][2] != w*w {
		return refuse("gradient %v, want [h, %d, %d] for window %d", in[0], w*w, w*w, w)
	}
	return Shape{(2*w - 1) * (2*w - 1), in[0][0]}, nil
}

// PositionBiasGradTable records [PositionBiasGradTable].
func (b *Builder) PositionBiasGradTable(g Value, window int) Value {
	return b.add(PositionBiasGradTable{window}, g)
}

// SplitPatches is the inverse of [MergePatches] for a patch of Size x Size, and what
// lies beyond the map is dropped: [B, ceil(H/s), ceil(W/s), c*s*s] -> [B, Height, Width, c].
type SplitPatches struct{ Size, Height, Width int }

// Kind implements [Op].
func (SplitPatches) Kind() string { return "splitpatches" }

func (o SplitPatches) infer(in []Shape) (Shape, error) {
	if err := isMap(in[0]); err != nil {
		return nil, err
	}
	x, s := in[0], o.Size
	if s < 1 || x[3]%(s*s) != 0 || ceilDiv(o.Height, s) != x[1] || ceilDiv(o.Width, s) != x[2] {
		return refuse("patches %v of size %d do not make a map of %d x %d", x, s, o.Height, o.Width)
	}
	return Shape{x[0], o.Height, o.Width, x[3] / s / s}, nil
}

// SplitPatches records [SplitPatches].
func (b *Builder) SplitPatches(x Value, o SplitPatches) Value { return b.add(o, x) }

// ResizeNearestGradX is the gradient of [ResizeNearest] from a map of Height x Width, the
// sum of what was made of a position: [B, H, W, C] -> [B, Height, Width, C].
type ResizeNearestGradX struct{ Height, Width int }

// Kind implements [Op].
func (ResizeNearestGradX) Kind() string { return "resizenearestgradx" }

func (o ResizeNearestGradX) infer(in []Shape) (Shape, error) { return resized(in, o.Height, o.Width) }

// ResizeNearestGradX records [ResizeNearestGradX].
func (b *Builder) ResizeNearestGradX(g Value, height, width int) Value {
	return b.add(ResizeNearestGradX{height, width}, g)
}

// ResizeBilinearGradX is the gradient of [ResizeBilinear] from a map of Height x Width:
// [B, H, W, C] -> [B, Height, Width, C].
type ResizeBilinearGradX struct{ Height, Width int }

// Kind implements [Op].
func (ResizeBilinearGradX) Kind() string { return "resizebilineargradx" }

func (o ResizeBilinearGradX) infer(in []Shape) (Shape, error) { return resized(in, o.Height, o.Width) }

// ResizeBilinearGradX records [ResizeBilinearGradX].
func (b *Builder) ResizeBilinearGradX(g Value, height, width int) Value {
	return b.add(ResizeBilinearGradX{height, width}, g)
}
