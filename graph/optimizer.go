package graph

import "cmp"

// One step of AdamW ("Decoupled Weight Decay Regularization", Loshchilov and Hutter 2019; torch.optim.AdamW).

// SumSquares is the sum of the squares of all elements -> [1].
type SumSquares struct{}

func (SumSquares) infer([]Shape, *sizes) Shape { return Shape{1} }

// ClipScale is min(1, Limit / (sqrt(x) + 1e-6)) of a sum of squares x [1]: what gradients are multiplied with so that all
// of them together are no longer than Limit (torch.nn.utils.clip_grad_norm_).
type ClipScale struct{ Limit float64 }

func (ClipScale) takes(int) []string            { return []string{"1"} }
func (o ClipScale) valid([]Shape, *sizes) error { return positive("limit", o.Limit) }
func (ClipScale) infer([]Shape, *sizes) Shape   { return Shape{1} }

// Moment is the moving average Beta m + (1-Beta) (s g)^Power of gradients g, and m, of one shape, times a scale s [1]:
// the first moment with Power 1, the second with 2.
type Moment struct {
	Beta  float64
	Power int
}

func (Moment) takes(int) []string { return []string{"*", "*", "1"} }
func (o Moment) valid(in []Shape, _ *sizes) error {
	return cmp.Or(must(o.Beta >= 0 && o.Beta < 1 && (o.Power == 1 || o.Power == 2), "beta %g and power %d, want 0 to below 1, and 1 or 2", o.Beta, o.Power),
		alike(in[1], in[0]))
}
func (Moment) infer(in []Shape, _ *sizes) Shape { return in[0] }

// AdamW is a weight after a step, x (1 - lr decay) - lr (m/c1) / (sqrt(v/c2) + Eps): weight x and moments m and v of one
// shape, rates [4] that hold lr, decay, c1 = 1-beta1^t and c2 = 1-beta2^t.
type AdamW struct{ Eps float64 }

func (AdamW) takes(int) []string { return []string{"*", "*", "*", "4"} }
func (o AdamW) valid(in []Shape, _ *sizes) error {
	return cmp.Or(positive("eps", o.Eps), alike(in[1], in[0]), alike(in[2], in[0]))
}
func (AdamW) infer(in []Shape, _ *sizes) Shape { return in[0] }
