package graph

import "math"

// What cuts, resizes, joins or averages maps, [B, H, W, C].

// Patches cuts a picture into square patches (the gather of a convolution whose
// stride equals its kernel, nn.Unfold): [B, c, H, W] -> [B, ceil(H/s), ceil(W/s), c*s*s].
// Element (channel*s + ky)*s + kx of a patch is the pixel ky rows and kx columns
// inside it; beyond the right and bottom edge pixels are 0.
type Patches struct{ Size int }

// Kind implements [Op].
func (Patches) Kind() string { return "patches" }

func (o Patches) infer(in []Shape) (Shape, error) {
	if err := ranked(in[0], 4, "[B, c, H, W]"); err != nil {
		return nil, err
	}
	if o.Size < 1 {
		return refuse("patch size %d, want at least 1", o.Size)
	}
	x := in[0]
	return Shape{x[0], ceilDiv(x[2], o.Size), ceilDiv(x[3], o.Size), x[1] * o.Size * o.Size}, nil
}

// Patches records [Patches].
func (b *Builder) Patches(x Value, size int) Value { return b.add(Patches{size}, x) }

// MergePatches gathers 2 x 2 neighbours: [B, H, W, C] -> [B, ceil(H/2), ceil(W/2), 4C].
// Channel 4c + 2ky + kx is channel c of the neighbour ky rows and kx columns
// away (nn.Unfold order, as mmpretrain has it); neighbours outside the map are 0.
type MergePatches struct{}

// Kind implements [Op].
func (MergePatches) Kind() string { return "mergepatches" }

func (MergePatches) infer(in []Shape) (Shape, error) {
	if err := isMap(in[0]); err != nil {
		return nil, err
	}
	x := in[0]
	return Shape{x[0], ceilDiv(x[1], 2), ceilDiv(x[2], 2), 4 * x[3]}, nil
}

// MergePatches records [MergePatches].
func (b *Builder) MergePatches(x Value) Value { return b.add(MergePatches{}, x) }

// ResizePosition resizes a square position embedding bicubically (A = -0.75,
// half-pixel centres, no antialiasing, taps clamped):
// [1, L, C] with L a square -> [1, Height, Width, C].
type ResizePosition struct{ Height, Width int }

// Kind implements [Op].
func (ResizePosition) Kind() string { return "resizeposition" }

func (o ResizePosition) infer(in []Shape) (Shape, error) {
	if err := ranked(in[0], 3, "[1, L, C]"); err != nil {
		return nil, err
	}
	x := in[0]
	if side := int(math.Round(math.Sqrt(float64(x[1])))); x[0] != 1 || side*side != x[1] {
		return refuse("position embedding %v, want [1, L, C] with L a square", x)
	}
	return Shape{1, o.Height, o.Width, x[2]}, nil
}

// ResizePosition records [ResizePosition].
func (b *Builder) ResizePosition(x Value, height, width int) Value {
	return b.add(ResizePosition{height, width}, x)
}

// ChannelsFirst changes the layout: [B, H, W, C] -> [B, C, H, W].
type ChannelsFirst struct{}

// Kind implements [Op].
func (ChannelsFirst) Kind() string { return "channelsfirst" }

func (ChannelsFirst) infer(in []Shape) (Shape, error) {
	if err := isMap(in[0]); err != nil {
		return nil, err
	}
	x := in[0]
	return Shape{x[0], x[3], x[1], x[2]}, nil
}

// ChannelsFirst records [ChannelsFirst].
func (b *Builder) ChannelsFirst(x Value) Value { return b.add(ChannelsFirst{}, x) }

// Pad appends zero rows below and zero columns to the right:
// [B, H, W, C] -> [B, Height, Width, C].
type Pad struct{ Height, Width int }

// Kind implements [Op].
func (Pad) Kind() string { return "pad" }

func (o Pad) infer(in []Shape) (Shape, error) {
	if err := isMap(in[0]); err != nil {
		return nil, err
	}
	x := in[0]
	if o.Height < x[1] || o.Width < x[2] {
		return refuse("padding %v to %d x %d would cut it", x, o.Height, o.Width)
	}
	return Shape{x[0], o.Height, o.Width, x[3]}, nil
}

// Pad records [Pad].
func (b *Builder) Pad(x Value, height, width int) Value { return b.add(Pad{height, width}, x) }

// Crop keeps the top left corner: [B, H, W, C] -> [B, Height, Width, C].
type Crop struct{ Height, Width int }

// Kind implements [Op].
func (Crop) Kind() string { return "crop" }

func (o Crop) infer(in []Shape) (Shape, error) {
	if err := isMap(in[0]); err != nil {
		return nil, err
	}
	x := in[0]
	if o.Height > x[1] || o.Width > x[2] {
		return refuse("cropping %v to %d x %d would enlarge it", x, o.Height, o.Width)
	}
	return Shape{x[0], o.Height, o.Width, x[3]}, nil
}

// Crop records [Crop].
func (b *Builder) Crop(x Value, height, width int) Value { return b.add(Crop{height, width}, x) }

// ResizeNearest is out[y, x] = in[floor(y*H/Height), floor(x*W/Width)]
// (F.interpolate, mode nearest): [B, H, W, C] -> [B, Height, Width, C].
type ResizeNearest struct{ Height, Width int }

// Kind implements [Op].
func (ResizeNearest) Kind() string { return "resizenearest" }

// resized is the shape of a map brought to another size.
func resized(in []Shape, height, width int) (Shape, error) {
	if err := isMap(in[0]); err != nil {
		return nil, err
	}
	return Shape{in[0][0], height, width, in[0][3]}, nil
}

func (o ResizeNearest) infer(in []Shape) (Shape, error) { return resized(in, o.Height, o.Width) }

// ResizeNearest records [ResizeNearest].
func (b *Builder) ResizeNearest(x Value, height, width int) Value {
	return b.add(ResizeNearest{height, width}, x)
}

// ResizeBilinear interpolates with the corners aligned (F.upsample_bilinear): source
// y*(H-1)/(Height-1), 0 where Height is 1: [B, H, W, C] -> [B, Height, Width, C].
type ResizeBilinear struct{ Height, Width int }

// Kind implements [Op].
func (ResizeBilinear) Kind() string { return "resizebilinear" }

func (o ResizeBilinear) infer(in []Shape) (Shape, error) { return resized(in, o.Height, o.Width) }

// ResizeBilinear records [ResizeBilinear].
func (b *Builder) ResizeBilinear(x Value, height, width int) Value {
	return b.add(ResizeBilinear{height, width}, x)
}

// GlobalMean is the mean over a map (AdaptiveAvgPool2d(1)): [B, H, W, C] -> [B, C].
type GlobalMean struct{}

// Kind implements [Op].
func (GlobalMean) Kind() string { return "globalmean" }

func (GlobalMean) infer(in []Shape) (Shape, error) {
	if err := isMap(in[0]); err != nil {
		return nil, err
	}
	return Shape{in[0][0], in[0][3]}, nil
}

// GlobalMean records [GlobalMean].
func (b *Builder) GlobalMean(x Value) Value { return b.add(GlobalMean{}, x) }

// WeightedMean is the sum of gate*map over the branches, divided by their number:
// operands map, gate, map, gate, ..., maps [B, H, W, C], gates [B, 1] -> [B, H, W, C].
type WeightedMean struct{}

// Kind implements [Op].
func (WeightedMean) Kind() string { return "weightedmean" }

func (WeightedMean) takes() (least, most int) { return 0, math.MaxInt }
func (WeightedMean) infer(in []Shape) (Shape, error) {
	if len(in) < 2 || len(in)%2 != 0 {
		return refuse("%d operands, want maps and gates in turn", len(in))
	}
	if err := isMap(in[0]); err != nil {
		return nil, err
	}
	for i := 0; i < len(in); i += 2 {
		if !in[i].Equal(in[0]) || !in[i+1].Equal(Shape{in[0][0], 1}) {
			return refuse("branch %d is %v with gate %v, want %v and [%d, 1]", i/2, in[i], in[i+1], in[0], in[0][0])
		}
	}
	return in[0], nil
}

// WeightedMean records [WeightedMean]: maps and gates in turn.
func (b *Builder) WeightedMean(branches ...Value) Value { return b.add(WeightedMean{}, branches...) }
