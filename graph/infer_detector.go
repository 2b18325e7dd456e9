package graph

import (
	"fmt"
	"math"
)

// isMap checks that a shape is [B, H, W, C].
func isMap(x Shape) error {
	if len(x) != 4 {
		return fmt.Errorf("%w: operand is %v, want [B, H, W, C]", ErrShape, x)
	}
	return nil
}

// same is the shape of operations that work element by element.
func same(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	return in[0], nil
}

// finite checks a factor.
func finite(scale float64) error {
	if math.IsNaN(scale) || math.IsInf(scale, 0) {
		return fmt.Errorf("%w: scale %g, want a finite number", ErrShape, scale)
	}
	return nil
}

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

func (o Conv) infer(in []Shape) (Shape, error) {
	if err := arity(in, 2, 3); err != nil {
		return nil, err
	}
	if len(in) == 3 && len(in[1]) > 0 && !in[2].Equal(Shape{in[1][0]}) {
		return refuse("bias %v, want [%d]", in[2], in[1][0])
	}
	return convolved(in[0], in[1], o.Stride, o.Pad)
}

func (o DeformConv) infer(in []Shape) (Shape, error) {
	if err := arity(in, 4, 4); err != nil {
		return nil, err
	}
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

func (o Sigmoid) infer(in []Shape) (Shape, error) {
	y, err := same(in)
	if err == nil && (o.From < 0 || o.From >= y.Last()) {
		return refuse("from channel %d of %d", o.From, y.Last())
	}
	return y, err
}

func (o GroupNorm) infer(in []Shape) (Shape, error) {
	if err := arity(in, 3, 3); err != nil {
		return nil, err
	}
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

// resized is the shape of a map brought to another size.
func resized(in []Shape, height, width int) (Shape, error) {
	if err := ranked(in, 4, "[B, H, W, C]"); err != nil {
		return nil, err
	}
	return Shape{in[0][0], height, width, in[0][3]}, nil
}

func (o ResizeNearest) infer(in []Shape) (Shape, error)  { return resized(in, o.Height, o.Width) }
func (o ResizeBilinear) infer(in []Shape) (Shape, error) { return resized(in, o.Height, o.Width) }
func (ReLU) infer(in []Shape) (Shape, error)             { return same(in) }
func (HardSigmoid) infer(in []Shape) (Shape, error)      { return same(in) }

func (GlobalMean) infer(in []Shape) (Shape, error) {
	if err := ranked(in, 4, "[B, H, W, C]"); err != nil {
		return nil, err
	}
	return Shape{in[0][0], in[0][3]}, nil
}

func (WeightedMean) infer(in []Shape) (Shape, error) {
	if len(in) < 2 || len(in)%2 != 0 {
		return refuse("%d operands, want maps and gates in turn", len(in))
	}
	if err := isMap(in[0]); err != nil {
		return nil, err
	}
	for i := 0; i < len(in); i += 2 {
		if !in[i].Equal(in[0]) || !in[i+1].Equal(Shape{in[0][0], 1}) {
			return refuse("branch %d is %v with gate %v, want %v and [%d, 1]", i/2, in[i], in[i+1], in[0], in[0][0])
		}
	}
	return in[0], nil
}

func (DynamicReLU) infer(in []Shape) (Shape, error) {
	if err := arity(in, 2, 2); err != nil {
		return nil, err
	}
	if err := isMap(in[0]); err != nil {
		return nil, err
	}
	if want := (Shape{in[0][0], 4 * in[0][3]}); !in[1].Equal(want) {
		return refuse("coefficients %v, want %v", in[1], want)
	}
	return in[0], nil
}

func (ConcatTokens) infer(in []Shape) (Shape, error) {
	if len(in) == 0 {
		return refuse("no operands")
	}
	tokens := 0
	for _, x := range in {
		if len(x) < 2 || x[0] != in[0][0] || x.Last() != in[0].Last() {
			return refuse("operand %v beside %v, want the same B and C", x, in[0])
		}
		tokens += x[1 : len(x)-1].Elements()
	}
	return Shape{in[0][0], tokens, in[0].Last()}, nil
}

func (o SliceTokens) infer(in []Shape) (Shape, error) {
	if err := ranked(in, 3, "[B, S, C]"); err != nil {
		return nil, err
	}
	if n := in[0][1]; o.Begin < 0 || o.Height < 1 || o.Width < 1 || o.Height > n || o.Width > n || o.Begin > n-o.Height*o.Width {
		return refuse("a map of %d x %d from token %d of %d", o.Height, o.Width, o.Begin, n)
	}
	return Shape{in[0][0], o.Height, o.Width, in[0][2]}, nil
}

func (o Reshape) infer(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	if err := o.To.check(); err != nil {
		return nil, err
	}
	if in[0].Elements() != o.To.Elements() {
		return refuse("%v has %d elements, %v has %d", in[0], in[0].Elements(), o.To, o.To.Elements())
	}
	return o.To, nil
}

func (Embed) infer(in []Shape) (Shape, error) {
	if err := arity(in, 4, 4); err != nil {
		return nil, err
	}
	ids, c := in[0], in[1].Last()
	if len(ids) != 2 {
		return refuse("ids %v, want [B, T]", ids)
	}
	for i, least := range []int{1, 1, ids[1]} {
		if table := in[i+1]; len(table) != 2 || table[1] != c || table[0] < least {
			return refuse("table %v, want at least [%d, %d]", table, least, c)
		}
	}
	return Shape{ids[0], ids[1], c}, nil
}

func (o CrossScores) infer(in []Shape) (Shape, error) {
	if err := arity(in, 2, 3); err != nil {
		return nil, err
	}
	if err := finite(o.Scale); err != nil {
		return nil, err
	}
	q, k := in[0], in[1]
	if len(q) != 3 || len(k) != 3 || q[0] != k[0] || q[2] != k[2] || o.Heads < 1 || q[2]%o.Heads != 0 {
		return refuse("queries %v and keys %v, want [B, n, E] and [B, m, E] with E a multiple of %d heads", q, k, o.Heads)
	}
	if len(in) == 3 && !in[2].Equal(Shape{k[1]}) {
		return refuse("bias %v, want [%d]", in[2], k[1])
	}
	return Shape{q[0], o.Heads, q[1], k[1]}, nil
}

func (SwapLast) infer(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	n := len(in[0])
	if n < 2 {
		return refuse("%v has fewer than two axes", in[0])
	}
	y := append(Shape{}, in[0]...)
	y[n-2], y[n-1] = y[n-1], y[n-2]
	return y, nil
}

func (o Clamp) infer(in []Shape) (Shape, error) {
	if !(o.Limit > 0) {
		return refuse("limit %g, want above 0", o.Limit)
	}
	return same(in)
}

func (o CrossContext) infer(in []Shape) (Shape, error) {
	if err := arity(in, 2, 3); err != nil {
		return nil, err
	}
	p, v := in[0], in[1]
	if len(p) != 4 || len(v) != 3 || p[0] != v[0] || p[1] != o.Heads || o.Heads < 1 || p[3] != v[1] || v[2]%o.Heads != 0 {
		return refuse("probabilities %v and values %v, want [B, %d, n, m] and [B, m, E]", p, v, o.Heads)
	}
	if len(in) == 3 && !in[2].Equal(Shape{v[2]}) {
		return refuse("bias %v, want [%d]", in[2], v[2])
	}
	return Shape{p[0], p[2], v[2]}, nil
}

func (AddScaled) infer(in []Shape) (Shape, error) {
	if err := arity(in, 3, 3); err != nil {
		return nil, err
	}
	if !in[0].Equal(in[1]) || !in[2].Equal(Shape{in[0].Last()}) {
		return refuse("%v, %v and gamma %v, want two of one shape and [C]", in[0], in[1], in[2])
	}
	return in[0], nil
}

func (o Normalize) infer(in []Shape) (Shape, error) {
	if !(o.Eps > 0) {
		return refuse("eps %g, want above 0", o.Eps)
	}
	return same(in)
}

func (o Scale) infer(in []Shape) (Shape, error) {
	if err := finite(o.Factor); err != nil {
		return nil, err
	}
	return same(in)
}

func (MulScalar) infer(in []Shape) (Shape, error) {
	if err := arity(in, 2, 2); err != nil {
		return nil, err
	}
	if !in[1].Equal(Shape{1}) {
		return refuse("factor %v, want [1]", in[1])
	}
	return in[0], nil
}

func (o TokenLogits) infer(in []Shape) (Shape, error) {
	if err := arity(in, 6, 6); err != nil {
		return nil, err
	}
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

func (o PhraseScores) infer(in []Shape) (Shape, error) {
	if err := arity(in, 2, 2); err != nil {
		return nil, err
	}
	z, owned := in[0], in[1]
	if len(z) != 3 || len(owned) != 2 || owned[1] != z[2] {
		return refuse("logits %v and owned tokens %v, want [B, S, T] and [L, T]", z, owned)
	}
	if o.Aggregate < Mean || o.Aggregate > Power {
		return refuse("%v, want one of MEAN, MAX and POWER", o.Aggregate)
	}
	return Shape{z[0], z[1], owned[0]}, nil
}

func (o Candidates) infer(in []Shape) (Shape, error) {
	if err := arity(in, 3, 3); err != nil {
		return nil, err
	}
	p := in[0]
	if len(p) != 3 {
		return refuse("scores %v, want [B, S, L]", p)
	}
	if p[1]*p[2] >= 1<<24 {
		return refuse("scores %v: more pairs than a float32 counts, 2^24", p)
	}
	for i, c := range []int{1, 4} {
		if x := in[i+1]; len(x) < 3 || x[0] != p[0] || x.Last() != c || x[1:len(x)-1].Elements() != p[1] {
			return refuse("operand %v beside scores %v, want [%d, %d, %d]", x, p, p[0], p[1], c)
		}
	}
	if o.Limit < 1 || !(o.Threshold >= 0) {
		return refuse("limit %d and threshold %g, want at least 1 and 0", o.Limit, o.Threshold)
	}
	return Shape{p[0], o.Limit, CandidateFields}, nil
}

// absorbed is the shape of keys or values with a projection of C channels taken in.
func absorbed(x Shape, heads, channels int) (Shape, error) {
	if len(x) != 3 || heads < 1 || x[2]%heads != 0 {
		return refuse("operand %v, want [B, T, E] with E a multiple of %d heads", x, heads)
	}
	return Shape{x[0], heads * x[1], channels}, nil
}

func (o AbsorbKeys) infer(in []Shape) (Shape, error) {
	if err := arity(in, 2, 2); err != nil {
		return nil, err
	}
	if err := finite(o.Scale); err != nil {
		return nil, err
	}
	if len(in[1]) != 2 || in[1][0] != in[0].Last() {
		return refuse("weight %v, want [%d, C]", in[1], in[0].Last())
	}
	return absorbed(in[0], o.Heads, in[1][1])
}

func (o AbsorbBias) infer(in []Shape) (Shape, error) {
	if err := arity(in, 2, 2); err != nil {
		return nil, err
	}
	if err := finite(o.Scale); err != nil {
		return nil, err
	}
	y, err := absorbed(in[0], o.Heads, 1)
	if err == nil && (in[0][0] != 1 || !in[1].Equal(Shape{in[0][2]})) {
		return refuse("keys %v and bias %v, want [1, T, E] and [E]", in[0], in[1])
	}
	if err != nil {
		return nil, err
	}
	return Shape{y[1]}, nil
}

func (o AbsorbValues) infer(in []Shape) (Shape, error) {
	if err := arity(in, 2, 2); err != nil {
		return nil, err
	}
	if len(in[1]) != 2 || in[1][1] != in[0].Last() {
		return refuse("weight %v, want [C, %d]", in[1], in[0].Last())
	}
	return absorbed(in[0], o.Heads, in[1][0])
}

func (o HeadLinear) infer(in []Shape) (Shape, error) {
	if err := arity(in, 3, 3); err != nil {
		return nil, err
	}
	x, w := in[0], in[1]
	if len(x) != 3 || len(w) != 2 || w[1] != x[2] || o.Heads < 1 || x[1]%o.Heads != 0 || w[0]%o.Heads != 0 || !in[2].Equal(Shape{w[0]}) {
		return refuse("rows %v, weight %v and bias %v, want [B, %d*T, C], [E, C] and [E]", x, w, in[2], o.Heads)
	}
	return Shape{x[0], x[1] / o.Heads, w[0]}, nil
}
