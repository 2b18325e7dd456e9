package cpuref

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// pointwise applies f to every element. math.Max and math.Min, of which most of these
// functions are made, give NaN for NaN.
func pointwise(y, x tensor, f func(float64) float64) rows {
	n := x.shape.Last()
	return rows{x.shape.Rows(), func(i int) {
		for j, v := range x.data[i*n:][:n] {
			y.data[i*n+j] = float32(f(float64(v)))
		}
	}}
}

func logistic(v float64) float64 { return 1 / (1 + math.Exp(-v)) }

func clamped(v, low, high float64) float64 { return math.Min(math.Max(v, low), high) }

// gelu is x * (1 + erf(x / sqrt 2)) / 2. Erfc(-z) is 1 + erf(z) without the
// cancellation at negative z.
func gelu(y, x tensor) rows {
	return pointwise(y, x, func(v float64) float64 { return v * math.Erfc(-v/math.Sqrt2) / 2 })
}

func relu(y, x tensor) rows {
	return pointwise(y, x, func(v float64) float64 { return math.Max(v, 0) })
}

func hardSigmoid(y, x tensor) rows {
	return pointwise(y, x, func(v float64) float64 { return clamped(v+3, 0, 6) / 6 })
}

func clamp(op graph.Clamp, y, x tensor) rows {
	return pointwise(y, x, func(v float64) float64 { return clamped(v, -op.Limit, op.Limit) })
}

func scale(op graph.Scale, y, x tensor) rows {
	return pointwise(y, x, func(v float64) float64 { return v * op.Factor })
}

func mulScalar(y, x, s tensor) rows {
	return pointwise(y, x, func(v float64) float64 { return v * float64(s.data[0]) })
}

// sigmoid is 1/(1 + exp(-x)) of the channels from From on; those before pass.
func sigmoid(op graph.Sigmoid, y, x tensor) rows {
	n := x.shape.Last()
	return rows{x.shape.Rows(), func(i int) {
		for j, v := range x.data[i*n:][:n] {
			if j >= op.From {
				v = float32(logistic(float64(v)))
			}
			y.data[i*n+j] = v
		}
	}}
}

// addScaled is x + gamma * z: x and z [..., C], gamma [C].
func addScaled(y, x, z, gamma tensor) rows {
	n := x.shape.Last()
	return rows{x.shape.Rows(), func(i int) {
		for j, v := range x.data[i*n:][:n] {
			y.data[i*n+j] = float32(float64(v) + float64(gamma.data[j])*float64(z.data[i*n+j]))
		}
	}}
}

// normalize is x / max(|x|, Eps) with |x| the length of a row over the last axis.
func normalize(op graph.Normalize, y, x tensor) rows {
	n := x.shape.Last()
	return rows{x.shape.Rows(), func(i int) {
		squares := 0.0
		for _, v := range x.data[i*n:][:n] {
			squares += float64(v) * float64(v)
		}
		length := math.Max(math.Sqrt(squares), op.Eps)
		for j, v := range x.data[i*n:][:n] {
			y.data[i*n+j] = float32(float64(v) / length)
		}
	}}
}
