package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rowsOf loads where rows begin that have names.
func (s *set) rowsOf(names ...string) []reg.GPVirtual {
	list := make([]reg.GPVirtual, len(names))
	for i, name := range names {
		list[i] = s.slice(name)
	}
	return list
}

func (s *set) geluGrad() {
	s.function("GELUGrad", "y, g, x []float32, n int",
		"is y = g times the derivative of x (1 + erf(x/sqrt 2)) / 2, on n floats, whole chunks.")
	p, end := s.rowsOf("y", "g", "x"), s.stride("n")
	s.eachOffset("chunks", end, func(at offsetOf) {
		s.lowerTails([]operand.Mem{at(p[2])}, func(_ int, x, tail, power reg.VecVirtual) {
			s.VMULPS(s.float("density", 1/math.Sqrt(2*math.Pi)), power, power)
			s.VFMADD231PS(power, x, tail)
			s.VMULPS(at(p[1]), tail, tail)
			s.VMOVUPS(tail, at(p[0]))
		})
	})
	s.end()
}

func (s *set) mulAdd() {
	s.function("MulAdd", "y, a, b []float32, n int", "is y = y + a b on n floats, whole chunks.")
	p, end := s.rowsOf("y", "a", "b"), s.stride("n")
	s.eachOffset("chunks", end, func(at offsetOf) {
		v, sum := s.load(at(p[1])), s.load(at(p[0]))
		s.VFMADD231PS(at(p[2]), v, sum)
		s.VMOVUPS(sum, at(p[0]))
	})
	s.end()
}

// adamW waits for memory: every number is read and written once.
func (s *set) adamW() {
	s.function("AdamW", "x, m, v, toX, toM, toV, g []float32, c *[9]float32, n int",
		"is a step of n weights, whole chunks: with c = s, b1, 1-b1, b2, 1-b2, stay, rate, second, eps",
		"toM = b1 m + (1-b1) s g, toV = b2 v + (1-b2) (s g)², toX = stay x - rate toM / (sqrt(second toV) + eps).")
	p, end := s.rowsOf("x", "m", "v", "toX", "toM", "toV", "g"), s.stride("n")
	from := s.Load(s.Param("c"), s.GP64())
	var c [9]reg.VecVirtual
	for i := range c {
		c[i] = s.vector()
		s.VBROADCASTSS(operand.Mem{Base: from.(reg.GPVirtual), Disp: 4 * i}, c[i])
	}
	s.eachOffset("chunks", end, func(at offsetOf) {
		g, m, v, x, t := s.load(at(p[6])), s.load(at(p[1])), s.load(at(p[2])), s.load(at(p[0])), s.vector()
		s.VMULPS(c[0], g, g)
		s.VMULPS(c[1], m, m)
		s.VFMADD231PS(c[2], g, m)
		s.VMULPS(c[3], v, v)
		s.VMULPS(g, g, g)
		s.VFMADD231PS(c[4], g, v)
		s.VMULPS(c[7], v, t)
		s.VSQRTPS(t, t)
		s.VADDPS(c[8], t, t)
		s.VMULPS(c[6], m, g)
		s.VDIVPS(t, g, g)
		s.VMULPS(c[5], x, x)
		s.VSUBPS(g, x, x)
		s.VMOVUPS(m, at(p[4]))
		s.VMOVUPS(v, at(p[5]))
		s.VMOVUPS(x, at(p[3]))
	})
	s.end()
}

// sumSquares adds in float64: what is summed may be a model's gradients.
func (s *set) sumSquares() {
	s.function("SumSquares", "x []float32, n int) (sum float64", "is the sum of the squares of n floats, whole chunks, in float64.")
	x, end := s.slice("x"), s.stride("n")
	half := reg.Spec(reg.S128)
	if s.width == 16 {
		half = reg.S256
	}
	sums := s.zeros(2 * s.perChunk())
	next := 0
	s.eachOffset("chunks", end, func(at offsetOf) {
		for i := range 2 {
			m, low, v := at(x), s.Vec(half), s.vector()
			m.Disp += 2 * s.width * i
			s.VMOVUPS(m, low)
			s.VCVTPS2PD(low, v)
			s.VFMADD231PD(v, v, sums[next])
			next++
		}
	})
	for _, v := range sums[1:] {
		s.VADDPD(v, sums[0], sums[0])
	}
	if s.width == 16 {
		high := s.YMM()
		s.VEXTRACTF64X4(operand.U8(1), sums[0], high)
		s.VADDPD(high, sums[0].AsY(), sums[0].AsY())
	}
	high, low := s.XMM(), sums[0].AsX()
	s.VEXTRACTF128(operand.U8(1), sums[0].AsY(), high)
	s.VADDPD(high, low, low)
	s.VPERMILPD(operand.U8(1), low, high)
	s.VADDSD(high, low, low)
	s.Store(low, s.ReturnIndex(0))
	s.end()
}

// spread is the reverse of blend.
func (s *set) spread() {
	s.function("Spread", "a, b, c, d []float32, w [4]float32, x []float32, n int",
		"is a = a + w[0] x and so on with b, c and d, rows of n floats, whole chunks, apart from each other.")
	rows, x, end := s.rowsOf("a", "b", "c", "d"), s.slice("x"), s.stride("n")
	var weights [4]reg.VecVirtual
	for i := range weights {
		weights[i] = s.scalar(s.Param("w").Index(i))
	}
	s.eachOffset("chunks", end, func(at offsetOf) {
		v := s.load(at(x))
		for i, row := range rows {
			sum := s.load(at(row))
			s.VFMADD231PS(v, weights[i], sum)
			s.VMOVUPS(sum, at(row))
		}
	})
	s.end()
}

func (s *set) dots() {
	s.function("Dots", "y *[4]float32, a, b, c, d, x []float32, n int",
		"is the inner products of x and a, b, c and d, rows of n floats, whole chunks.")
	rows, x, end := s.rowsOf("a", "b", "c", "d"), s.slice("x"), s.stride("n")
	sums := s.zeros(len(rows))
	s.eachOffset("chunks", end, func(at offsetOf) {
		v := s.load(at(x))
		for i, row := range rows {
			s.VFMADD231PS(at(row), v, sums[i])
		}
	})
	s.reduce(s.VADDPS, sums...)
	to := s.Load(s.Param("y"), s.GP64()).(reg.GPVirtual)
	for i, v := range sums {
		s.VMOVSS(v.AsX(), operand.Mem{Base: to, Disp: 4 * i})
	}
	s.end()
}

// layerNormGrad goes three times over rows that are in the first cache.
func (s *set) layerNormGrad() {
	s.function("LayerNormGrad", "y []float32, ldy int, g []float32, ldg int, x []float32, ldx int, weight []float32, eps float32, rows, n int",
		"is y = f (u - mean u - h mean(u h)) with u = g weight, f = 1/sqrt(variance of x + eps) and h = f (x - mean x), row by row,",
		"on rows of n floats, whole chunks.")
	y, g, x := s.operandRow("y", "ldy"), s.operandRow("g", "ldg"), s.operandRow("x", "ldx")
	weight, rows, end := s.slice("weight"), s.word("rows"), s.stride("n")
	length, eps, low := s.vector(), s.XMM(), s.XMM()
	s.VPXOR(low, low, low)
	s.VCVTSI2SSQ(s.word("n"), low, low)
	s.VBROADCASTSS(low, length)
	s.Load(s.Param("eps"), eps)
	s.eachRow(rows, []operandRow{y, g, x}, func() {
		mean, sumU := s.zero(), s.zero()
		s.eachOffset("means", end, func(at offsetOf) {
			s.VADDPS(at(x.pointer), mean, mean)
			u := s.load(at(g.pointer))
			s.VFMADD231PS(at(weight), u, sumU)
		})
		s.reduce(s.VADDPS, mean, sumU)
		s.VDIVPS(length, mean, mean)
		s.VDIVPS(length, sumU, sumU)
		variance, sumUH := s.zero(), s.zero()
		s.eachOffset("squares", end, func(at offsetOf) {
			d, u := s.load(at(x.pointer)), s.load(at(g.pointer))
			s.VSUBPS(mean, d, d)
			s.VMULPS(at(weight), u, u)
			s.VFMADD231PS(d, d, variance)
			s.VFMADD231PS(u, d, sumUH)
		})
		s.reduce(s.VADDPS, variance, sumUH)
		s.VDIVPS(length, variance, variance)
		s.VDIVPS(length, sumUH, sumUH)
		f := variance.AsX()
		s.VADDSS(eps, f, f)
		s.VSQRTSS(f, f, f)
		one := s.XMM()
		s.VMOVSS(s.float("unit", 1), one)
		s.VDIVSS(f, one, f)
		s.VBROADCASTSS(f, variance)
		factor := variance
		s.VMULPS(factor, sumUH, sumUH) // mean(u h) of d times u
		s.VMULPS(factor, sumUH, sumUH) // and times d, not h
		s.eachOffset("write", end, func(at offsetOf) {
			d, u := s.load(at(x.pointer)), s.load(at(g.pointer))
			s.VSUBPS(mean, d, d)
			s.VFMSUB132PS(at(weight), sumU, u)
			s.VFNMADD231PS(sumUH, d, u)
			s.VMULPS(factor, u, u)
			s.VMOVUPS(u, at(y.pointer))
		})
	})
	s.end()
}
