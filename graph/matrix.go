package graph

import "fmt"

// Products of values and weights, and of windows with themselves.

// Linear is y = x Wᵀ + b (nn.Linear): x [..., K], W [N, K...] whose trailing
// sizes multiply to K, optional b [N] -> [..., N].
type Linear struct{}

// Kind implements [Op].
func (Linear) Kind() string { return "linear" }

func (Linear) takes() (least, most int) { return 2, 3 }
func (Linear) infer(in []Shape) (Shape, error) {
	x, w := in[0], in[1]
	if len(x) < 1 || len(w) < 2 {
		return refuse("operand %v and weight %v, want [..., K] and [N, K]", x, w)
	}
	if k := w[1:].Elements(); k != x.Last() {
		return refuse("operand %v has rows of %d, weight %v takes %d", x, x.Last(), w, k)
	}
	if len(in) == 3 && !in[2].Equal(Shape{w[0]}) {
		return refuse("bias %v, want [%d]", in[2], w[0])
	}
	out := append(Shape{}, x...)
	out[len(out)-1] = w[0]
	return out, nil
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
		return b.add(Linear{}, x, weight)
	}
	return b.add(Linear{}, x, weight, b.Param("bias", weight.shape[0]))
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

// Kind implements [Op].
func (Conv) Kind() string { return "conv" }

// convolved is the output of a convolution of x by w.
func convolved(x, w Shape, stride, pad int) (Shape, error) {
	if err := isMap(x); err != nil {
		return nil, err
	}
	if len(w) != 4 || w[1] != x[3] || w[2] != w[3] {
		return refuse("weight %v, want [N, %d, k, k]", w, x[3])
	}
	if stride < 1 || pad < 0 {
		return refuse("stride %d and padding %d, want at least 1 and 0", stride, pad)
	}
	h, width := x[1]+2*pad-w[2], x[2]+2*pad-w[2]
	if h < 0 || width < 0 {
		return refuse("map %v with padding %d is smaller than the kernel of %d", x, pad, w[2])
	}
	return Shape{x[0], h/stride + 1, width/stride + 1, w[0]}, nil
}

func (Conv) takes() (least, most int) { return 2, 3 }
func (o Conv) infer(in []Shape) (Shape, error) {
	if len(in) == 3 && len(in[1]) > 0 && !in[2].Equal(Shape{in[1][0]}) {
		return refuse("bias %v, want [%d]", in[2], in[1][0])
	}
	return convolved(in[0], in[1], o.Stride, o.Pad)
}

func (Conv) inner(in []Shape) int { return in[1][1:].Elements() }

// Conv records [Conv] to features outputs with a kernel of side size and the weights
// "weight" and, if bias is [WithBias], "bias" of this scope.
func (b *Builder) Conv(x Value, features, size int, o Conv, bias Bias) Value {
	w := b.Param("weight", features, x.shape.Last(), size, size)
	if bias == NoBias {
		return b.add(o, x, w)
	}
	return b.add(o, x, w, b.Param("bias", features))
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

// Kind implements [Op].
func (DeformConv) Kind() string { return "deformconv" }

func (DeformConv) takes() (least, most int) { return 4, 4 }
func (o DeformConv) infer(in []Shape) (Shape, error) {
	x, om, w := in[0], in[1], in[2]
	y, err := convolved(x, w, o.Stride, o.Pad)
	if err != nil {
		return nil, err
	}
	if !in[3].Equal(Shape{w[0]}) {
		return refuse("bias %v, want [%d]", in[3], w[0])
	}
	if taps := w[2] * w[2]; len(om) != 4 || om[0] != x[0] || om[3] != 3*taps {
		return refuse("offsets and masks %v, want [%d, H, W, %d]", om, x[0], 3*taps)
	}
	if om[1]*om[2] < y[1]*y[2] {
		return refuse("offsets and masks %v for an output %v with more positions", om, y)
	}
	return y, nil
}

func (DeformConv) inner(in []Shape) int { return in[2][1:].Elements() }

// DeformConv records [DeformConv] with the weights "weight" and "bias" of this scope.
func (b *Builder) DeformConv(x, om Value, features, size int, o DeformConv) Value {
	w := b.Param("weight", features, x.shape.Last(), size, size)
	return b.add(o, x, om, w, b.Param("bias", features))
}

// Scores is (q * Scale) kᵀ of each head: qkv [G, n, 3C], whose channel is
// which*C + head*d + e with which in (q, k, v) -> [G, h, n, n], query before key.
type Scores struct {
	Heads int
	Scale float64
}

// Kind implements [Op].
func (Scores) Kind() string { return "scores" }

// headed checks qkv [G, n, 3C] with C a multiple of the number of heads.
func headed(qkv Shape, heads int) error {
	if len(qkv) != 3 || heads < 1 || qkv[2]%(3*heads) != 0 {
		return fmt.Errorf("%w: qkv %v is not [G, n, 3C] with C a multiple of %d heads", ErrShape, qkv, heads)
	}
	return nil
}

func (o Scores) infer(in []Shape) (Shape, error) {
	if err := headed(in[0], o.Heads); err != nil {
		return nil, err
	}
	if err := finite(o.Scale); err != nil {
		return nil, err
	}
	return Shape{in[0][0], o.Heads, in[0][1], in[0][1]}, nil
}

func (o Scores) inner(in []Shape) int { return in[0][2] / 3 / o.Heads }

// Scores records [Scores].
func (b *Builder) Scores(qkv Value, o Scores) Value { return b.add(o, qkv) }

// Context is the attention's weighted sum of values with heads joined:
// probabilities [G, h, n, n], qkv [G, n, 3C] -> [G, n, C].
type Context struct{ Heads int }

// Kind implements [Op].
func (Context) Kind() string { return "context" }

func (Context) takes() (least, most int) { return 2, 2 }
func (o Context) infer(in []Shape) (Shape, error) {
	p, qkv := in[0], in[1]
	if err := headed(qkv, o.Heads); err != nil {
		return nil, err
	}
	if want := (Shape{qkv[0], o.Heads, qkv[1], qkv[1]}); !p.Equal(want) {
		return refuse("probabilities %v, want %v", p, want)
	}
	return Shape{qkv[0], qkv[1], qkv[2] / 3}, nil
}

func (Context) inner(in []Shape) int { return in[1][1] }

// Context records [Context].
func (b *Builder) Context(probabilities, qkv Value, heads int) Value {
	return b.add(Context{heads}, probabilities, qkv)
}

// TokenLogits scores every position against every token, section 6 of the paper's
// code (VLDyHead.forward, dot product head): x [B, S, C] or [B, H, W, C], projected
// tokens p [B, T, C], normalised tokens e [B, T, D], bias_lang [D], bias0 [1],
// log_scale [1] -> [B, S, T],
//
//	clamp(x·p / exp(log_scale) + e·bias_lang + bias0, -Limit, Limit)
type TokenLogits struct{ Limit float64 }

// Kind implements [Op].
func (TokenLogits) Kind() string { return "tokenlogits" }

func (TokenLogits) takes() (least, most int) { return 6, 6 }
func (o TokenLogits) infer(in []Shape) (Shape, error) {
	x, p, e := in[0], in[1], in[2]
	if len(x) < 3 || len(p) != 3 || len(e) != 3 || p[0] != x[0] || p[2] != x.Last() || e[0] != p[0] || e[1] != p[1] {
		return refuse("positions %v, projected tokens %v and tokens %v, want [B, S, C], [B, T, C] and [B, T, D]", x, p, e)
	}
	if !in[3].Equal(Shape{e[2]}) || !in[4].Equal(Shape{1}) || !in[5].Equal(Shape{1}) {
		return refuse("bias_lang %v, bias0 %v and log_scale %v, want [%d], [1] and [1]", in[3], in[4], in[5], e[2])
	}
	if !(o.Limit > 0) {
		return refuse("limit %g, want above 0", o.Limit)
	}
	return Shape{x[0], x[1 : len(x)-1].Elements(), p[1]}, nil
}

func (TokenLogits) inner(in []Shape) int { return in[0].Last() }

// TokenWeights are the weights of [TokenLogits].
type TokenWeights struct{ BiasLang, Bias0, LogScale Value }

// TokenLogits records [TokenLogits]; tokens are normalised, projected ones made of them.
func (b *Builder) TokenLogits(x, projected, tokens Value, w TokenWeights, o TokenLogits) Value {
	return b.add(o, x, projected, tokens, w.BiasLang, w.Bias0, w.LogScale)
}
