package graph

// One step of AdamW ("Decoupled Weight Decay Regularization", Loshchilov and Hutter 2019; torch.optim.AdamW).

// SumSquares is the sum of the squares of all elements -> [1].
type SumSquares struct{}

// Kind implements [Op].
func (SumSquares) Kind() string { return "sumsquares" }

func (SumSquares) infer([]Shape) (Shape, error) { return Shape{1}, nil }

// SumSquares records [SumSquares].
func (b *Builder) SumSquares(x Value) Value { return b.add(SumSquares{}, x) }

// ClipScale is min(1, Limit / (sqrt(x) + 1e-6)) of a sum of squares x [1]: what gradients are
// multiplied with so that all of them together are no longer than Limit (torch.nn.utils.clip_grad_norm_).
type ClipScale struct{ Limit float64 }

// Kind implements [Op].
func (ClipScale) Kind() string { return "clipscale" }

func (o ClipScale) infer(in []Shape) (Shape, error) {
	if !(o.Limit > 0) {
		return refuse("limit %g, want above 0", o.Limit)
	}
	return in[0], one(in[0])
}

// ClipScale records [ClipScale].
func (b *Builder) ClipScale(sumSquares Value, limit float64) Value {
	return b.add(ClipScale{limit}, sumSquares)
}

// Moment is the moving average Beta m + (1-Beta) (s g)^Power of gradients g, and m, of one shape,
// times a scale s [1]: the first moment with Power 1, the second with 2.
type Moment struct {
	Beta  float64
	Power int
}

// Kind implements [Op].
func (Moment) Kind() string { return "moment" }

func (Moment) takes() (least, most int) { return 3, 3 }
func (o Moment) infer(in []Shape) (Shape, error) {
	if !(o.Beta >= 0 && o.Beta < 1) || o.Power != 1 && o.Power != 2 {
		return refuse("beta %g and power %d, want 0 to below 1, and 1 or 2", o.Beta, o.Power)
	}
	if !in[0].Equal(in[1]) || !in[2].Equal(Shape{1}) {
		return refuse("average %v, gradient %v and scale %v, want two of one shape and [1]", in[0], in[1], in[2])
	}
	return in[0], nil
}

// Moment records [Moment].
func (b *Builder) Moment(m, g, scale Value, o Moment) Value { return b.add(o, m, g, scale) }

// AdamW is a weight after a step, x (1 - lr decay) - lr (m/c1) / (sqrt(v/c2) + Eps): weight x and moments
// m and v of one shape, rates [4] that hold lr, decay, c1 = 1-beta1^t and c2 = 1-beta2^t.
type AdamW struct{ Eps float64 }

// Kind implements [Op].
func (AdamW) Kind() string { return "adamw" }

func (AdamW) takes() (least, most int) { return 4, 4 }
func (o AdamW) infer(in []Shape) (Shape, error) {
	if !(o.Eps > 0) {
		return refuse("eps %g, want above 0", o.Eps)
	}
	if !in[0].Equal(in[1]) || !in[0].Equal(in[2]) || !in[3].Equal(Shape{4}) {
		return refuse("weight %v, moments %v and %v, rates %v, want three of one shape and [4]", in[0], in[1], in[2], in[3])
	}
	return in[0], nil
}

// AdamW records [AdamW].
func (b *Builder) AdamW(x, m, v, rates Value, o AdamW) Value { return b.add(o, x, m, v, rates) }
