package graph

// Gradients of what is brought to a mean, a length or a sum; statistics are differentiated.

// LayerNormGradX is the gradient of [LayerNorm] with respect to its operand: g and x
// [..., C], weight [C] -> [..., C].
type LayerNormGradX struct{ Eps float64 }

// Kind implements [Op].
func (LayerNormGradX) Kind() string { return "layernormgradx" }

func (LayerNormGradX) takes() (least, most int) { return 3, 3 }
func (o LayerNormGradX) infer(in []Shape) (Shape, error) {
	if !in[0].Equal(in[1]) {
		return refuse("gradient %v of %v, want the same", in[0], in[1])
	}
	return LayerNorm(o).infer([]Shape{in[1], in[2], in[2]})
}

// LayerNormGradX records [LayerNormGradX].
func (b *Builder) LayerNormGradX(g, x, weight Value, eps float64) Value {
	return b.add(LayerNormGradX{eps}, g, x, weight)
}

// LayerNormGradWeight is the gradient of [LayerNorm] with respect to its weight: g and x
// [..., C] -> [C].
type LayerNormGradWeight struct{ Eps float64 }

// Kind implements [Op].
func (LayerNormGradWeight) Kind() string { return "layernormgradweight" }

func (LayerNormGradWeight) takes() (least, most int) { return 2, 2 }
func (o LayerNormGradWeight) infer(in []Shape) (Shape, error) {
	c := Shape{in[1].Last()}
	_, err := LayerNormGradX(o).infer([]Shape{in[0], in[1], c})
	return c, err
}

// LayerNormGradWeight records [LayerNormGradWeight].
func (b *Builder) LayerNormGradWeight(g, x Value, eps float64) Value {
	return b.add(LayerNormGradWeight{eps}, g, x)
}

// GroupNormGradX is the gradient of [GroupNorm] with respect to its map: g and x
// [B, H, W, C], weight [C] -> [B, H, W, C].
type GroupNormGradX struct{ GroupNorm }

// Kind implements [Op].
func (GroupNormGradX) Kind() string { return "groupnormgradx" }

func (GroupNormGradX) takes() (least, most int) { return 3, 3 }
func (o GroupNormGradX) infer(in []Shape) (Shape, error) {
	if !in[0].Equal(in[1]) {
		return refuse("gradient %v of %v, want the same", in[0], in[1])
	}
	return o.GroupNorm.infer([]Shape{in[1], in[2], in[2]})
}

// GroupNormGradX records [GroupNormGradX].
func (b *Builder) GroupNormGradX(g, x, weight Value, o GroupNorm) Value {
	return b.add(GroupNormGradX{o}, g, x, weight)
}

// GroupNormGradWeight is the gradient of [GroupNorm] with respect to its weight: g and x
// [B, H, W, C] -> [C].
type GroupNormGradWeight struct{ GroupNorm }

// Kind implements [Op].
func (GroupNormGradWeight) Kind() string { return "groupnormgradweight" }

func (GroupNormGradWeight) takes() (least, most int) { return 2, 2 }
func (o GroupNormGradWeight) infer(in []Shape) (Shape, error) {
	c := Shape{in[1].Last()}
	_, err := GroupNormGradX(o).infer([]Shape{in[0], in[1], c})
	return c, err
}

// GroupNormGradWeight records [GroupNormGradWeight].
func (b *Builder) GroupNormGradWeight(g, x Value, o GroupNorm) Value {
	return b.add(GroupNormGradWeight{o}, g, x)
}

// NormalizeGradX is the gradient of [Normalize]: g and x [..., C] -> [..., C].
type NormalizeGradX struct{ Eps float64 }

// Kind implements [Op].
func (NormalizeGradX) Kind() string { return "normalizegradx" }

func (NormalizeGradX) takes() (least, most int) { return 2, 2 }
func (o NormalizeGradX) infer(in []Shape) (Shape, error) {
	if !in[0].Equal(in[1]) {
		return refuse("gradient %v of %v, want the same", in[0], in[1])
	}
	return Normalize(o).infer(in[1:])
}

// NormalizeGradX records [NormalizeGradX].
func (b *Builder) NormalizeGradX(g, x Value, eps float64) Value {
	return b.add(NormalizeGradX{eps}, g, x)
}

// SoftmaxGradX is the gradient of [Softmax] by its result y, y * (g - sum of g*y): g and y
// [..., C] -> [..., C].
type SoftmaxGradX struct{}

// Kind implements [Op].
func (SoftmaxGradX) Kind() string { return "softmaxgradx" }

func (SoftmaxGradX) takes() (least, most int) { return 2, 2 }
func (SoftmaxGradX) infer(in []Shape) (Shape, error) {
	if !in[0].Equal(in[1]) {
		return refuse("gradient %v of %v, want the same", in[0], in[1])
	}
	return Softmax{}.infer(in[1:])
}

// SoftmaxGradX records [SoftmaxGradX].
func (b *Builder) SoftmaxGradX(g, y Value) Value { return b.add(SoftmaxGradX{}, g, y) }
