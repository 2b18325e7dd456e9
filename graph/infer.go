package graph

import (
	"fmt"
	"math"
)

// refuse builds the error of a broken shape rule.
func refuse(format string, args ...any) (Shape, error) {
	return nil, fmt.Errorf("%w: %s", ErrShape, fmt.Sprintf(format, args...))
}

// arity checks the number of operands.
func arity(in []Shape, low, high int) error {
	if len(in) < low || len(in) > high {
		return fmt.Errorf("%w: %d operands, want %d to %d", ErrShape, len(in), low, high)
	}
	return nil
}

// ranked checks that there is one operand of the given rank.
func ranked(in []Shape, rank int, letters string) error {
	if err := arity(in, 1, 1); err != nil {
		return err
	}
	if len(in[0]) != rank {
		return fmt.Errorf("%w: operand is %v, want %s", ErrShape, in[0], letters)
	}
	return nil
}

// Infer is the shape of what op makes of operands of the given shapes, for those who
// rewrite a graph; recording infers by itself. The error wraps [ErrShape].
func Infer(op Op, operands ...Shape) (Shape, error) {
	shape, err := op.infer(operands)
	if err == nil {
		err = shape.check()
	}
	if err != nil {
		return nil, err
	}
	return shape, nil
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

func (o Input) infer(in []Shape) (Shape, error) { return o.shape, arity(in, 0, 0) }
func (o Param) infer(in []Shape) (Shape, error) { return o.shape, arity(in, 0, 0) }

func (o Patches) infer(in []Shape) (Shape, error) {
	if err := ranked(in, 4, "[B, c, H, W]"); err != nil {
		return nil, err
	}
	if o.Size < 1 {
		return refuse("patch size %d, want at least 1", o.Size)
	}
	x := in[0]
	return Shape{x[0], ceilDiv(x[2], o.Size), ceilDiv(x[3], o.Size), x[1] * o.Size * o.Size}, nil
}

func (Linear) infer(in []Shape) (Shape, error) {
	if err := arity(in, 2, 3); err != nil {
		return nil, err
	}
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

func (o LayerNorm) infer(in []Shape) (Shape, error) {
	if err := arity(in, 3, 3); err != nil {
		return nil, err
	}
	c := Shape{in[0].Last()}
	if !in[1].Equal(c) || !in[2].Equal(c) {
		return refuse("weight %v and bias %v, want both %v", in[1], in[2], c)
	}
	if !(o.Eps > 0) {
		return refuse("eps %g, want above 0", o.Eps)
	}
	return in[0], nil
}

func (GELU) infer(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	return in[0], nil
}

func (Add) infer(in []Shape) (Shape, error) {
	if err := arity(in, 2, 2); err != nil {
		return nil, err
	}
	a, b := in[0], in[1]
	if len(b) > len(a) {
		return refuse("second operand %v has more axes than the first, %v", b, a)
	}
	for i, d := range b {
		if j := len(a) - len(b) + i; a[j]%d != 0 {
			return refuse("second operand %v does not tile the first, %v (axis %d)", b, a, j)
		}
	}
	return a, nil
}

func (o Pad) infer(in []Shape) (Shape, error) {
	if err := ranked(in, 4, "[B, H, W, C]"); err != nil {
		return nil, err
	}
	x := in[0]
	if o.Height < x[1] || o.Width < x[2] {
		return refuse("padding %v to %d x %d would cut it", x, o.Height, o.Width)
	}
	return Shape{x[0], o.Height, o.Width, x[3]}, nil
}

func (o Crop) infer(in []Shape) (Shape, error) {
	if err := ranked(in, 4, "[B, H, W, C]"); err != nil {
		return nil, err
	}
	x := in[0]
	if o.Height > x[1] || o.Width > x[2] {
		return refuse("cropping %v to %d x %d would enlarge it", x, o.Height, o.Width)
	}
	return Shape{x[0], o.Height, o.Width, x[3]}, nil
}

func (o Roll) infer(in []Shape) (Shape, error) {
	if err := ranked(in, 4, "[B, H, W, C]"); err != nil {
		return nil, err
	}
	if o.Down <= -in[0][1] || o.Down >= in[0][1] || o.Right <= -in[0][2] || o.Right >= in[0][2] {
		return refuse("rolling %v by (%d, %d), want less than one turn", in[0], o.Down, o.Right)
	}
	return in[0], nil
}

func (o WindowPartition) infer(in []Shape) (Shape, error) {
	if err := ranked(in, 4, "[B, H, W, C]"); err != nil {
		return nil, err
	}
	x, w := in[0], o.Size
	if w < 1 || x[1]%w != 0 || x[2]%w != 0 {
		return refuse("map %v is not made of whole windows of %d", x, w)
	}
	return Shape{x[0] * (x[1] / w) * (x[2] / w), w * w, x[3]}, nil
}

func (o WindowReverse) infer(in []Shape) (Shape, error) {
	if err := ranked(in, 3, "[B*nW, n, C]"); err != nil {
		return nil, err
	}
	x, w := in[0], o.Size
	if w < 1 || o.Height < w || o.Width < w || o.Height%w != 0 || o.Width%w != 0 {
		return refuse("map %d x %d is not made of whole windows of %d", o.Height, o.Width, w)
	}
	nW := (o.Height / w) * (o.Width / w)
	if x[1] != w*w || x[0]%nW != 0 {
		return refuse("windows %v do not fill maps of %d x %d with windows of %d", x, o.Height, o.Width, w)
	}
	return Shape{x[0] / nW, o.Height, o.Width, x[2]}, nil
}

// headed checks qkv [G, n, 3C] with C a multiple of the number of heads.
func headed(qkv Shape, heads int) error {
	if len(qkv) != 3 || heads < 1 || qkv[2]%(3*heads) != 0 {
		return fmt.Errorf("%w: qkv %v is not [G, n, 3C] with C a multiple of %d heads", ErrShape, qkv, heads)
	}
	return nil
}

func (o Scores) infer(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	if err := headed(in[0], o.Heads); err != nil {
		return nil, err
	}
	if math.IsNaN(o.Scale) || math.IsInf(o.Scale, 0) {
		return refuse("scale %g, want a finite number", o.Scale)
	}
	return Shape{in[0][0], o.Heads, in[0][1], in[0][1]}, nil
}

func (o PositionBias) infer(in []Shape) (Shape, error) {
	if err := ranked(in, 2, "[(2w-1)², h]"); err != nil {
		return nil, err
	}
	w := o.Window
	if w < 1 || in[0][0] != (2*w-1)*(2*w-1) {
		return refuse("table %v, want [%d, h] for window %d", in[0], (2*w-1)*(2*w-1), w)
	}
	return Shape{in[0][1], w * w, w * w}, nil
}

func (o ShiftMask) infer(in []Shape) (Shape, error) {
	if err := arity(in, 0, 0); err != nil {
		return nil, err
	}
	w := o.Size
	if w < 1 || o.Height < w || o.Width < w || o.Height%w != 0 || o.Width%w != 0 {
		return refuse("map %d x %d is not made of whole windows of %d", o.Height, o.Width, w)
	}
	if o.Shift < 1 || o.Shift >= w {
		return refuse("shift %d, want 1 to %d", o.Shift, w-1)
	}
	return Shape{(o.Height / w) * (o.Width / w), 1, w * w, w * w}, nil
}

func (Softmax) infer(in []Shape) (Shape, error) {
	if err := arity(in, 1, 1); err != nil {
		return nil, err
	}
	if len(in[0]) == 0 {
		return refuse("softmax needs at least one axis")
	}
	return in[0], nil
}

func (o Context) infer(in []Shape) (Shape, error) {
	if err := arity(in, 2, 2); err != nil {
		return nil, err
	}
	p, qkv := in[0], in[1]
	if err := headed(qkv, o.Heads); err != nil {
		return nil, err
	}
	if want := (Shape{qkv[0], o.Heads, qkv[1], qkv[1]}); !p.Equal(want) {
		return refuse("probabilities %v, want %v", p, want)
	}
	return Shape{qkv[0], qkv[1], qkv[2] / 3}, nil
}

func (MergePatches) infer(in []Shape) (Shape, error) {
	if err := ranked(in, 4, "[B, H, W, C]"); err != nil {
		return nil, err
	}
	x := in[0]
	return Shape{x[0], ceilDiv(x[1], 2), ceilDiv(x[2], 2), 4 * x[3]}, nil
}

func (o ResizePosition) infer(in []Shape) (Shape, error) {
	if err := ranked(in, 3, "[1, L, C]"); err != nil {
		return nil, err
	}
	x := in[0]
	if side := int(math.Round(math.Sqrt(float64(x[1])))); x[0] != 1 || side*side != x[1] {
		return refuse("position embedding %v, want [1, L, C] with L a square", x)
	}
	return Shape{1, o.Height, o.Width, x[2]}, nil
}

func (ChannelsFirst) infer(in []Shape) (Shape, error) {
	if err := ranked(in, 4, "[B, H, W, C]"); err != nil {
		return nil, err
	}
	x := in[0]
	return Shape{x[0], x[3], x[1], x[2]}, nil
}
