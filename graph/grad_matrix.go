package graph

import (
	"cmp"
	"slices"
)

// Gradients of the products. g is always the gradient of the product's result; package grad records them.

// LinearGradX is the gradient of [Linear] with respect to its operand, g W: g [..., N], W [N, K...] -> [..., K].
type LinearGradX struct{}

func (LinearGradX) takes(int) []string { return []string{"*N", "Nk*"} }
func (LinearGradX) infer(in []Shape, _ *sizes) Shape {
	return append(slices.Clone(in[0][:len(in[0])-1]), in[1][1:].Elements())
}
func (LinearGradX) inner(in []Shape) int { return in[0].Last() }

// LinearGradWeight is the gradient of [Linear] with respect to its weight, gᵀ x: g [..., N], x [..., K] -> Weight, [N, K...].
type LinearGradWeight struct{ Weight Shape }

func (LinearGradWeight) takes(int) []string { return []string{"*N", "*K"} }
func (o LinearGradWeight) valid(in []Shape, s *sizes) error {
	return cmp.Or(o.Weight.check(), must(in[0].Rows() == in[1].Rows(), "gradient %v of operand %v, want as many rows", in[0], in[1]),
		must(len(o.Weight) >= 2 && o.Weight[0] == s['N'] && o.Weight[1:].Elements() == s['K'], "weight %v, want [%d, %d]", o.Weight, s['N'], s['K']))
}
func (o LinearGradWeight) infer([]Shape, *sizes) Shape { return o.Weight }
func (LinearGradWeight) inner(in []Shape) int          { return in[0].Rows() }

// ConvGradX is the gradient of [Conv] with respect to its map: g [B, Ho, Wo, N], weight [N, C, k, k] -> [B, Height, Width, C].
type ConvGradX struct {
	Conv
	Height, Width int
}

func (ConvGradX) takes(int) []string { return []string{"BhwN", "NCkk"} }
func (o ConvGradX) valid(in []Shape, s *sizes) error {
	return convolvedTo(in[0], s, Shape{s['B'], o.Height, o.Width, s['C']}, o.Stride, o.Pad)
}
func (o ConvGradX) infer(_ []Shape, s *sizes) Shape {
	return Shape{s['B'], o.Height, o.Width, s['C']}
}
func (ConvGradX) adds(in []Shape) int64 { return perTap(in[0], in[1]) }

// perTap are the multiply-adds of a gradient g of a convolution with every weight of the kernels that it comes from.
func perTap(g, weight Shape) int64 { return int64(g.Elements()) * int64(weight[1:].Elements()) }

// convolvedTo checks that a convolution of a map x by the weight of s, [N, C, k, k], gives the shape of g.
func convolvedTo(g Shape, s *sizes, x Shape, stride, pad int) error {
	if err := x.check(); err != nil {
		return err
	}
	s['H'], s['W'] = x[1], x[2]
	if err := convolves(s, stride, pad); err != nil {
		return err
	}
	y := convolved(s, stride, pad)
	return must(y.Equal(g), "gradient %v, want %v as of a map %v", g, y, x)
}

// ConvGradWeight is the gradient of [Conv] with respect to its weight: g [B, Ho, Wo, N], x [B, H, W, C] -> [N, C, Size, Size].
type ConvGradWeight struct {
	Conv
	Size int
}

func (ConvGradWeight) takes(int) []string { return []string{"BhwN", "BHWC"} }
func (o ConvGradWeight) valid(in []Shape, s *sizes) error {
	return ofWeight(in, s, o.Size, o.Stride, o.Pad)
}
func (o ConvGradWeight) infer(_ []Shape, s *sizes) Shape {
	return Shape{s['N'], s['C'], o.Size, o.Size}
}
func (ConvGradWeight) inner(in []Shape) int { return in[0].Rows() }

// ofWeight checks that a convolution of in[1] by kernels of a size gives the shape of in[0].
func ofWeight(in []Shape, s *sizes, size, stride, pad int) error {
	s['k'] = size
	return cmp.Or(must(size >= 1, "kernels of %d, want at least 1", size), convolvedTo(in[0], s, in[1], stride, pad))
}

// DeformConvGradX is the gradient of [DeformConv] with respect to its map: g [B, Ho, Wo, N], om [B, Hm, Wm, 3k²],
// weight [N, C, k, k] -> [B, Height, Width, C]. Every corner of a sample gets its share.
type DeformConvGradX struct {
	DeformConv
	Height, Width int
}

func (DeformConvGradX) takes(int) []string { return []string{"BhwN", "BHWo", "NCkk"} }
func (o DeformConvGradX) valid(in []Shape, s *sizes) error {
	return cmp.Or(offsets(in[1], in[0], s['k']), convolvedTo(in[0], s, Shape{s['B'], o.Height, o.Width, s['C']}, o.Stride, o.Pad))
}
func (o DeformConvGradX) infer(_ []Shape, s *sizes) Shape {
	return Shape{s['B'], o.Height, o.Width, s['C']}
}
func (DeformConvGradX) adds(in []Shape) int64 { return perTap(in[0], in[2]) }

// offsets checks those of a deformable convolution whose result has the shape of y.
func offsets(om, y Shape, size int) error {
	return must(om[3] == 3*size*size && om[1]*om[2] >= y[1]*y[2], "offsets and masks %v of an output %v, want %d channels and as many positions", om, y, 3*size*size)
}

// DeformConvGradOffset is the gradient of [DeformConv] with respect to offsets and masks, at the flat positions that
// the forward operation read, 0 elsewhere: g [B, Ho, Wo, N], x [B, H, W, C], om [B, Hm, Wm, 3k²], weight [N, C, k, k]
// -> om's shape. At whole numbers it is the derivative to the right.
type DeformConvGradOffset struct{ DeformConv }

func (DeformConvGradOffset) takes(int) []string { return []string{"BhwN", "BHWC", "BYXo", "NCkk"} }
func (o DeformConvGradOffset) valid(in []Shape, s *sizes) error {
	return cmp.Or(offsets(in[2], in[0], s['k']), convolvedTo(in[0], s, in[1], o.Stride, o.Pad))
}
func (DeformConvGradOffset) infer(in []Shape, _ *sizes) Shape { return in[2] }
func (DeformConvGradOffset) adds(in []Shape) int64            { return perTap(in[0], in[3]) }

// DeformConvGradWeight is the gradient of [DeformConv] with respect to its weight: g [B, Ho, Wo, N], x [B, H, W, C],
// om [B, Hm, Wm, 3 Size²] -> [N, C, Size, Size].
type DeformConvGradWeight struct {
	DeformConv
	Size int
}

func (DeformConvGradWeight) takes(int) []string { return []string{"BhwN", "BHWC", "BYXo"} }
func (o DeformConvGradWeight) valid(in []Shape, s *sizes) error {
	return cmp.Or(offsets(in[2], in[0], o.Size), ofWeight(in, s, o.Size, o.Stride, o.Pad))
}
func (o DeformConvGradWeight) infer(_ []Shape, s *sizes) Shape {
	return Shape{s['N'], s['C'], o.Size, o.Size}
}
func (DeformConvGradWeight) inner(in []Shape) int { return in[0].Rows() }

// HeadLinearGradWeight is the gradient of [HeadLinear] with respect to its weight: g [B, T, E], x [B, h*T, C] ->
// [E, C], element (head*d + e, c) being the sum over pictures and tokens of g[t, head*d + e] * x[head*T + t, c]. The
// weights of [AbsorbKeys] and [AbsorbValues] have it too.
type HeadLinearGradWeight struct{ Heads int }

func (HeadLinearGradWeight) takes(int) []string { return []string{"BTE", "BRC"} }
func (o HeadLinearGradWeight) valid(in []Shape, s *sizes) error {
	return cmp.Or(headed(o.Heads, s['E']), must(s['R'] == o.Heads*s['T'], "rows %v, want %d for each of %d tokens", in[1], o.Heads, s['T']))
}
func (HeadLinearGradWeight) infer(_ []Shape, s *sizes) Shape { return Shape{s['E'], s['C']} }
func (HeadLinearGradWeight) inner(in []Shape) int            { return in[0].Rows() }
