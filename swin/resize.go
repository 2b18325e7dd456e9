package swin

import "math"

// ResizeTableGeometric resizes a relative position bias table by mmpretrain's
// rule (mmpretrain/models/utils/embed.py, resize_relative_position_bias_table):
// the old offsets are placed at geometrically growing distances, so that near ones
// stay near, and a bicubic spline is read off at the new, whole offsets.
//
// table is [src·src, heads] row-major, src and dst are the odd sides 2w−1. The
// result is [dst·dst, heads]. Upstream keeps a table of the right size as it is.
// When it shrinks a table the rule amounts to cropping it: the distances cannot
// grow by less than a hundredth.
func ResizeTableGeometric(table []float32, heads, src, dst int) []float32 {
	if src == dst {
		return append([]float32(nil), table...)
	}
	nodes := geometricNodes(src, dst)
	at := make([]float64, dst)
	for i := range at {
		at[i] = min(max(float64(i-dst/2), nodes[0]), nodes[src-1])
	}
	return resample(table, heads, splineOperator(nodes, at))
}

// geometricNodes places src offsets symmetrically about 0 at 1, 1+q, 1+q+q², ...
// with q such that the outermost falls on dst/2, found as upstream finds it.
func geometricNodes(src, dst int) []float64 {
	m, t := src/2, dst/2
	left, right, q := 1.01, 1.5, 0.0
	for right-left > 1e-6 {
		q = (left + right) / 2
		if (1-math.Pow(q, float64(m)))/(1-q) > float64(t) {
			right = q
		} else {
			left = q
		}
	}
	nodes := make([]float64, src)
	distance := 0.0
	for k := 1; k <= m; k++ {
		distance += math.Pow(q, float64(k-1))
		nodes[m+k], nodes[m-k] = distance, -distance
	}
	return nodes
}

// ResizeTableBicubic resizes a table by Microsoft's rule (Swin-Transformer
// utils.py, load_pretrained): bicubic interpolation with A = −0.75 at half-pixel
// centres, no antialiasing, taps clamped to the edge. Arguments and result are
// those of [ResizeTableGeometric].
func ResizeTableBicubic(table []float32, heads, src, dst int) []float32 {
	if src == dst {
		return append([]float32(nil), table...)
	}
	return resample(table, heads, bicubicOperator(src, dst))
}

// operator maps src samples on a line to dst samples: out = operator · in.
type operator [][]float64 // [dst][src]

// bicubicOperator is the cubic convolution kernel of Keys (1981) with A = −0.75.
func bicubicOperator(src, dst int) operator {
	const a = -0.75
	near := func(t float64) float64 { return ((a+2)*t-(a+3))*t*t + 1 }  // |t| <= 1
	far := func(t float64) float64 { return ((a*t-5*a)*t+8*a)*t - 4*a } // 1 <= |t| <= 2
	op := make(operator, dst)
	for d := range op {
		op[d] = make([]float64, src)
		x := (float64(d)+0.5)*float64(src)/float64(dst) - 0.5
		first := math.Floor(x)
		t := x - first
		for k, weight := range []float64{far(t + 1), near(t), near(1 - t), far(2 - t)} {
			tap := min(max(int(first)-1+k, 0), src-1)
			op[d][tap] += weight
		}
	}
	return op
}

// splineOperator interpolates values at ascending nodes by a cubic spline with
// not-a-knot ends, evaluated at each of at (within the nodes). Three nodes are
// interpolated by a parabola, one by a constant.
func splineOperator(nodes, at []float64) operator {
	n := len(nodes)
	op := make(operator, len(at))
	for i := range op {
		op[i] = make([]float64, n)
	}
	unit := make([]float64, n)
	for j := range nodes { // the spline is linear in its values: one column each
		unit[j] = 1
		slopes := splineSlopes(nodes, unit)
		for i, x := range at {
			op[i][j] = hermite(nodes, unit, slopes, x)
		}
		unit[j] = 0
	}
	return op
}

// splineSlopes returns the derivatives at the nodes of the not-a-knot spline
// (de Boor, A Practical Guide to Splines, chapter IV): second derivatives agree at
// inner nodes, third derivatives at the second and the last but one.
func splineSlopes(x, y []float64) []float64 {
	n := len(x)
	if n < 2 {
		return make([]float64, n)
	}
	h, d := make([]float64, n-1), make([]float64, n-1)
	for i := range h {
		h[i] = x[i+1] - x[i]
		d[i] = (y[i+1] - y[i]) / h[i]
	}
	if n == 2 {
		return []float64{d[0], d[0]}
	}
	if n == 3 { // the parabola through three points
		curve := (d[1] - d[0]) / (h[0] + h[1])
		return []float64{d[0] - curve*h[0], d[0] + curve*h[0], d[1] + curve*h[1]}
	}
	// Rows of a tridiagonal system: low·s[i-1] + diag·s[i] + up·s[i+1] = rhs.
	low, diag, up, rhs := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i := 1; i < n-1; i++ {
		low[i], diag[i], up[i] = h[i], 2*(h[i-1]+h[i]), h[i-1]
		rhs[i] = 3 * (h[i]*d[i-1] + h[i-1]*d[i])
	}
	diag[0], up[0], rhs[0] = notAKnot(h[0], h[1], d[0], d[1])
	diag[n-1], low[n-1], rhs[n-1] = notAKnot(h[n-2], h[n-3], d[n-2], d[n-3])
	for i := 1; i < n; i++ { // elimination; pivots stay positive
		f := low[i] / diag[i-1]
		diag[i] -= f * up[i-1]
		rhs[i] -= f * rhs[i-1]
	}
	rhs[n-1] /= diag[n-1]
	for i := n - 2; i >= 0; i-- {
		rhs[i] = (rhs[i] - up[i]*rhs[i+1]) / diag[i]
	}
	return rhs
}

// notAKnot is the end condition: h0, d0 are the width and slope of the outermost
// interval, h1, d1 of the next. It returns the coefficients of the outermost and
// the next slope, and the right-hand side.
func notAKnot(h0, h1, d0, d1 float64) (outer, next, rhs float64) {
	both := h0 + h1
	return h1, both, ((h0+2*both)*h1*d0 + h0*h0*d1) / both
}

// hermite evaluates the piecewise cubic with given values and slopes.
func hermite(x, y, slope []float64, at float64) float64 {
	if len(x) == 1 {
		return y[0]
	}
	i := 0
	for i < len(x)-2 && at > x[i+1] {
		i++
	}
	h := x[i+1] - x[i]
	t := (at - x[i]) / h
	u := 1 - t
	return y[i]*u*u*(1+2*t) + y[i+1]*t*t*(1+2*u) + h*t*u*(slope[i]*u-slope[i+1]*t)
}

// resample applies the operator along both axes of each head's table.
func resample(table []float32, heads int, op operator) []float32 {
	dst, src := len(op), len(op[0])
	out := make([]float32, dst*dst*heads)
	rows := make([]float64, dst*src) // op along the first axis
	for head := range heads {
		for r := range dst {
			for c := range src {
				sum := 0.0
				for k, weight := range op[r] {
					sum += weight * float64(table[(k*src+c)*heads+head])
				}
				rows[r*src+c] = sum
			}
		}
		for r := range dst {
			for c := range dst {
				sum := 0.0
				for k, weight := range op[c] {
					sum += weight * rows[r*src+k]
				}
				out[(r*dst+c)*heads+head] = float32(sum)
			}
		}
	}
	return out
}
