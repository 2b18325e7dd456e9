package cpu

import "math"

func portableGELUGrad(y, g, x []float32, n int) {
	y, g = y[:n], g[:n]
	for i, v := range x[:n] {
		density := exp(-0.5*v*v) * float32(1/math.Sqrt(2*math.Pi))
		y[i] = g[i] * (lowerTail(v) + v*density)
	}
}

// lowerTail is the normal distribution's up to x.
func lowerTail(x float32) float32 {
	if x == 0 {
		return 0.5
	}
	line := [1]float32{x}
	portableGELU(line[:], 1, 1, 1)
	return line[0] / x
}

func portableMulAdd(y, a, b []float32, n int) {
	y, a = y[:n], a[:n]
	for i, v := range b[:n] {
		y[i] += a[i] * v
	}
}

func portableSumSquares(x []float32, n int) float64 {
	var sums [4]float64
	for i, v := range x[:n] {
		sums[i%4] += float64(v) * float64(v)
	}
	return sums[0] + sums[1] + sums[2] + sums[3]
}

func portableSpread(a, b, c, d []float32, w [4]float32, x []float32, n int) {
	a, b, c, d = a[:n], b[:n], c[:n], d[:n]
	for i, v := range x[:n] {
		a[i] += w[0] * v
		b[i] += w[1] * v
		c[i] += w[2] * v
		d[i] += w[3] * v
	}
}

func portableDots(y *[4]float32, a, b, c, d, x []float32, n int) {
	for i, row := range [4][]float32{a, b, c, d} {
		y[i] = dot(row[:n], x)
	}
}

func portableAdamW(x, m, v, toX, toM, toV, g []float32, c *[9]float32, n int) {
	x, m, v, toX, toM, toV = x[:n], m[:n], v[:n], toX[:n], toM[:n], toV[:n]
	for i, slope := range g[:n] {
		slope *= c[0]
		first, second := c[1]*m[i]+c[2]*slope, c[3]*v[i]+c[4]*(slope*slope)
		toX[i] = x[i]*c[5] - c[6]*first/(float32(math.Sqrt(float64(second*c[7])))+c[8])
		toM[i], toV[i] = first, second
	}
}

func portableLayerNormGrad(y []float32, ldy int, g []float32, ldg int, x []float32, ldx int, weight []float32, eps float32, rows, n int) {
	weight = weight[:n]
	for row := range rows {
		out, slope, line := y[row*ldy:][:n], g[row*ldg:][:n], x[row*ldx:][:n]
		mean, factor := rowSpread(line, float64(eps))
		var first, second [4]float32
		for i, v := range line {
			u := slope[i] * weight[i]
			first[i%4] += u
			second[i%4] += u * (v - mean) * factor
		}
		a := (first[0] + first[1] + first[2] + first[3]) / float32(n)
		b := (second[0] + second[1] + second[2] + second[3]) / float32(n)
		for i, v := range line {
			out[i] = factor * (slope[i]*weight[i] - a - (v-mean)*factor*b)
		}
	}
}
