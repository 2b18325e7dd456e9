package graph

// Gradients of what is brought to a mean, a length or a sum; statistics are differentiated.

// alike checks that a gradient has the shape of what it is the gradient of.
func alike(g, x Shape) error { return must(g.Equal(x), "gradient %v of %v, want the same", g, x) }

// LayerNormGradX is the gradient of [LayerNorm] with respect to its operand: g and x [..., C], weight [C] -> [..., C].
type LayerNormGradX struct{ Eps float64 }

func (LayerNormGradX) takes(int) []string                 { return []string{"*C", "*C", "C"} }
func (o LayerNormGradX) valid(in []Shape, s *sizes) error { return normed(in, o.Eps) }
func (LayerNormGradX) infer(in []Shape, _ *sizes) Shape   { return in[1] }

func normed(in []Shape, eps float64) error {
	if err := positive("eps", eps); err != nil {
		return err
	}
	return alike(in[0], in[1])
}

// LayerNormGradWeight is the gradient of [LayerNorm] with respect to its weight: g and x [..., C] -> [C].
type LayerNormGradWeight struct{ Eps float64 }

func (LayerNormGradWeight) takes(int) []string                 { return []string{"*C", "*C"} }
func (o LayerNormGradWeight) valid(in []Shape, _ *sizes) error { return normed(in, o.Eps) }
func (LayerNormGradWeight) infer(_ []Shape, s *sizes) Shape    { return Shape{s['C']} }

// GroupNormGradX is the gradient of [GroupNorm] with respect to its map: g and x [B, H, W, C], weight [C] -> [B, H, W, C].
type GroupNormGradX struct{ GroupNorm }

func (GroupNormGradX) takes(int) []string                 { return []string{"BHWC", "BHWC", "C"} }
func (o GroupNormGradX) valid(in []Shape, s *sizes) error { return grouped(in, s, o.GroupNorm) }
func (GroupNormGradX) infer(in []Shape, _ *sizes) Shape   { return in[1] }

func grouped(in []Shape, s *sizes, o GroupNorm) error {
	if err := headed(o.Groups, s['C']); err != nil {
		return err
	}
	return normed(in, o.Eps)
}

// GroupNormGradWeight is the gradient of [GroupNorm] with respect to its weight: g and x [B, H, W, C] -> [C].
type GroupNormGradWeight struct{ GroupNorm }

func (GroupNormGradWeight) takes(int) []string                 { return []string{"BHWC", "BHWC"} }
func (o GroupNormGradWeight) valid(in []Shape, s *sizes) error { return grouped(in, s, o.GroupNorm) }
func (GroupNormGradWeight) infer(_ []Shape, s *sizes) Shape    { return Shape{s['C']} }

// NormalizeGradX is the gradient of [Normalize]: g and x [..., C] -> [..., C].
type NormalizeGradX struct{ Eps float64 }

func (NormalizeGradX) takes(int) []string                 { return []string{"*C", "*C"} }
func (o NormalizeGradX) valid(in []Shape, _ *sizes) error { return normed(in, o.Eps) }
func (NormalizeGradX) infer(in []Shape, _ *sizes) Shape   { return in[1] }

// SoftmaxGradX is the gradient of [Softmax] by its result y, y * (g - sum of g*y): g and y [..., C] -> [..., C].
type SoftmaxGradX struct{}

func (SoftmaxGradX) takes(int) []string               { return []string{"*C", "*C"} }
func (SoftmaxGradX) valid(in []Shape, _ *sizes) error { return alike(in[0], in[1]) }
func (SoftmaxGradX) infer(in []Shape, _ *sizes) Shape { return in[1] }
