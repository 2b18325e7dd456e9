package cpuref

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

func tokenFocalLoss(op graph.TokenFocalLoss, y tensor, in ...tensor) rows {
	return summed(y, in[0], func(i int) float64 { loss, _ := focal(op, in, i); return loss })
}

func tokenFocalLossGradX(op graph.TokenFocalLossGradX, y, g tensor, in ...tensor) rows {
	return sloped(y, g, func(i int) float64 { _, slope := focal(op.TokenFocalLoss, in, i); return slope })
}

func gIoULoss(y tensor, in ...tensor) rows {
	return summed(y, in[3], func(i int) float64 { return gIoU(in, i).v })
}

func gIoULossGradX(y, g tensor, in ...tensor) rows {
	return sloped(y, g, func(i int) float64 { return gIoU(in, i/4).d[i%4] })
}

func centernessLoss(y tensor, in ...tensor) rows {
	return summed(y, in[0], func(i int) float64 { loss, _ := crossEntropy(in, i); return loss })
}

func centernessLossGradX(y, g tensor, in ...tensor) rows {
	return sloped(y, g, func(i int) float64 { _, slope := crossEntropy(in, i); return slope })
}

// summed is the sum of what each says of the elements of x.
func summed(y, x tensor, each func(i int) float64) rows {
	return rows{1, func(int) {
		sum := 0.0
		for i := range x.data {
			sum += each(i)
		}
		y.data[0] = float32(sum)
	}}
}

// sloped is g times what each says of the elements of y.
func sloped(y, g tensor, each func(i int) float64) rows {
	n := y.shape.Last()
	return rows{y.shape.Rows(), func(row int) {
		for i := row * n; i < (row+1)*n; i++ {
			y.data[i] = float32(float64(g.data[0]) * each(i))
		}
	}}
}

// softplus is ln(1 + exp(v)), finite for all v.
func softplus(v float64) float64 { return math.Max(v, 0) + math.Log1p(math.Exp(-math.Abs(v))) }

// focal is the loss of logit i of in[0], and its derivative.
func focal(op graph.TokenFocalLoss, in []tensor, i int) (loss, slope float64) {
	z, matched, positive, mask := in[0], in[1], in[2], in[3]
	positions, tokens := z.shape[1], z.shape[2]
	b, t := i/tokens/positions, i%tokens
	if mask.data[b*tokens+t] == 0 {
		return 0, 0
	}
	box := 0
	if v := float64(matched.data[i/tokens]); v > 0 {
		box = int(min(v, float64(positive.shape[1]-1)))
	}
	v, alpha, sign := float64(z.data[i]), 1-op.Alpha, 1.0
	if positive.token(b, box)[t] != 0 { // the loss of -z as if it were a negative
		v, alpha, sign = -v, op.Alpha, -1
	}
	p, rest := logistic(v), softplus(v) // rest is -ln(1-p)
	weight := alpha * math.Pow(p, op.Gamma)
	return weight * rest, sign * weight * (op.Gamma*(1-p)*rest + p)
}

// crossEntropy is the loss of logit i of in[0], and its derivative.
func crossEntropy(in []tensor, i int) (loss, slope float64) {
	v, c := float64(in[0].data[i]), float64(in[1].data[i])
	if !(c > 0) {
		return 0, 0
	}
	return softplus(v) - v*c, logistic(v) - c
}

// dual is a number and its derivatives by the four deltas of a position.
type dual struct {
	v float64
	d [4]float64
}

// apply is a function of two duals with value v and derivatives da and db.
func apply(v float64, a dual, da float64, b dual, db float64) dual {
	r := dual{v: v}
	for i := range r.d {
		if da != 0 {
			r.d[i] += da * a.d[i]
		}
		if db != 0 {
			r.d[i] += db * b.d[i]
		}
	}
	return r
}

func (a dual) plus(b dual) dual      { return apply(a.v+b.v, a, 1, b, 1) }
func (a dual) minus(b dual) dual     { return apply(a.v-b.v, a, 1, b, -1) }
func (a dual) times(b dual) dual     { return apply(a.v*b.v, a, b.v, b, a.v) }
func (a dual) over(b dual) dual      { return apply(a.v/b.v, a, 1/b.v, b, -a.v/b.v/b.v) }
func (a dual) scaled(s float64) dual { return apply(a.v*s, a, s, dual{}, 0) }
func (a dual) moved(by float64) dual { return apply(a.v+by, a, 1, dual{}, 0) }
func constant(v float64) dual        { return dual{v: v} }
func (a dual) larger(b dual) dual {
	first, second := taken([2]float64{a.v, b.v})
	return apply(math.Max(a.v, b.v), a, first, b, second)
}
func (a dual) smaller(b dual) dual { return a.scaled(-1).larger(b.scaled(-1)).scaled(-1) }

// stretched is exp(min(a/5, ln(1000/16))).
func (a dual) stretched() dual {
	limit := math.Log(1000.0 / 16)
	if a.v/5 > limit {
		return constant(math.Exp(limit))
	}
	v := math.Exp(a.v / 5)
	return apply(v, a, v/5, dual{}, 0)
}

// gIoU is weight * (1 - GIoU) of position i, of in: deltas, anchors, boxes, weight.
func gIoU(in []tensor, i int) dual {
	weight := float64(in[3].data[i])
	if !(weight > 0) {
		return dual{}
	}
	anchor, box := in[1].data[i%in[1].shape[0]*4:][:4], in[2].data[i*4:][:4]
	var low, high [2]dual // x, y of the predicted corners
	for axis := range 2 {
		delta := func(k int) dual {
			d := constant(float64(in[0].data[i*4+k]))
			d.d[k] = 1
			return d
		}
		first, last := float64(anchor[axis]), float64(anchor[axis+2])
		size := last - first + 1
		center := delta(axis).scaled(size / 10).moved((first + last) / 2)
		half := delta(axis + 2).stretched().scaled(size).moved(-1).scaled(0.5)
		low[axis], high[axis] = center.minus(half), center.plus(half)
		high[axis] = high[axis].larger(low[axis])
	}
	overlap, whole, own, wanted := constant(1), constant(1), constant(1), 1.0
	for axis := range 2 {
		first, last := constant(float64(box[axis])), constant(float64(box[axis+2]))
		both := high[axis].smaller(last).minus(low[axis].larger(first))
		if !(both.v > 0) {
			both = dual{}
		}
		overlap = overlap.times(both)
		whole = whole.times(high[axis].larger(last).minus(low[axis].smaller(first)))
		own = own.times(high[axis].minus(low[axis]))
		wanted *= last.v - first.v
	}
	union := own.moved(wanted).minus(overlap).moved(1e-7)
	whole = whole.moved(1e-7)
	value := overlap.over(union).minus(whole.minus(union).over(whole))
	return constant(1).minus(value).scaled(weight)
}
