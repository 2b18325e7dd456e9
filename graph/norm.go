package graph

// What is brought to a mean, a length or a sum.

// LayerNorm is (x - mean) / sqrt(variance + Eps) * weight + bias over the last
// axis, variance divided by C and not C-1 (nn.LayerNorm): x [..., C], weight [C], bias [C].
type LayerNorm struct{ Eps float64 }

// Kind implements [Op].
func (LayerNorm) Kind() string { return "layernorm" }

func (LayerNorm) takes() (least, most int) { return 3, 3 }
func (o LayerNorm) infer(in []Shape) (Shape, error) {
	c := Shape{in[0].Last()}
	if !in[1].Equal(c) || !in[2].Equal(c) {
		return refuse("weight %v and bias %v, want both %v", in[1], in[2], c)
	}
	if !(o.Eps > 0) {
		return refuse("eps %g, want above 0", o.Eps)
	}
	return in[0], nil
}

// LayerNorm records [LayerNorm] with the weights "weight" and "bias" of this scope.
func (b *Builder) LayerNorm(x Value, eps float64) Value {
	c := x.shape.Last()
	return b.add(LayerNorm{eps}, x, b.Param("weight", c), b.Param("bias", c))
}

// GroupNorm is (x - mean) / sqrt(variance + Eps) * weight + bias with mean and biased
// variance over the map and the C/Groups neighbouring channels of a group
// (nn.GroupNorm): x [B, H, W, C], weight [C], bias [C].
type GroupNorm struct {
	Groups int
	Eps    float64
}

// Kind implements [Op].
func (GroupNorm) Kind() string { return "groupnorm" }

func (GroupNorm) takes() (least, most int) { return 3, 3 }
func (o GroupNorm) infer(in []Shape) (Shape, error) {
	if err := isMap(in[0]); err != nil {
		return nil, err
	}
	c := in[0][3]
	if !in[1].Equal(Shape{c}) || !in[2].Equal(Shape{c}) {
		return refuse("weight %v and bias %v, want both [%d]", in[1], in[2], c)
	}
	if o.Groups < 1 || c%o.Groups != 0 {
		return refuse("%d groups do not divide %d channels", o.Groups, c)
	}
	if !(o.Eps > 0) {
		return refuse("eps %g, want above 0", o.Eps)
	}
	return in[0], nil
}

// GroupNorm records [GroupNorm] with the weights "weight" and "bias" of this scope.
func (b *Builder) GroupNorm(x Value, o GroupNorm) Value {
	c := x.shape.Last()
	return b.add(o, x, b.Param("weight", c), b.Param("bias", c))
}

// Normalize is x / max(|x|, Eps) over the last axis (F.normalize).
type Normalize struct{ Eps float64 }

// Kind implements [Op].
func (Normalize) Kind() string { return "normalize" }

func (o Normalize) infer(in []Shape) (Shape, error) {
	if !(o.Eps > 0) {
		return refuse("eps %g, want above 0", o.Eps)
	}
	return in[0], nil
}

// Normalize records [Normalize].
func (b *Builder) Normalize(x Value, eps float64) Value { return b.add(Normalize{eps}, x) }

// Softmax is exp(x - max) / sum over the last axis.
type Softmax struct{}

// Kind implements [Op].
func (Softmax) Kind() string { return "softmax" }

func (Softmax) infer(in []Shape) (Shape, error) {
	if len(in[0]) == 0 {
		return refuse("softmax needs at least one axis")
	}
	return in[0], nil
}

// Softmax records [Softmax].
func (b *Builder) Softmax(x Value) Value { return b.add(Softmax{}, x) }
