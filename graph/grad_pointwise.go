package graph

import "cmp"

// Gradients of what works element by element, and what they are made of.

// Mul is a * b with b tiled over a as [Add] tiles it.
type Mul struct{}

func (Mul) takes(int) []string               { return []string{"*", "*"} }
func (Mul) valid(in []Shape, s *sizes) error { return Add{}.valid(in, s) }
func (Mul) infer(in []Shape, _ *sizes) Shape { return in[0] }

// Mul records [Mul].
func (b *Builder) Mul(x, y Value) Value { return b.Record(Mul{}, x, y) }

// Tile repeats a value as [Add] tiles its second operand -> To.
type Tile struct{ To Shape }

func (o Tile) valid(in []Shape, s *sizes) error {
	return cmp.Or(o.To.check(), Add{}.valid([]Shape{o.To, in[0]}, s))
}
func (o Tile) infer([]Shape, *sizes) Shape { return o.To }

// SumTiles adds up what [Tile] would make alike: x, of a shape that To tiles -> To. With To [C] it sums the rows, with
// To [1] all.
type SumTiles struct{ To Shape }

func (o SumTiles) valid(in []Shape, s *sizes) error {
	return cmp.Or(o.To.check(), Add{}.valid([]Shape{in[0], o.To}, s))
}
func (o SumTiles) infer([]Shape, *sizes) Shape { return o.To }

// Fill is a constant.
type Fill struct {
	To    Shape
	Value float64
}

func (Fill) takes(int) []string            { return nil }
func (o Fill) valid([]Shape, *sizes) error { return finite(o.Value) }
func (o Fill) infer([]Shape, *sizes) Shape { return o.To }

// Exp is e to the power of x.
type Exp struct{}

func (Exp) infer(in []Shape, _ *sizes) Shape { return in[0] }

// slope is what gradients of functions of one value have in common: g and what they go by, of one shape.
type slope struct{}

func (slope) takes(int) []string               { return []string{"*", "*"} }
func (slope) valid(in []Shape, _ *sizes) error { return alike(in[0], in[1]) }
func (slope) infer(in []Shape, _ *sizes) Shape { return in[1] }

// GELUGradX is g times the derivative of [GELU] at x: g and x of one shape.
type GELUGradX struct{ slope }

// ReLUGradX is g where x > 0, else 0.
type ReLUGradX struct{ slope }

// SigmoidGradX is g * y * (1 - y) by the result y of [Sigmoid] in the channels from From on, g in those before.
type SigmoidGradX struct {
	slope
	From int
}

func (o SigmoidGradX) valid(in []Shape, _ *sizes) error {
	return cmp.Or(alike(in[0], in[1]), must(o.From >= 0 && o.From < in[1].Last(), "from channel %d of %d", o.From, in[1].Last()))
}

// HardSigmoidGradX is g/6 where -3 < x < 3, else 0.
type HardSigmoidGradX struct{ slope }

// ClampGradX is g where -Limit <= x <= Limit, else 0.
type ClampGradX struct {
	slope
	Limit float64
}

func (o ClampGradX) valid(in []Shape, _ *sizes) error {
	return cmp.Or(alike(in[0], in[1]), positive("limit", o.Limit))
}

// DynamicReLUGradX is the gradient of [DynamicReLU] with respect to its map: the larger line's slope, the mean of both
// where they are equal. g and x [B, H, W, C], t [B, 4C] -> [B, H, W, C].
type DynamicReLUGradX struct{}

func (DynamicReLUGradX) takes(int) []string               { return []string{"BHWC", "BHWC", "Bt"} }
func (DynamicReLUGradX) valid(_ []Shape, s *sizes) error  { return fourfold(s) }
func (DynamicReLUGradX) infer(in []Shape, _ *sizes) Shape { return in[1] }

func fourfold(s *sizes) error {
	return must(s['t'] == 4*s['C'], "%d coefficients for %d channels, want four times as many", s['t'], s['C'])
}

// DynamicReLUGradT is the gradient of [DynamicReLU] with respect to the coefficients: g and x [B, H, W, C], t [B, 4C]
// -> [B, 4C].
type DynamicReLUGradT struct{}

func (DynamicReLUGradT) takes(int) []string               { return []string{"BHWC", "BHWC", "Bt"} }
func (DynamicReLUGradT) valid(_ []Shape, s *sizes) error  { return fourfold(s) }
func (DynamicReLUGradT) infer(in []Shape, _ *sizes) Shape { return in[2] }
