package cpu

import "math"

// portable are the inner loops in plain Go. A tile of 4 x 4 sums fits the registers of
// every architecture that Go compiles to; on arm64 the compiler makes each multiply and
// add one instruction.
func portable() *kernels {
	k := &kernels{
		name: Portable, columns: 4,
		gelu: portableGELU, add: portableAdd, softmax: portableSoftmax, layerNorm: portableLayerNorm,
		blends: portableBlend, affine: portableAffine, bend: portableBend, moments: portableMoments,
		softmaxColumns: portableSoftmaxColumns, clamp: portableClamp,
	}
	k.inTiles(portableTile1, portableTile2, portableTile3, portableTile4)
	return k
}

func portableTile1(a []float32, lda int, b []float32, k int, start []float32, lds int, c []float32, ldc int) {
	s0, s1, s2, s3 := start[0], start[1], start[2], start[3]
	b = b[:4*k]
	for _, u := range a[:k] {
		w := (*[4]float32)(b)
		b = b[4:]
		s0 += u * w[0]
		s1 += u * w[1]
		s2 += u * w[2]
		s3 += u * w[3]
	}
	c[0], c[1], c[2], c[3] = s0, s1, s2, s3
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

func portableTile3(a []float32, lda int, b []float32, k int, start []float32, lds int, c []float32, ldc int) {
	portableTile2(a, lda, b, k, start, lds, c, ldc)
	portableTile1(a[2*lda:], lda, b, k, start[2*lds:], lds, c[2*ldc:], ldc)
}

func portableTile4(a []float32, lda int, b []float32, k int, start []float32, lds int, c []float32, ldc int) {
	portableTile2(a, lda, b, k, start, lds, c, ldc)
	portableTile2(a[2*lda:], lda, b, k, start[2*lds:], lds, c[2*ldc:], ldc)
}

// portableGELU is x times the normal distribution's lower tail at x. The tail at -|x| is
// exp(-x²/2) t P(t) with t = 1/(1 + 0.35 |x|): P is fitted to relative error 4e-8, so the
// negative side is as exact as the positive one, which is 1 minus it.
func portableGELU(y []float32, ldy int, rows, chunks int) {
	for row := range rows {
		line := y[row*ldy:][:chunks*chunk]
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

func portableAdd(y []float32, ldy int, a []float32, lda int, b []float32, ldb int, rows, chunks int) {
	n := chunks * chunk
	for row := range rows {
		out, left, right := y[row*ldy:][:n], a[row*lda:][:n], b[row*ldb:][:n]
		for i := range out {
			out[i] = left[i] + right[i]
		}
	}
}

func portableBlend(y, a, b, c, d []float32, wa, wb, wc, wd, factor float32, chunks int) {
	y = y[:chunks*chunk]
	a, b, c, d = a[:len(y)], b[:len(y)], c[:len(y)], d[:len(y)]
	for i := range y {
		y[i] = factor * (wa*a[i] + wb*b[i] + wc*c[i] + wd*d[i])
	}
}

func portableAffine(y []float32, ldy int, x []float32, ldx int, m, a, b []float32, rows, chunks int) {
	n := chunks * chunk
	for row := range rows {
		affineRow(y[row*ldy:][:n], x[row*ldx:][:n], m, a, b)
	}
}

// affineRow is y = (x - m) a + b for a row of any length; an empty b is y.
func affineRow(y, x, m, a, b []float32) {
	if len(b) == 0 {
		b = y
	}
	m, a, b, x = m[:len(y)], a[:len(y)], b[:len(y)], x[:len(y)]
	for i, v := range x {
		y[i] = b[i] + (v-m[i])*a[i]
	}
}

func portableBend(y []float32, ldy int, x []float32, ldx int, lines []float32, ldl int, rows, chunks int) {
	n := chunks * chunk
	for row := range rows {
		bendRow(y[row*ldy:][:n], x[row*ldx:][:n], lines, ldl)
	}
}

// bendRow is y = max(x l0 + l1, x l2 + l3) for a row of any length.
func bendRow(y, x, lines []float32, ldl int) {
	a1, b1, a2, b2 := lines[:len(y)], lines[ldl:][:len(y)], lines[2*ldl:][:len(y)], lines[3*ldl:][:len(y)]
	for i, v := range x[:len(y)] {
		y[i] = max(v*a1[i]+b1[i], v*a2[i]+b2[i])
	}
}

func portableMoments(y []float32, ldy int, x []float32, ldx int, w []float32, rows, chunks int) {
	for c := 0; c < chunks*chunk; c += chunk {
		momentsOf(y[c:], ldy, x[c:], ldx, w, rows, chunk)
	}
}

// momentsOf is that of at most a chunk of columns.
func momentsOf(y []float32, ldy int, x []float32, ldx int, w []float32, rows, columns int) {
	var near, rest, squares, weighed [chunk]float32
	for row := range rows {
		for i, v := range x[row*ldx:][:columns] {
			near[i] += v
		}
	}
	for i := range near {
		near[i] /= float32(rows)
	}
	for row := range rows {
		factor := float32(0)
		if len(w) > 0 {
			factor = w[row]
		}
		for i, v := range x[row*ldx:][:columns] {
			d := v - near[i]
			rest[i], squares[i], weighed[i] = rest[i]+d, squares[i]+d*d, weighed[i]+factor*d
		}
	}
	copy(y[:columns], near[:])
	copy(y[ldy:][:columns], rest[:])
	copy(y[2*ldy:][:columns], squares[:])
	if len(w) > 0 {
		copy(y[3*ldy:][:columns], weighed[:])
	}
}

func portableSoftmax(y []float32, ldy int, mask []float32, ldm int, rows, chunks int) {
	for row := range rows {
		line := y[row*ldy:][:chunks*chunk]
		if len(mask) > 0 {
			for i, m := range mask[row*ldm:][:len(line)] {
				line[i] += m
			}
		}
		largest := float32(math.Inf(-1))
		for _, v := range line {
			largest = max(largest, v) // NaN if v is
		}
		var sums [4]float32 // more exact than one, and faster
		for i, v := range line {
			e := exp(v - largest)
			line[i] = e
			sums[i%4] += e
		}
		factor := 1 / (sums[0] + sums[1] + sums[2] + sums[3])
		for i := range line {
			line[i] *= factor
		}
	}
}

func portableSoftmaxColumns(y []float32, ldy int, rows, chunks int) {
	for c := 0; c < chunks*chunk; c += chunk {
		var largest, sums [chunk]float32
		for i := range largest {
			largest[i] = float32(math.Inf(-1))
		}
		for row := range rows {
			for i, v := range y[row*ldy+c:][:chunk] {
				largest[i] = max(largest[i], v)
			}
		}
		for row := range rows {
			line := y[row*ldy+c:][:chunk]
			for i, v := range line {
				e := exp(v - largest[i])
				line[i], sums[i] = e, sums[i]+e
			}
		}
		for row := range rows {
			line := y[row*ldy+c:][:chunk]
			for i := range line {
				line[i] /= sums[i]
			}
		}
	}
}

func portableClamp(y []float32, ldy int, limit float32, rows, chunks int) {
	for row := range rows {
		line := y[row*ldy:][:chunks*chunk]
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

func portableLayerNorm(y []float32, ldy int, x []float32, ldx int, weight, bias []float32, eps float32, rows, chunks int) {
	for row := range rows {
		normalise(y[row*ldy:][:chunks*chunk], x[row*ldx:][:chunks*chunk], weight, bias, eps)
	}
}

// normalise is LayerNorm of one row of any length: the mean first, then the variance about it.
func normalise(y, x, weight, bias []float32, eps float32) {
	var sums [4]float32
	for i, v := range x {
		sums[i%4] += v
	}
	mean := (sums[0] + sums[1] + sums[2] + sums[3]) / float32(len(x))
	sums = [4]float32{}
	for i, v := range x {
		d := v - mean
		sums[i%4] += d * d
	}
	variance := (sums[0] + sums[1] + sums[2] + sums[3]) / float32(len(x))
	factor := 1 / float32(math.Sqrt(float64(variance+eps)))
	for i, v := range x {
		y[i] = (v-mean)*factor*weight[i] + bias[i]
	}
}
