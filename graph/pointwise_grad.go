package graph

// Gradients of what works element by element, and what they need.

// Mul is a * b with b tiled over a as [Add] tiles it.
type Mul struct{}

// Kind implements [Op].
func (Mul) Kind() string { return "mul" }

func (Mul) takes() (least, most int)        { return 2, 2 }
func (Mul) infer(in []Shape) (Shape, error) { return Add{}.infer(in) }

// Mul records [Mul].
func (b *Builder) Mul(x, y Value) Value { return b.add(Mul{}, x, y) }

// Tile repeats a value as [Add] tiles its second operand -> To.
type Tile struct{ To Shape }

// Kind implements [Op].
func (Tile) Kind() string { return "tile" }

func (o Tile) infer(in []Shape) (Shape, error) {
	if err := o.To.check(); err != nil {
		return nil, err
	}
	return Add{}.infer([]Shape{o.To, in[0]})
}

// Tile records [Tile].
func (b *Builder) Tile(x Value, to Shape) Value { return b.add(Tile{to}, x) }

// SumTiles adds up what [Tile] would make alike: x, of a shape that To tiles -> To. With
// To [C] it sums the rows, with To [1] all.
type SumTiles struct{ To Shape }

// Kind implements [Op].
func (SumTiles) Kind() string { return "sumtiles" }

func (o SumTiles) infer(in []Shape) (Shape, error) {
	if err := o.To.check(); err != nil {
		return nil, err
	}
	if _, err := (Add{}).infer([]Shape{in[0], o.To}); err != nil {
		return nil, err
	}
	return o.To, nil
}

// SumTiles records [SumTiles].
func (b *Builder) SumTiles(x Value, to Shape) Value { return b.add(SumTiles{to}, x) }

// Fill is a constant.
type Fill struct {
	To    Shape
	Value float64
}

// Kind implements [Op].
func (Fill) Kind() string { return "fill" }

func (Fill) takes() (least, most int) { return 0, 0 }
func (o Fill) infer([]Shape) (Shape, error) {
	if err := finite(o.Value); err != nil {
		return nil, err
	}
	return o.To, nil
}

// Fill records [Fill].
func (b *Builder) Fill(value float64, to ...int) Value { return b.add(Fill{to, value}) }

// Exp is e to the power of x.
type Exp struct{}

// Kind implements [Op].
func (Exp) Kind() string { return "exp" }

func (Exp) infer(in []Shape) (Shape, error) { return in[0], nil }

// Exp records [Exp].
func (b *Builder) Exp(x Value) Value { return b.add(Exp{}, x) }

// alike is the shape that two operands share.
func alike(in []Shape) (Shape, error) {
	if !in[0].Equal(in[1]) {
		return refuse("gradient %v of %v, want the same", in[0], in[1])
	}
	return in[1], nil
}

// GELUGradX is g times the derivative of [GELU] at x: g and x of one shape.
type GELUGradX struct{}

// Kind implements [Op].
func (GELUGradX) Kind() string { return "gelugradx" }

func (GELUGradX) takes() (least, most int)        { return 2, 2 }
func (GELUGradX) infer(in []Shape) (Shape, error) { return alike(in) }

// GELUGradX records [GELUGradX].
func (b *Builder) GELUGradX(g, x Value) Value { return b.add(GELUGradX{}, g, x) }

// ReLUGradX is g where x > 0, else 0.
type ReLUGradX struct{}

// Kind implements [Op].
func (ReLUGradX) Kind() string { return "relugradx" }

func (ReLUGradX) takes() (least, most int)        { return 2, 2 }
func (ReLUGradX) infer(in []Shape) (Shape, error) { return alike(in) }

// ReLUGradX records [ReLUGradX].
func (b *Builder) ReLUGradX(g, x Value) Value { return b.add(ReLUGradX{}, g, x) }

// SigmoidGradX is g * y * (1 - y) by the result y of [Sigmoid] in the channels from From
// on, g in those before.
type SigmoidGradX struct{ From int }

// Kind implements [Op].
func (SigmoidGradX) Kind() string { return "sigmoidgradx" }

func (SigmoidGradX) takes() (least, most int) { return 2, 2 }
func (o SigmoidGradX) infer(in []Shape) (Shape, error) {
	if _, err := alike(in); err != nil {
		return nil, err
	}
	return Sigmoid(o).infer(in)
}

// SigmoidGradX records [SigmoidGradX].
func (b *Builder) SigmoidGradX(g, y Value, from int) Value { return b.add(SigmoidGradX{from}, g, y) }

// HardSigmoidGradX is g/6 where -3 < x < 3, else 0.
type HardSigmoidGradX struct{}

// Kind implements [Op].
func (HardSigmoidGradX) Kind() string { return "hardsigmoidgradx" }

func (HardSigmoidGradX) takes() (least, most int)        { return 2, 2 }
func (HardSigmoidGradX) infer(in []Shape) (Shape, error) { return alike(in) }

// HardSigmoidGradX records [HardSigmoidGradX].
func (b *Builder) HardSigmoidGradX(g, x Value) Value { return b.add(HardSigmoidGradX{}, g, x) }

// ClampGradX is g where -Limit <= x <= Limit, else 0.
type ClampGradX struct{ Limit float64 }

// Kind implements [Op].
func (ClampGradX) Kind() string { return "clampgradx" }

func (ClampGradX) takes() (least, most int) { return 2, 2 }
func (o ClampGradX) infer(in []Shape) (Shape, error) {
	if _, err := alike(in); err != nil {
		return nil, err
	}
	return Clamp(o).infer(in)
}

// ClampGradX records [ClampGradX].
func (b *Builder) ClampGradX(g, x Value, limit float64) Value { return b.add(ClampGradX{limit}, g, x) }

// DynamicReLUGradX is the gradient of [DynamicReLU] with respect to its map: the larger
// line's slope, the mean of both where they are equal. g and x [B, H, W, C], t [B, 4C]
// -> [B, H, W, C].
type DynamicReLUGradX struct{}

// Kind implements [Op].
func (DynamicReLUGradX) Kind() string { return "dynamicrelugradx" }

func (DynamicReLUGradX) takes() (least, most int) { return 3, 3 }
func (DynamicReLUGradX) infer(in []Shape) (Shape, error) {
	if _, err := alike(in); err != nil {
		return nil, err
	}
	return DynamicReLU{}.infer(in[1:])
}

// DynamicReLUGradX records [DynamicReLUGradX].
func (b *Builder) DynamicReLUGradX(g, x, t Value) Value { return b.add(DynamicReLUGradX{}, g, x, t) }

// DynamicReLUGradT is the gradient of [DynamicReLU] with respect to the coefficients: g
// and x [B, H, W, C], t [B, 4C] -> [B, 4C].
type DynamicReLUGradT struct{}

// Kind implements [Op].
func (DynamicReLUGradT) Kind() string { return "dynamicrelugradt" }

func (DynamicReLUGradT) takes() (least, most int) { return 3, 3 }
func (DynamicReLUGradT) infer(in []Shape) (Shape, error) {
	if _, err := (DynamicReLUGradX{}).infer(in); err != nil {
		return nil, err
	}
	return in[2], nil
}

// DynamicReLUGradT records [DynamicReLUGradT].
func (b *Builder) DynamicReLUGradT(g, x, t Value) Value { return b.add(DynamicReLUGradT{}, g, x, t) }
