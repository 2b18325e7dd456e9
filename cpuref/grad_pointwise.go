package cpuref

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// tiled is the element of b that lies on element i of a, b being tiled over a: aligned at
// the last axis, coordinates modulo the sizes of b.
func tiled(a, b graph.Shape, i int) int {
	at, stride := 0, 1
	for axis := 1; axis <= len(b); axis++ {
		size, length := b[len(b)-axis], a[len(a)-axis]
		at += i % length % size * stride
		i /= length
		stride *= size
	}
	return at
}

// mul is a * b with b tiled over a.
func mul(y, a, b tensor) rows {
	n := a.shape.Last()
	return rows{a.shape.Rows(), func(row int) {
		for i := row * n; i < (row+1)*n; i++ {
			y.data[i] = float32(float64(a.data[i]) * float64(b.data[tiled(a.shape, b.shape, i)]))
		}
	}}
}

// tile repeats x over y.
func tile(y, x tensor) rows {
	n := y.shape.Last()
	return rows{y.shape.Rows(), func(row int) {
		for i := row * n; i < (row+1)*n; i++ {
			y.data[i] = x.data[tiled(y.shape, x.shape, i)]
		}
	}}
}

// sumTiles adds up the elements of x that lie on the same element of y.
func sumTiles(y, x tensor) rows {
	return rows{1, func(int) {
		sums := make([]float64, len(y.data))
		for i, v := range x.data {
			sums[tiled(x.shape, y.shape, i)] += float64(v)
		}
		narrow(y.data, sums)
	}}
}

// fill is a constant.
func fill(op graph.Fill, y tensor) rows {
	n := y.shape.Last()
	return rows{y.shape.Rows(), func(row int) {
		for i := range n {
			y.data[row*n+i] = float32(op.Value)
		}
	}}
}

func exponential(y, x tensor) rows { return pointwise(y, x, math.Exp) }

// derivative is g times the slope of a function at x. A slope of 0 takes even an infinite
// gradient away, as a selection does.
func derivative(y, g, x tensor, slope func(float64) float64) rows {
	n := x.shape.Last()
	return rows{x.shape.Rows(), func(row int) {
		for i := row * n; i < (row+1)*n; i++ {
			if s := slope(float64(x.data[i])); s != 0 {
				y.data[i] = float32(float64(g.data[i]) * s)
			}
		}
	}}
}

func geluGradX(y, g, x tensor) rows {
	return derivative(y, g, x, func(v float64) float64 {
		return math.Erfc(-v/math.Sqrt2)/2 + v*math.Exp(-v*v/2)/math.Sqrt(2*math.Pi)
	})
}

// within is g, by a factor, where x is right, else 0; NaN in x gives NaN.
func within(y, g, x tensor, factor float64, right func(float64) bool) rows {
	return derivative(y, g, x, func(v float64) float64 {
		switch {
		case v != v:
			return v
		case right(v):
			return factor
		}
		return 0
	})
}

func reluGradX(y, g, x tensor) rows {
	return within(y, g, x, 1, func(v float64) bool { return v > 0 })
}

func hardSigmoidGradX(y, g, x tensor) rows {
	return within(y, g, x, 1.0/6, func(v float64) bool { return v > -3 && v < 3 })
}

func clampGradX(op graph.ClampGradX, y, g, x tensor) rows {
	return within(y, g, x, 1, func(v float64) bool { return v >= -op.Limit && v <= op.Limit })
}

// sigmoidGradX is g * p * (1 - p) in the channels from From on, g in those before.
func sigmoidGradX(op graph.SigmoidGradX, y, g, p tensor) rows {
	n := p.shape.Last()
	return rows{p.shape.Rows(), func(row int) {
		for j := range n {
			v, at := float64(p.data[row*n+j]), row*n+j
			if y.data[at] = g.data[at]; j >= op.From {
				y.data[at] = float32(float64(g.data[at]) * v * (1 - v))
			}
		}
	}}
}

// lines are the two of dynamicReLU in channel c of picture b at v, and their slopes.
func lines(t tensor, b, c, channels int, v float64) (values, slopes [2]float64) {
	coefficient := func(block int) float64 { return float64(t.data[(4*b+block)*channels+c]) }
	slopes = [2]float64{2*(coefficient(0)-0.5) + 1, 2 * (coefficient(2) - 0.5)}
	return [2]float64{v*slopes[0] + coefficient(1) - 0.5, v*slopes[1] + coefficient(3) - 0.5}, slopes
}

// taken is how much of the larger of two values each is: all, none, or half where they are equal.
func taken(values [2]float64) (first, second float64) {
	switch {
	case values[0] > values[1]:
		return 1, 0
	case values[0] < values[1]:
		return 0, 1
	}
	return 0.5, 0.5
}

// dynamicReLUGradX: g and x [B, H, W, C], t [B, 4C] -> y [B, H, W, C].
func dynamicReLUGradX(y, g, x, t tensor) rows {
	channels := x.shape[3]
	return perToken(y.shape, func(b, row, column int) {
		for c, v := range x.at(b, row, column) {
			values, slopes := lines(t, b, c, channels, float64(v))
			first, second := taken(values)
			y.at(b, row, column)[c] = float32(float64(g.at(b, row, column)[c]) * (first*slopes[0] + second*slopes[1]))
		}
	})
}

// dynamicReLUGradT: g and x [B, H, W, C], t [B, 4C] -> y [B, 4C]. A piece is a picture.
func dynamicReLUGradT(y, g, x, t tensor) rows {
	channels, positions := x.shape[3], x.shape[1]*x.shape[2]
	return rows{x.shape[0], func(b int) {
		sums := make([]float64, 4*channels)
		for p := range positions {
			gs, xs := g.token(b, p), x.token(b, p)
			for c, v := range xs {
				values, _ := lines(t, b, c, channels, float64(v))
				first, second := taken(values)
				of := float64(gs[c])
				sums[c] += of * first * 2 * float64(v)
				sums[channels+c] += of * first
				sums[2*channels+c] += of * second * 2 * float64(v)
				sums[3*channels+c] += of * second
			}
		}
		narrow(y.data[b*len(sums):][:len(sums)], sums)
	}}
}
