package graph

import (
	"cmp"
	"slices"
)

// Products of values and weights, and of windows with themselves.

// Linear is y = x Wᵀ + b (nn.Linear): x [..., K], W [N, K...] whose trailing
// sizes multiply to K, optional b [N] -> [..., N].
type Linear struct{}

func (Linear) takes(n int) []string { return optional(n, "*K", "Nk*", "N") }

func (Linear) valid(in []Shape, s *sizes) error {
	n := in[1][1:].Elements()
	return must(n == s['K'], "operand %v has rows of %d, weight %v takes %d", in[0], s['K'], in[1], n)
}

func (Linear) infer(in []Shape, s *sizes) Shape {
	return append(slices.Clone(in[0][:len(in[0])-1]), s['N'])
}

func (Linear) inner(in []Shape) int { return in[0].Last() }

// Linear records [Linear] to features outputs with the weights "weight" and,
// if bias is [WithBias], "bias" of this scope.
func (b *Builder) Linear(x Value, features int, bias Bias) Value {
	return b.LinearOf(x, b.Param("weight", features, x.shape.Last()), bias)
}

// LinearOf is Linear with a weight recorded before.
func (b *Builder) LinearOf(x, weight Value, bias Bias) Value {
	if bias == NoBias || len(weight.shape) == 0 {
		return b.Record(Linear{}, x, weight)
	}
	return b.Record(Linear{}, x, weight, b.Param("bias", weight.shape[0]))
}

// Bias says whether a Linear has one.
type Bias bool

// The two kinds of Linear.
const (
	WithBias Bias = true
	NoBias   Bias = false
)

// Conv is a convolution with zero padding (nn.Conv2d): x [B, H, W, C], weight
// [N, C, k, k], optional bias [N] -> [B, Ho, Wo, N], Ho = (H + 2 Pad - k)/Stride + 1.
type Conv struct{ Stride, Pad int }

// convolves checks a convolution of [B, H, W, C] by [N, C, k, k].
func convolves(s *sizes, stride, pad int) error {
	return cmp.Or(must(stride >= 1 && pad >= 0, "stride %d and padding %d, want at least 1 and 0", stride, pad),
		must(min(s['H'], s['W'])+2*pad >= s['k'], "a map of %d x %d with padding %d is smaller than the kernel of %d", s['H'], s['W'], pad, s['k']))
}

// convolved is its output.
func convolved(s *sizes, stride, pad int) Shape {
	return Shape{s['B'], (s['H']+2*pad-s['k'])/stride + 1, (s['W']+2*pad-s['k'])/stride + 1, s['N']}
}

func (Conv) takes(n int) []string              { return optional(n, "BHWC", "NCkk", "N") }
func (o Conv) valid(_ []Shape, s *sizes) error { return convolves(s, o.Stride, o.Pad) }
func (o Conv) infer(_ []Shape, s *sizes) Shape { return convolved(s, o.Stride, o.Pad) }

func (Conv) inner(in []Shape) int { return in[1][1:].Elements() }

// Conv records [Conv] to features outputs with a kernel of side size and the weights
// "weight" and, if bias is [WithBias], "bias" of this scope.
func (b *Builder) Conv(x Value, features, size int, o Conv, bias Bias) Value {
	w := b.Param("weight", features, x.shape.Last(), size, size)
	if bias == NoBias {
		return b.Record(o, x, w)
	}
	return b.Record(o, x, w, b.Param("bias", features))
}

// DeformConv is a modulated deformable convolution, one deformable group, dilation 1
// (deform_conv_cuda of microsoft/GLIP, csrc/cuda/deform_conv_kernel_cuda.cu): x
// [B, H, W, C], om [B, Hm, Wm, 3k²], weight [N, C, k, k], bias [N] -> [B, Ho, Wo, N].
//
// Tap t = ki*k + kj of output (y, x) samples at
//
//	py = y*Stride - Pad + ki + dy,  px = x*Stride - Pad + kj + dx
//
// 0 if py <= -1, px <= -1, py >= H or px >= W, else bilinearly, corners outside the map
// being 0; the sample is multiplied by the tap's mask.
//
// Offsets and masks are read as the original's kernel reads them: with the strides of
// the output, from the flat memory of the channels-first [2k², Hm, Wm] and [k², Hm, Wm].
// Element f of the offsets is channel f/(Hm*Wm), position f mod (Hm*Wm) of om, and
//
//	dy = offsets[2t*Ho*Wo + y*Wo + x],  dx = offsets[(2t+1)*Ho*Wo + y*Wo + x]
//
// masks likewise, from channel 2k² of om on. Where the map of om has the output's size,
// that is plainly channel 2t, 2t+1 and 2k²+t at (y, x). Where it is larger, as in the
// branch of DyConv that convolves the coarser level, it is not; the published weights
// were trained so. An om that has fewer positions than the output is refused.
type DeformConv struct{ Stride, Pad int }

func (DeformConv) takes(int) []string { return []string{"BHWC", "Bhwo", "NCkk", "N"} }

func (o DeformConv) valid(in []Shape, s *sizes) error {
	if err := convolves(s, o.Stride, o.Pad); err != nil {
		return err
	}
	y, taps := convolved(s, o.Stride, o.Pad), s['k']*s['k']
	return cmp.Or(must(s['o'] == 3*taps, "offsets and masks %v, want [%d, H, W, %d]", in[1], s['B'], 3*taps),
		must(s['h']*s['w'] >= y[1]*y[2], "offsets and masks %v for an output %v with more positions", in[1], y))
}

func (o DeformConv) infer(_ []Shape, s *sizes) Shape { return convolved(s, o.Stride, o.Pad) }

func (DeformConv) inner(in []Shape) int { return in[2][1:].Elements() }

// DeformConv records [DeformConv] with the weights "weight" and "bias" of this scope.
func (b *Builder) DeformConv(x, om Value, features, size int, o DeformConv) Value {
	w := b.Param("weight", features, x.shape.Last(), size, size)
	return b.Record(o, x, om, w, b.Param("bias", features))
}

// Scores is (q * Scale) kᵀ of each head: qkv [G, n, 3C], whose channel is
// which*C + head*d + e with which in (q, k, v) -> [G, h, n, n], query before key.
type Scores struct {
	Heads int
	Scale float64
}

// threefold checks that a length is 3C with C a multiple of heads.
func threefold(heads, length int) error {
	return must(heads > 0 && length%(3*max(heads, 1)) == 0, "%d channels, want 3C with C a multiple of %d heads", length, heads)
}

func (Scores) takes(int) []string { return []string{"Gnq"} }
func (o Scores) valid(_ []Shape, s *sizes) error {
	return cmp.Or(threefold(o.Heads, s['q']), finite(o.Scale))
}
func (o Scores) infer(_ []Shape, s *sizes) Shape { return Shape{s['G'], o.Heads, s['n'], s['n']} }

func (o Scores) inner(in []Shape) int { return in[0][2] / 3 / o.Heads }

// Scores records [Scores].
func (b *Builder) Scores(qkv Value, o Scores) Value { return b.Record(o, qkv) }

// Context is the attention's weighted sum of values with heads joined:
// probabilities [G, h, n, n], qkv [G, n, 3C] -> [G, n, C].
type Context struct{ Heads int }

func (Context) takes(int) []string { return []string{"Ghnn", "Gnq"} }

func (o Context) valid(in []Shape, s *sizes) error {
	return cmp.Or(threefold(o.Heads, s['q']), must(s['h'] == o.Heads, "probabilities %v, want [G, %d, n, n]", in[0], o.Heads))
}

func (Context) infer(_ []Shape, s *sizes) Shape { return Shape{s['G'], s['n'], s['q'] / 3} }

func (Context) inner(in []Shape) int { return in[1][1] }

// Context records [Context].
func (b *Builder) Context(probabilities, qkv Value, heads int) Value {
	return b.Record(Context{heads}, probabilities, qkv)
}

// TokenLogits scores every position against every token, section 6 of the paper's
// code (VLDyHead.forward, dot product head): x [B, S, C] or [B, H, W, C], projected
// tokens p [B, T, C], normalised tokens e [B, T, D], bias_lang [D], bias0 [1],
// log_scale [1] -> [B, S, T],
//
//	clamp(x·p / exp(log_scale) + e·bias_lang + bias0, -Limit, Limit)
type TokenLogits struct{ Limit float64 }

func (TokenLogits) takes(int) []string            { return []string{"Bs*C", "BTC", "BTD", "D", "1", "1"} }
func (o TokenLogits) valid([]Shape, *sizes) error { return positive("limit", o.Limit) }
func (TokenLogits) infer(in []Shape, s *sizes) Shape {
	return Shape{s['B'], in[0][1 : len(in[0])-1].Elements(), s['T']}
}

func (TokenLogits) inner(in []Shape) int { return in[0].Last() }

// TokenWeights are the weights of [TokenLogits].
type TokenWeights struct{ BiasLang, Bias0, LogScale Value }

// TokenLogits records [TokenLogits]; tokens are normalised, projected ones made of them.
func (b *Builder) TokenLogits(x, projected, tokens Value, w TokenWeights, o TokenLogits) Value {
	return b.Record(o, x, projected, tokens, w.BiasLang, w.Bias0, w.LogScale)
}
