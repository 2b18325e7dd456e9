package graph

import "cmp"

// What is brought to a mean, a length or a sum.

// LayerNorm is (x - mean) / sqrt(variance + Eps) * weight + bias over the last
// axis, variance divided by C and not C-1 (nn.LayerNorm): x [..., C], weight [C], bias [C].
type LayerNorm struct{ Eps float64 }

func (LayerNorm) takes(int) []string               { return []string{"*C", "C", "C"} }
func (o LayerNorm) valid([]Shape, *sizes) error    { return positive("eps", o.Eps) }
func (LayerNorm) infer(in []Shape, _ *sizes) Shape { return in[0] }

// LayerNorm records [LayerNorm] with the weights "weight" and "bias" of this scope.
func (b *Builder) LayerNorm(x Value, eps float64) Value {
	c := x.shape.Last()
	return b.Record(LayerNorm{eps}, x, b.Param("weight", c), b.Param("bias", c))
}

// GroupNorm is (x - mean) / sqrt(variance + Eps) * weight + bias with mean and biased
// variance over the map and the C/Groups neighbouring channels of a group
// (nn.GroupNorm): x [B, H, W, C], weight [C], bias [C].
type GroupNorm struct {
	Groups int
	Eps    float64
}

func (GroupNorm) takes(int) []string { return []string{"BHWC", "C", "C"} }

func (o GroupNorm) valid(_ []Shape, s *sizes) error {
	return cmp.Or(must(o.Groups >= 1 && s['C']%max(o.Groups, 1) == 0, "%d groups do not divide %d channels", o.Groups, s['C']), positive("eps", o.Eps))
}

func (GroupNorm) infer(in []Shape, _ *sizes) Shape { return in[0] }

// GroupNorm records [GroupNorm] with the weights "weight" and "bias" of this scope.
func (b *Builder) GroupNorm(x Value, o GroupNorm) Value {
	c := x.shape.Last()
	return b.Record(o, x, b.Param("weight", c), b.Param("bias", c))
}

// Normalize is x / max(|x|, Eps) over the last axis (F.normalize).
type Normalize struct{ Eps float64 }

func (o Normalize) valid([]Shape, *sizes) error    { return positive("eps", o.Eps) }
func (Normalize) infer(in []Shape, _ *sizes) Shape { return in[0] }

// Normalize records [Normalize].
func (b *Builder) Normalize(x Value, eps float64) Value { return b.Record(Normalize{eps}, x) }

// Softmax is exp(x - max) / sum over the last axis.
type Softmax struct{}

func (Softmax) takes(int) []string               { return []string{"*n"} }
func (Softmax) infer(in []Shape, _ *sizes) Shape { return in[0] }

// Softmax records [Softmax].
func (b *Builder) Softmax(x Value) Value { return b.Record(Softmax{}, x) }
