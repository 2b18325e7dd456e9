package graph

import (
	"math"
	"slices"
)

// What cuts, resizes, joins or averages maps, [B, H, W, C].

// Patches cuts a picture into square patches (the gather of a convolution whose
// stride equals its kernel, nn.Unfold): [B, c, H, W] -> [B, ceil(H/s), ceil(W/s), c*s*s].
// Element (channel*s + ky)*s + kx of a patch is the pixel ky rows and kx columns
// inside it; beyond the right and bottom edge pixels are 0.
type Patches struct{ Size int }

func (Patches) takes(int) []string { return []string{"BcHW"} }
func (o Patches) valid([]Shape, *sizes) error {
	return must(o.Size >= 1, "patch size %d, want at least 1", o.Size)
}

func (o Patches) infer(_ []Shape, s *sizes) Shape {
	return Shape{s['B'], ceilDiv(s['H'], o.Size), ceilDiv(s['W'], o.Size), s['c'] * o.Size * o.Size}
}

// Patches records [Patches].
func (b *Builder) Patches(x Value, size int) Value { return b.Record(Patches{size}, x) }

// MergePatches gathers 2 x 2 neighbours: [B, H, W, C] -> [B, ceil(H/2), ceil(W/2), 4C].
// Channel 4c + 2ky + kx is channel c of the neighbour ky rows and kx columns
// away (nn.Unfold order, as mmpretrain has it); neighbours outside the map are 0.
type MergePatches struct{}

func (MergePatches) takes(int) []string { return []string{"BHWC"} }
func (MergePatches) infer(_ []Shape, s *sizes) Shape {
	return Shape{s['B'], ceilDiv(s['H'], 2), ceilDiv(s['W'], 2), 4 * s['C']}
}

// MergePatches records [MergePatches].
func (b *Builder) MergePatches(x Value) Value { return b.Record(MergePatches{}, x) }

// ResizePosition resizes a square position embedding bicubically (A = -0.75,
// half-pixel centres, no antialiasing, taps clamped):
// [1, L, C] with L a square -> [1, Height, Width, C].
type ResizePosition struct{ Height, Width int }

func (ResizePosition) takes(int) []string { return []string{"1LC"} }

func (ResizePosition) valid(in []Shape, s *sizes) error {
	side := int(math.Round(math.Sqrt(float64(s['L']))))
	return must(side*side == s['L'], "position embedding %v, want [1, L, C] with L a square", in[0])
}

func (o ResizePosition) infer(_ []Shape, s *sizes) Shape { return Shape{1, o.Height, o.Width, s['C']} }

// ResizePosition records [ResizePosition].
func (b *Builder) ResizePosition(x Value, height, width int) Value {
	return b.Record(ResizePosition{height, width}, x)
}

// ChannelsFirst changes the layout: [B, H, W, C] -> [B, C, H, W].
type ChannelsFirst struct{}

func (ChannelsFirst) takes(int) []string              { return []string{"BHWC"} }
func (ChannelsFirst) infer(_ []Shape, s *sizes) Shape { return Shape{s['B'], s['C'], s['H'], s['W']} }

// ChannelsFirst records [ChannelsFirst].
func (b *Builder) ChannelsFirst(x Value) Value { return b.Record(ChannelsFirst{}, x) }

// Pad appends zero rows below and zero columns to the right:
// [B, H, W, C] -> [B, Height, Width, C].
type Pad struct{ Height, Width int }

func (Pad) takes(int) []string { return []string{"BHWC"} }

func (o Pad) valid(in []Shape, s *sizes) error {
	return must(o.Height >= s['H'] && o.Width >= s['W'], "padding %v to %d x %d would cut it", in[0], o.Height, o.Width)
}

func (o Pad) infer(_ []Shape, s *sizes) Shape { return Shape{s['B'], o.Height, o.Width, s['C']} }

// Pad records [Pad].
func (b *Builder) Pad(x Value, height, width int) Value { return b.Record(Pad{height, width}, x) }

// Crop keeps the top left corner: [B, H, W, C] -> [B, Height, Width, C].
type Crop struct{ Height, Width int }

func (Crop) takes(int) []string { return []string{"BHWC"} }

func (o Crop) valid(in []Shape, s *sizes) error {
	return must(o.Height <= s['H'] && o.Width <= s['W'], "cropping %v to %d x %d would enlarge it", in[0], o.Height, o.Width)
}

func (o Crop) infer(_ []Shape, s *sizes) Shape { return Shape{s['B'], o.Height, o.Width, s['C']} }

// Crop records [Crop].
func (b *Builder) Crop(x Value, height, width int) Value { return b.Record(Crop{height, width}, x) }

// ResizeNearest is out[y, x] = in[floor(y*H/Height), floor(x*W/Width)]
// (F.interpolate, mode nearest): [B, H, W, C] -> [B, Height, Width, C].
type ResizeNearest struct{ Height, Width int }

func (ResizeNearest) takes(int) []string { return []string{"BHWC"} }
func (o ResizeNearest) infer(_ []Shape, s *sizes) Shape {
	return Shape{s['B'], o.Height, o.Width, s['C']}
}

// ResizeNearest records [ResizeNearest].
func (b *Builder) ResizeNearest(x Value, height, width int) Value {
	return b.Record(ResizeNearest{height, width}, x)
}

// ResizeBilinear interpolates with the corners aligned (F.upsample_bilinear): source
// y*(H-1)/(Height-1), 0 where Height is 1: [B, H, W, C] -> [B, Height, Width, C].
type ResizeBilinear struct{ Height, Width int }

func (ResizeBilinear) takes(int) []string { return []string{"BHWC"} }
func (o ResizeBilinear) infer(_ []Shape, s *sizes) Shape {
	return Shape{s['B'], o.Height, o.Width, s['C']}
}

// ResizeBilinear records [ResizeBilinear].
func (b *Builder) ResizeBilinear(x Value, height, width int) Value {
	return b.Record(ResizeBilinear{height, width}, x)
}

// GlobalMean is the mean over a map (AdaptiveAvgPool2d(1)): [B, H, W, C] -> [B, C].
type GlobalMean struct{}

func (GlobalMean) takes(int) []string              { return []string{"BHWC"} }
func (GlobalMean) infer(_ []Shape, s *sizes) Shape { return Shape{s['B'], s['C']} }

// GlobalMean records [GlobalMean].
func (b *Builder) GlobalMean(x Value) Value { return b.Record(GlobalMean{}, x) }

// WeightedMean is the sum of gate*map over the branches, divided by their number:
// operands map, gate, map, gate, ..., maps [B, H, W, C], gates [B, 1] -> [B, H, W, C].
type WeightedMean struct{}

func (WeightedMean) takes(n int) []string             { return slices.Repeat([]string{"BHWC", "B1"}, max(n/2, 1)) }
func (WeightedMean) infer(in []Shape, _ *sizes) Shape { return in[0] }

// WeightedMean records [WeightedMean]: maps and gates in turn.
func (b *Builder) WeightedMean(branches ...Value) Value { return b.Record(WeightedMean{}, branches...) }
