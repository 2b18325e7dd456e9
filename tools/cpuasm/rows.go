package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// exp is e to the power of every x in place: 2^n times a polynomial in the rest r, which is
// at most ln(2)/2 from 0 (minimax, relative error 2e-9). Below -104 the result is 0, as
// in float32. NaN stays NaN. Only x <= 88 is used. Several are computed side by side, so that none
// waits for the one before.
func (s *set) exp(xs ...reg.VecVirtual) {
	ns, ps := s.vectors(len(xs)), s.vectors(len(xs))
	floor := s.load(s.float("floor", -104))
	factor := s.constant(len(xs), s.float("log2e", 1.4426950408889634))
	for i, x := range xs {
		s.VMAXPS(x, floor, x) // of a NaN and a number VMAXPS gives its last operand, here x
		s.VMULPS(factor, x, ns[i])
	}
	for _, n := range ns {
		if s.width == 16 {
			s.VRNDSCALEPS(operand.U8(0), n, n)
		} else {
			s.VROUNDPS(operand.U8(0), n, n)
		}
	}
	for _, part := range []operand.Mem{s.float("ln2_high", 0.693359375), s.float("ln2_low", -2.12194440054690583e-4)} {
		c := s.constant(len(xs), part)
		for i, x := range xs {
			s.VFNMADD231PS(c, ns[i], x)
		}
	}
	s.horner("exp", []float64{
		1, 1.00000003632, 0.499999920798, 0.166664201702, 0.0416682255696, 0.00837481578149, 0.0013836845945,
	}, xs, ps)
	for i, x := range xs {
		s.scale2(ns[i], ps[i], x)
	}
}

// scale2 is x = 2^n p.
func (s *set) scale2(n, p, x reg.VecVirtual) {
	if s.width == 16 {
		s.VSCALEFPS(n, p, x)
		return
	}
	// 2^n may be below the smallest normal number: half of n goes to the exponent's bits, half is multiplied with.
	half := s.vector()
	s.VCVTPS2DQ(n, n)
	s.VPSRAD(operand.U8(1), n, half)
	s.VPSUBD(half, n, n)
	s.VPSLLD(operand.U8(23), half, half)
	s.VPADDD(half, p, p)
	s.VPADDD(s.bits("one", 0x3f800000>>23), n, n)
	s.VPSLLD(operand.U8(23), n, n)
	s.VMULPS(n, p, x)
}

// vectors are new registers.
func (s *set) vectors(n int) []reg.VecVirtual {
	list := make([]reg.VecVirtual, n)
	for i := range list {
		list[i] = s.vector()
	}
	return list
}

// constant is an operand that is used so many times: in a register if more than once.
func (s *set) constant(uses int, m operand.Mem) operand.Op {
	if uses == 1 {
		return m
	}
	return s.load(m)
}

// horner is p = c[0] + x (c[1] + x (c[2] + ...)) for every x.
func (s *set) horner(name string, c []float64, xs, ps []reg.VecVirtual) {
	for i := len(c) - 1; i >= 0; i-- {
		m := s.float(fmt.Sprintf("%s%d", name, i), c[i])
		if i == len(c)-1 {
			for _, p := range ps {
				s.VMOVUPS(m, p)
			}
			continue
		}
		v := s.constant(len(xs), m)
		for k, x := range xs {
			s.VFMADD213PS(v, x, ps[k])
		}
	}
}

// operandRow is where an operand's row begins, and how far it is to the next.
type operandRow struct{ pointer, stride reg.GPVirtual }

// operandRow loads that; without a name for the distance all rows are one.
func (s *set) operandRow(name, stride string) operandRow {
	o := operandRow{pointer: s.slice(name)}
	if stride != "" {
		o.stride = s.stride(stride)
	} else {
		o.stride = s.GP64()
		s.XORQ(o.stride, o.stride)
	}
	return o
}

// eachChunk runs body over the chunks of one row with copies of the operands' pointers.
func (s *set) eachChunk(label string, chunks reg.Register, of []operandRow, body func(p []reg.GPVirtual)) {
	pointers := make([]reg.GPVirtual, len(of))
	for i, o := range of {
		pointers[i] = s.GP64()
		s.MOVQ(o.pointer, pointers[i])
	}
	count := s.GP64()
	s.MOVQ(chunks, count)
	s.loop(label, count, func() {
		body(pointers)
		for _, p := range pointers {
			s.ADDQ(operand.U32(4*chunk), p)
		}
	})
}

// eachRow runs body for every row and then moves the operands to their next row.
func (s *set) eachRow(rows reg.Register, of []operandRow, body func()) {
	s.loop("rows", rows, func() {
		body()
		for _, o := range of {
			s.ADDQ(o.stride, o.pointer)
		}
	})
}

// gelu is x times the normal distribution's lower tail at x. The tail at -|x| is
// exp(-x²/2) t P(t) with t = 1/(1 + 0.35 |x|): P is fitted to relative error 4e-8, so the
// negative side is as exact as the positive one, which is 1 minus it.
func (s *set) gelu() {
	s.function("GELU", "y []float32, ldy int, rows, n int",
		"is y = y (1 + erf(y/sqrt 2)) / 2 on rows of n floats, whole chunks, ldy apart.")
	y, rows, chunks := s.operandRow("y", "ldy"), s.word("rows"), s.chunks()
	pairs, single := s.GP64(), s.GP64()
	s.MOVQ(chunks, pairs)
	s.SHRQ(operand.U8(1), pairs)
	s.MOVQ(chunks, single)
	s.ANDQ(operand.U8(1), single)
	s.eachRow(rows, []operandRow{y}, func() {
		p, count := s.GP64(), s.GP64()
		s.MOVQ(y.pointer, p)
		s.MOVQ(pairs, count)
		s.loop("pairs", count, func() {
			for i := 0; i < 2*s.perChunk(); i += 2 { // two registers, so that neither waits for itself
				s.geluOf(s.at(p, i), s.at(p, i+1))
			}
			s.ADDQ(operand.U32(2*4*chunk), p)
		})
		s.TESTQ(single, single)
		s.JZ(operand.LabelRef("none"))
		for i := range s.perChunk() {
			s.geluOf(s.at(p, i))
		}
		s.Label("none")
	})
	s.end()
}

// geluOf is gelu of a few registers in memory.
func (s *set) geluOf(at ...operand.Mem) {
	s.lowerTails(at, func(i int, x, tail, _ reg.VecVirtual) {
		s.VMULPS(x, tail, x)
		s.VMOVUPS(x, at[i])
	})
}

// lowerTails gives then, of what is at some addresses, x, the normal distribution's lower tail there and exp(-x²/2).
func (s *set) lowerTails(at []operand.Mem, then func(i int, x, tail, power reg.VecVirtual)) {
	n := len(at)
	xs, ts, tails, powers := s.vectors(n), s.vectors(n), s.vectors(n), s.vectors(n)
	one := s.load(s.float("unit", 1))
	for i, x := range xs {
		s.VMOVUPS(at[i], x)
		s.and(s.bits("magnitude", 0x7fffffff), x, ts[i])
		s.VMULPS(ts[i], ts[i], powers[i])
		s.VMULPS(s.float("minus_half", -0.5), powers[i], powers[i])
		s.VFMADD132PS(s.float("slope", 0.35), one, ts[i])
		s.VDIVPS(ts[i], one, ts[i])
	}
	s.horner("tail", []float64{
		0.139621404365, 0.13986186843, 0.119832877212, 0.105507964031, -0.0231097355142,
		0.159174008662, -0.255714115879, 0.143971628273, -0.0291459155263,
	}, ts, tails)
	for i, tail := range tails {
		s.VMULPS(ts[i], tail, tail)
	}
	s.exp(powers...)
	for i, tail := range tails {
		s.VMULPS(powers[i], tail, tail)
		s.complementIfPositive(xs[i], one, tail)
		then(i, xs[i], tail, powers[i])
	}
}

func (s *set) and(m operand.Op, x, y reg.VecVirtual) {
	if s.width == 16 {
		s.VPANDD(m, x, y)
	} else {
		s.VPAND(m, x, y)
	}
}

// complementIfPositive makes tail 1 - tail where x has no sign.
func (s *set) complementIfPositive(x, one, tail reg.VecVirtual) {
	if s.width == 16 {
		k := s.K()
		s.VPMOVD2M(x, k)
		s.KNOTW(k, k)
		s.VSUBPS(tail, one, k, tail)
		return
	}
	other := s.vector()
	s.VSUBPS(tail, one, other)
	s.VBLENDVPS(x, tail, other, tail)
}

// softmax goes three times over a row, which is in the first cache: mask and maximum, exp and sum,
// quotient. It takes several rows at a time, since each waits for its maximum and its sum.
func (s *set) softmax() {
	s.function("Softmax", "y []float32, ldy int, mask []float32, ldm int, rows, n int",
		"is y = exp(x - max x) / sum of x = y + mask, row by row, on rows of n floats, whole chunks.",
		"An empty mask is none. Elements of -infinity become 0; a NaN makes its row NaN.")
	y, mask := s.operandRow("y", "ldy"), s.operandRow("mask", "ldm")
	rows, chunks := s.word("rows"), s.chunks()
	together := s.width / 4
	s.Label("groups")
	s.CMPQ(rows, operand.U8(together))
	s.JL(operand.LabelRef("single"))
	s.softmaxRows(y, mask, chunks, together)
	s.SUBQ(operand.U8(together), rows)
	s.JMP(operand.LabelRef("groups"))
	s.Label("single")
	s.loop("rows", rows, func() { s.softmaxRows(y, mask, chunks, 1) })
	s.end()
}

// rowsAt are the same chunk of up to four rows, register i of it, given a pointer to the first's.
func (s *set) rowsAt(o operandRow, count int) func(p reg.Register, row, i int) operand.Mem {
	by3 := s.GP64()
	if count > 3 {
		s.LEAQ(operand.Mem{Base: o.stride, Index: o.stride, Scale: 2}, by3)
	}
	return func(p reg.Register, row, i int) operand.Mem {
		return below(s.at(p, i), row, o.stride, by3)
	}
}

// softmaxRows is softmax of so many rows at once, and leaves the operands at the next.
func (s *set) softmaxRows(y, mask operandRow, chunks reg.Register, count int) {
	label := func(name string) string { return fmt.Sprint(name, count) }
	at, atMask := s.rowsAt(y, count), s.rowsAt(mask, count)
	largest, masked := s.lowest(count), s.GP64()
	s.Load(s.Param("mask").Len(), masked)
	s.TESTQ(masked, masked)
	s.JZ(operand.LabelRef(label("plain")))
	s.eachChunk(label("masked"), chunks, []operandRow{y, mask}, func(p []reg.GPVirtual) {
		for i := range s.perChunk() {
			for row, most := range largest {
				v := s.load(at(p[0], row, i))
				s.VADDPS(atMask(p[1], row, i), v, v)
				s.VMOVUPS(v, at(p[0], row, i))
				s.VMAXPS(most, v, most)
			}
		}
	})
	s.JMP(operand.LabelRef(label("found")))
	s.Label(label("plain"))
	s.eachChunk(label("unmasked"), chunks, []operandRow{y}, func(p []reg.GPVirtual) {
		for i := range s.perChunk() {
			for row, most := range largest {
				s.VMAXPS(at(p[0], row, i), most, most)
			}
		}
	})
	s.Label(label("found"))
	s.reduce(s.VMAXPS, largest...)
	sums := s.zeros(count)
	s.eachChunk(label("exp"), chunks, []operandRow{y}, func(p []reg.GPVirtual) {
		for i := range s.perChunk() {
			s.expAndSum(largest, sums, func(row int) operand.Mem { return at(p[0], row, i) })
		}
	})
	s.reduce(s.VADDPS, sums...)
	s.invert(sums)
	s.eachChunk(label("scale"), chunks, []operandRow{y}, func(p []reg.GPVirtual) {
		for i := range s.perChunk() {
			s.times(sums, func(row int) operand.Mem { return at(p[0], row, i) })
		}
	})
	for range count {
		s.ADDQ(y.stride, y.pointer)
		s.ADDQ(mask.stride, mask.pointer)
	}
}

// lowest are registers of -infinity.
func (s *set) lowest(n int) []reg.VecVirtual {
	list := s.vectors(n)
	for _, v := range list {
		s.VMOVUPS(s.bits("minus_infinity", 0xff800000), v)
	}
	return list
}

// expAndSum makes what is at some addresses exp of its distance from the largest, and adds that to the sums.
func (s *set) expAndSum(largest, sums []reg.VecVirtual, at func(i int) operand.Mem) {
	vs := s.vectors(len(largest))
	for i, v := range vs {
		s.VMOVUPS(at(i), v)
		s.VSUBPS(largest[i], v, v)
	}
	s.exp(vs...)
	for i, v := range vs {
		s.VADDPS(v, sums[i], sums[i])
		s.VMOVUPS(v, at(i))
	}
}

// invert makes every x 1/x.
func (s *set) invert(xs []reg.VecVirtual) {
	one := s.load(s.float("unit", 1))
	for _, x := range xs {
		s.VDIVPS(x, one, x)
	}
}

// times multiplies what is at some addresses.
func (s *set) times(factors []reg.VecVirtual, at func(i int) operand.Mem) {
	for i, factor := range factors {
		v := s.vector()
		s.VMULPS(at(i), factor, v)
		s.VMOVUPS(v, at(i))
	}
}

// layerNorm takes the mean first, then the variance about it: mean(x²) - mean² would lose digits.
func (s *set) layerNorm() {
	s.function("LayerNorm",
		"y []float32, ldy int, x []float32, ldx int, weight, bias []float32, eps float32, rows, n int",
		"is y = (x - mean) / sqrt(variance + eps) * weight + bias, row by row, on rows of n floats, whole chunks.")
	y, x := s.operandRow("y", "ldy"), s.operandRow("x", "ldx")
	weight, bias := operandRow{pointer: s.slice("weight")}, operandRow{pointer: s.slice("bias")}
	rows, chunks := s.word("rows"), s.chunks()
	length, eps := s.XMM(), s.XMM()
	s.VPXOR(length, length, length)
	s.VCVTSI2SSQ(s.word("n"), length, length)
	s.Load(s.Param("eps"), eps)
	s.eachRow(rows, []operandRow{y, x}, func() {
		mean := s.zero()
		s.eachChunk("mean", chunks, []operandRow{x}, func(p []reg.GPVirtual) {
			for i := range s.perChunk() {
				s.VADDPS(s.at(p[0], i), mean, mean)
			}
		})
		s.reduce(s.VADDPS, mean)
		s.VDIVSS(length, mean.AsX(), mean.AsX())
		s.VBROADCASTSS(mean.AsX(), mean)
		variance := s.zero()
		s.eachChunk("variance", chunks, []operandRow{x}, func(p []reg.GPVirtual) {
			for i := range s.perChunk() {
				v := s.load(s.at(p[0], i))
				s.VSUBPS(mean, v, v)
				s.VFMADD231PS(v, v, variance)
			}
		})
		s.reduce(s.VADDPS, variance)
		low := variance.AsX()
		s.VDIVSS(length, low, low)
		s.VADDSS(eps, low, low)
		s.VSQRTSS(low, low, low)
		one := s.XMM()
		s.VMOVSS(s.float("unit", 1), one)
		s.VDIVSS(low, one, low)
		s.VBROADCASTSS(low, variance)
		s.eachChunk("write", chunks, []operandRow{y, x, weight, bias}, func(p []reg.GPVirtual) {
			for i := range s.perChunk() {
				v, factor := s.load(s.at(p[1], i)), s.load(s.at(p[2], i))
				s.VSUBPS(mean, v, v)
				s.VMULPS(variance, v, v)
				s.VFMADD213PS(s.at(p[3], i), factor, v)
				s.VMOVUPS(v, s.at(p[0], i))
			}
		})
	})
	s.end()
}
