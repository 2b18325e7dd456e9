package cpu

import "math"

// portable are the inner loops in plain Go, for rows of any length. A tile of 2 x 4 sums fits the
// registers of every architecture that Go compiles to; on arm64 the compiler makes each multiply and
// add one instruction.
func portable() *kernels {
	k := &kernels{
		name: Portable, columns: 4,
		gelu: portableGELU, add: portableAdd, softmax: portableSoftmax, layerNorm: portableLayerNorm,
		blend: portableBlend, affine: portableAffine, bend: portableBend, moments: portableMoments,
		softmaxColumns: portableSoftmaxColumns, clamp: portableClamp,
		layerNormGrad: portableLayerNormGrad, geluGrad: portableGELUGrad, mulAdd: portableMulAdd, sumSquares: portableSumSquares,
		spread: portableSpread, dots: portableDots, adamW: portableAdamW,
	}
	k.inTiles(portableTile1, portableTile2)
	return k
}

// portableTile1 takes its row twice.
func portableTile1(a []float32, _ int, b []float32, k int, start []float32, _ int, c []float32, _ int) {
	portableTile2(a, 0, b, k, start, 0, c, 0)
}

func portableTile2(a []float32, lda int, b []float32, k int, start []float32, lds int, c []float32, ldc int) {
	t := start[lds:]
	s0, s1, s2, s3 := start[0], start[1], start[2], start[3]
	t0, t1, t2, t3 := t[0], t[1], t[2], t[3]
	x, y, b := a[:k], a[lda:][:k], b[:4*k]
	for i, u := range x {
		v := y[i]
		w := (*[4]float32)(b)
		b = b[4:]
		w0, w1, w2, w3 := w[0], w[1], w[2], w[3]
		s0 += u * w0
		t0 += v * w0
		s1 += u * w1
		t1 += v * w1
		s2 += u * w2
		t2 += v * w2
		s3 += u * w3
		t3 += v * w3
	}
	c[0], c[1], c[2], c[3] = s0, s1, s2, s3
	c = c[ldc:]
	c[0], c[1], c[2], c[3] = t0, t1, t2, t3
}

// portableGELU is x times the normal distribution's lower tail at x. The tail at -|x| is
// exp(-x²/2) t P(t) with t = 1/(1 + 0.35 |x|): P is fitted to relative error 4e-8, so the
// negative side is as exact as the positive one, which is 1 minus it.
func portableGELU(y []float32, ldy int, rows, n int) {
	for row := range rows {
		line := y[row*ldy:][:n]
		for i, x := range line {
			size := float32(math.Abs(float64(x)))
			t := 1 / (1 + 0.35*size)
			p := float32(-0.0291459155263)
			p = p*t + 0.143971628273
			p = p*t - 0.255714115879
			p = p*t + 0.159174008662
			p = p*t - 0.0231097355142
			p = p*t + 0.105507964031
			p = p*t + 0.119832877212
			p = p*t + 0.13986186843
			p = p*t + 0.139621404365
			tail := p * t * exp(-0.5*size*size)
			if x >= 0 {
				tail = 1 - tail
			}
			line[i] = x * tail
		}
	}
}

func portableAdd(y []float32, ldy int, a []float32, lda int, b []float32, ldb int, rows, n int) {
	for row := range rows {
		out, left, right := y[row*ldy:][:n], a[row*lda:][:n], b[row*ldb:][:n]
		for i := range out {
			out[i] = left[i] + right[i]
		}
	}
}

func portableBlend(y, a, b, c, d []float32, w [4]float32, factor float32, n int) {
	y, a, b, c, d = y[:n], a[:n], b[:n], c[:n], d[:n]
	for i := range y {
		y[i] = factor * (w[0]*a[i] + w[1]*b[i] + w[2]*c[i] + w[3]*d[i])
	}
}

func portableAffine(y []float32, ldy int, x []float32, ldx int, m, a, b []float32, rows, n int) {
	m, a = m[:n], a[:n]
	for row := range rows {
		out, start := y[row*ldy:][:n], b
		if len(b) == 0 {
			start = out
		}
		start = start[:n]
		for i, v := range x[row*ldx:][:n] {
			out[i] = start[i] + (v-m[i])*a[i]
		}
	}
}

func portableBend(y []float32, ldy int, x []float32, ldx int, lines []float32, rows, n int) {
	a1, b1, a2, b2 := lines[:n], lines[n:][:n], lines[2*n:][:n], lines[3*n:][:n]
	for row := range rows {
		out := y[row*ldy:][:n]
		for i, v := range x[row*ldx:][:n] {
			out[i] = max(v*a1[i]+b1[i], v*a2[i]+b2[i])
		}
	}
}

func portableMoments(y []float32, ldy int, x []float32, ldx int, w []float32, rows, n int) {
	near, rest, squares := y[statNear*ldy:][:n], y[statRest*ldy:][:n], y[statSquares*ldy:][:n]
	clear(near)
	clear(rest)
	clear(squares)
	for row := range rows {
		for i, v := range x[row*ldx:][:n] {
			near[i] += v
		}
	}
	for i := range near {
		near[i] /= float32(rows)
	}
	for row := range rows {
		for i, v := range x[row*ldx:][:n] {
			d := v - near[i]
			rest[i], squares[i] = rest[i]+d, squares[i]+d*d
		}
	}
	if len(w) == 0 {
		return
	}
	weighed := y[statWeighed*ldy:][:n]
	clear(weighed)
	for row := range rows {
		for i, v := range x[row*ldx:][:n] {
			weighed[i] += w[row] * (v - near[i])
		}
	}
}

func portableSoftmax(y []float32, ldy int, mask []float32, ldm int, rows, n int) {
	for row := range rows {
		line := y[row*ldy:][:n]
		if len(mask) > 0 {
			for i, m := range mask[row*ldm:][:n] {
				line[i] += m
			}
		}
		softmaxOf(line, 1, n)
	}
}

func portableSoftmaxColumns(y []float32, ldy int, rows, n int) {
	for column := range n {
		softmaxOf(y[column:], ldy, rows)
	}
}

// softmaxOf is softmax of n elements that are step apart.
func softmaxOf(y []float32, step, n int) {
	end := (n-1)*step + 1
	largest := float32(math.Inf(-1))
	for i := 0; i < end; i += step {
		largest = max(largest, y[i]) // NaN if y[i] is
	}
	var sums [4]float32 // more exact than one, and faster
	for i, k := 0, 0; i < end; i, k = i+step, k+1 {
		y[i] = exp(y[i] - largest)
		sums[k%4] += y[i]
	}
	factor := 1 / (sums[0] + sums[1] + sums[2] + sums[3])
	for i := 0; i < end; i += step {
		y[i] *= factor
	}
}

func portableClamp(y []float32, ldy int, limit float32, rows, n int) {
	for row := range rows {
		line := y[row*ldy:][:n]
		for i, v := range line {
			line[i] = min(max(v, -limit), limit)
		}
	}
}

// exp is e to the power of x <= 0: 2^n times a polynomial in the rest, which is at most
// ln(2)/2 from 0 (minimax, relative error 2e-9), 0 below -104 as in float32.
func exp(x float32) float32 {
	if x < -104 {
		return 0
	}
	if x != x {
		return x
	}
	n := float32(int32(x*1.44269504 - 0.5))
	r := x - n*0.693359375
	r += n * 2.12194440054690583e-4
	p := float32(0.0013836845945)
	p = p*r + 0.00837481578149
	p = p*r + 0.0416682255696
	p = p*r + 0.166664201702
	p = p*r + 0.499999920798
	p = p*r + 1.00000003632
	p = p*r + 1
	// 2^n may be below the smallest normal number: in two factors.
	half := int32(n) >> 1
	return p * power(half) * power(int32(n)-half)
}

// power is 2^n for n from -126 to 127.
func power(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }

// portableLayerNorm takes the mean first, then the variance about it.
func portableLayerNorm(y []float32, ldy int, x []float32, ldx int, weight, bias []float32, eps float32, rows, n int) {
	for row := range rows {
		out, line := y[row*ldy:][:n], x[row*ldx:][:n]
		var sums [4]float32
		for i, v := range line {
			sums[i%4] += v
		}
		mean := (sums[0] + sums[1] + sums[2] + sums[3]) / float32(n)
		sums = [4]float32{}
		for i, v := range line {
			d := v - mean
			sums[i%4] += d * d
		}
		variance := (sums[0] + sums[1] + sums[2] + sums[3]) / float32(n)
		factor := 1 / float32(math.Sqrt(float64(variance+eps)))
		for i, v := range line {
			out[i] = (v-mean)*factor*weight[i] + bias[i]
		}
	}
}
