package graph

// Gradients of the products: g is always the gradient of the product's result.

// LinearGradX is the gradient of [Linear] with respect to its operand, g W: g [..., N],
// W [N, K...] -> [..., K].
type LinearGradX struct{}

// Kind implements [Op].
func (LinearGradX) Kind() string { return "lineargradx" }

func (LinearGradX) takes() (least, most int) { return 2, 2 }
func (LinearGradX) infer(in []Shape) (Shape, error) {
	g, w := in[0], in[1]
	if len(g) < 1 || len(w) < 2 || g.Last() != w[0] {
		return refuse("gradient %v and weight %v, want [..., N] and [N, K]", g, w)
	}
	out := append(Shape{}, g...)
	out[len(out)-1] = w[1:].Elements()
	return out, nil
}

func (LinearGradX) inner(in []Shape) int { return in[0].Last() }

// LinearGradX records [LinearGradX].
func (b *Builder) LinearGradX(g, weight Value) Value { return b.add(LinearGradX{}, g, weight) }

// LinearGradWeight is the gradient of [Linear] with respect to its weight, gᵀ x:
// g [..., N], x [..., K] -> Weight, [N, K...].
type LinearGradWeight struct{ Weight Shape }

// Kind implements [Op].
func (LinearGradWeight) Kind() string { return "lineargradweight" }

func (LinearGradWeight) takes() (least, most int) { return 2, 2 }
func (o LinearGradWeight) infer(in []Shape) (Shape, error) {
	g, x, w := in[0], in[1], o.Weight
	if err := w.check(); err != nil {
		return nil, err
	}
	if len(w) < 2 || g.Rows() != x.Rows() || g.Last() != w[0] || x.Last() != w[1:].Elements() {
		return refuse("gradient %v and operand %v of weight %v, want [..., N], [..., K] and [N, K]", g, x, w)
	}
	return w, nil
}

func (LinearGradWeight) inner(in []Shape) int { return in[0].Rows() }

// LinearGradWeight records [LinearGradWeight].
func (b *Builder) LinearGradWeight(g, x Value, weight Shape) Value {
	return b.add(LinearGradWeight{weight}, g, x)
}

// ConvGradX is the gradient of [Conv] with respect to its map: g [B, Ho, Wo, N], weight
// [N, C, k, k] -> [B, Height, Width, C].
type ConvGradX struct {
	Conv
	Height, Width int
}

// Kind implements [Op].
func (ConvGradX) Kind() string { return "convgradx" }

func (ConvGradX) takes() (least, most int) { return 2, 2 }
func (o ConvGradX) infer(in []Shape) (Shape, error) {
	g, w := in[0], in[1]
	if len(g) != 4 || len(w) != 4 {
		return refuse("gradient %v and weight %v, want [B, Ho, Wo, N] and [N, C, k, k]", g, w)
	}
	return ofMap(g, Shape{g[0], o.Height, o.Width, w[1]}, w, o.Stride, o.Pad)
}

// ofMap is a map x of which a convolution makes something of the shape of g.
func ofMap(g, x, w Shape, stride, pad int) (Shape, error) {
	if err := x.check(); err != nil {
		return nil, err
	}
	y, err := convolved(x, w, stride, pad)
	if err != nil {
		return nil, err
	}
	if !y.Equal(g) {
		return refuse("gradient %v, want %v as of a map %v", g, y, x)
	}
	return x, nil
}

func (ConvGradX) inner(in []Shape) int { return in[1].Elements() / in[1][1] }

// ConvGradX records [ConvGradX].
func (b *Builder) ConvGradX(g, weight Value, o ConvGradX) Value { return b.add(o, g, weight) }

// ConvGradWeight is the gradient of [Conv] with respect to its weight: g [B, Ho, Wo, N],
// x [B, H, W, C] -> [N, C, Size, Size].
type ConvGradWeight struct {
	Conv
	Size int
}

// Kind implements [Op].
func (ConvGradWeight) Kind() string { return "convgradweight" }

func (ConvGradWeight) takes() (least, most int) { return 2, 2 }
func (o ConvGradWeight) infer(in []Shape) (Shape, error) {
	return ofWeight(in[0], in[1], o.Size, o.Stride, o.Pad)
}

// ofWeight is the weight of a convolution of x whose result has the shape of g.
func ofWeight(g, x Shape, size, stride, pad int) (Shape, error) {
	if len(g) != 4 || len(x) != 4 || size < 1 {
		return refuse("gradient %v and map %v, want [B, Ho, Wo, N] and [B, H, W, C]", g, x)
	}
	w := Shape{g[3], x[3], size, size}
	if _, err := ofMap(g, x, w, stride, pad); err != nil {
		return nil, err
	}
	return w, nil
}

func (ConvGradWeight) inner(in []Shape) int { return in[0].Rows() }

// ConvGradWeight records [ConvGradWeight].
func (b *Builder) ConvGradWeight(g, x Value, o ConvGradWeight) Value { return b.add(o, g, x) }

// DeformConvGradX is the gradient of [DeformConv] with respect to its map: g
// [B, Ho, Wo, N], om [B, Hm, Wm, 3k²], weight [N, C, k, k] -> [B, Height, Width, C].
// Every corner of a sample gets its share.
type DeformConvGradX struct {
	DeformConv
	Height, Width int
}

// Kind implements [Op].
func (DeformConvGradX) Kind() string { return "deformconvgradx" }

func (DeformConvGradX) takes() (least, most int) { return 3, 3 }
func (o DeformConvGradX) infer(in []Shape) (Shape, error) {
	g, w := in[0], in[2]
	if len(g) != 4 || len(w) != 4 {
		return refuse("gradient %v and weight %v, want [B, Ho, Wo, N] and [N, C, k, k]", g, w)
	}
	x := Shape{g[0], o.Height, o.Width, w[1]}
	if _, err := ofMap(g, x, w, o.Stride, o.Pad); err != nil {
		return nil, err
	}
	if _, err := o.DeformConv.infer([]Shape{x, in[1], w, {w[0]}}); err != nil {
		return nil, err
	}
	return x, nil
}

func (DeformConvGradX) inner(in []Shape) int { return in[2].Elements() / in[2][1] }

// DeformConvGradX records [DeformConvGradX].
func (b *Builder) DeformConvGradX(g, om, weight Value, o DeformConvGradX) Value {
	return b.add(o, g, om, weight)
}

// DeformConvGradOffset is the gradient of [DeformConv] with respect to offsets and masks,
// at the flat positions that the forward operation read, 0 elsewhere: g [B, Ho, Wo, N],
// x [B, H, W, C], om [B, Hm, Wm, 3k²], weight [N, C, k, k] -> om's shape. At whole
// numbers it is the derivative to the right.
type DeformConvGradOffset struct{ DeformConv }

// Kind implements [Op].
func (DeformConvGradOffset) Kind() string { return "deformconvgradoffset" }

func (DeformConvGradOffset) takes() (least, most int) { return 4, 4 }
func (o DeformConvGradOffset) infer(in []Shape) (Shape, error) {
	g, x, om, w := in[0], in[1], in[2], in[3]
	if len(x) != 4 || len(w) != 4 {
		return refuse("map %v and weight %v, want [B, H, W, C] and [N, C, k, k]", x, w)
	}
	if _, err := ofMap(g, x, w, o.Stride, o.Pad); err != nil {
		return nil, err
	}
	if _, err := o.DeformConv.infer([]Shape{x, om, w, {w[0]}}); err != nil {
		return nil, err
	}
	return om, nil
}

func (DeformConvGradOffset) inner(in []Shape) int {
	return in[0].Elements() * in[3][1:].Elements() / in[2].Elements()
}

// DeformConvGradOffset records [DeformConvGradOffset].
func (b *Builder) DeformConvGradOffset(g, x, om, weight Value, o DeformConv) Value {
	return b.add(DeformConvGradOffset{o}, g, x, om, weight)
}

// DeformConvGradWeight is the gradient of [DeformConv] with respect to its weight: g
// [B, Ho, Wo, N], x [B, H, W, C], om [B, Hm, Wm, 3 Size²] -> [N, C, Size, Size].
type DeformConvGradWeight struct {
	DeformConv
	Size int
}

// Kind implements [Op].
func (DeformConvGradWeight) Kind() string { return "deformconvgradweight" }

func (DeformConvGradWeight) takes() (least, most int) { return 3, 3 }
func (o DeformConvGradWeight) infer(in []Shape) (Shape, error) {
	w, err := ofWeight(in[0], in[1], o.Size, o.Stride, o.Pad)
	if err != nil {
		return nil, err
	}
	if _, err := o.DeformConv.infer([]Shape{in[1], in[2], w, {w[0]}}); err != nil {
		return nil, err
	}
	return w, nil
}

func (DeformConvGradWeight) inner(in []Shape) int { return in[0].Rows() }

// DeformConvGradWeight records [DeformConvGradWeight].
func (b *Builder) DeformConvGradWeight(g, x, om Value, o DeformConvGradWeight) Value {
	return b.add(o, g, x, om)
}

// HeadLinearGradWeight is the gradient of [HeadLinear] with respect to its weight: g
// [B, T, E], x [B, h*T, C] -> [E, C], element (head*d + e, c) being the sum over pictures
// and tokens of g[t, head*d + e] * x[head*T + t, c]. The weights of [AbsorbKeys] and
// [AbsorbValues], which are its transposes, have it too.
type HeadLinearGradWeight struct{ Heads int }

// Kind implements [Op].
func (HeadLinearGradWeight) Kind() string { return "headlineargradweight" }

func (HeadLinearGradWeight) takes() (least, most int) { return 2, 2 }
func (o HeadLinearGradWeight) infer(in []Shape) (Shape, error) {
	g, x := in[0], in[1]
	if len(g) != 3 || len(x) != 3 || g[0] != x[0] || o.Heads < 1 || x[1] != o.Heads*g[1] || g[2]%o.Heads != 0 {
		return refuse("gradient %v and rows %v, want [B, T, E] and [B, %d*T, C]", g, x, o.Heads)
	}
	return Shape{g[2], x[2]}, nil
}

func (HeadLinearGradWeight) inner(in []Shape) int { return in[0].Rows() }

// HeadLinearGradWeight records [HeadLinearGradWeight].
func (b *Builder) HeadLinearGradWeight(g, x Value, heads int) Value {
	return b.add(HeadLinearGradWeight{heads}, g, x)
}
