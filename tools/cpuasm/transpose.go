package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// side is that of the squares that are transposed in registers.
const side = 8

// transpose turns squares of 8 x 8 in three rounds of shuffles: pairs, quadruples, halves.
// The kernels for AVX-512 use it too: memory is what it waits for.
func (s *set) transpose() {
	s.function("Transpose", "y []float32, ldy int, x []float32, ldx int, rows, columns int, factor float32",
		"is y[j, i] = factor * x[i, j] for rows times 8 rows and columns times 8 columns of x.")
	y, ldy, x, ldx := s.slice("y"), s.stride("ldy"), s.slice("x"), s.stride("ldx")
	rows, columns := s.word("rows"), s.word("columns")
	factor := s.scalar(s.Param("factor"))
	ldx3, ldy3 := s.GP64(), s.GP64()
	s.LEAQ(operand.Mem{Base: ldx, Index: ldx, Scale: 2}, ldx3)
	s.LEAQ(operand.Mem{Base: ldy, Index: ldy, Scale: 2}, ldy3)
	s.loop("rows", rows, func() {
		from, to, count := s.GP64(), s.GP64(), s.GP64()
		s.MOVQ(x, from)
		s.MOVQ(y, to)
		s.MOVQ(columns, count)
		s.loop("columns", count, func() {
			var v [side]reg.VecVirtual
			s.eachLine(from, ldx, ldx3, func(i int, m operand.Mem) {
				v[i] = s.YMM()
				s.VMULPS(m, factor, v[i])
			})
			s.square(&v)
			s.eachLine(to, ldy, ldy3, func(i int, m operand.Mem) { s.VMOVUPS(v[i], m) })
			s.ADDQ(operand.U32(4*side), from)
			s.LEAQ(operand.Mem{Base: to, Index: ldy, Scale: 8}, to)
		})
		s.LEAQ(operand.Mem{Base: x, Index: ldx, Scale: 8}, x)
		s.ADDQ(operand.U32(4*side), y)
	})
	s.end()
}

// eachLine calls f with the addresses of the eight lines of a square.
func (s *set) eachLine(p, ld, ld3 reg.Register, f func(i int, m operand.Mem)) {
	half := s.GP64()
	s.LEAQ(operand.Mem{Base: p, Index: ld, Scale: 4}, half)
	for i := range side {
		m := operand.Mem{Base: p}
		if i >= side/2 {
			m.Base = half
		}
		f(i, below(m, i%4, ld, ld3))
	}
}

// square transposes eight registers of eight floats.
func (s *set) square(v *[side]reg.VecVirtual) {
	var pairs, fours [side]reg.VecVirtual
	for i := 0; i < side; i += 2 {
		pairs[i], pairs[i+1] = s.YMM(), s.YMM()
		s.VUNPCKLPS(v[i+1], v[i], pairs[i])
		s.VUNPCKHPS(v[i+1], v[i], pairs[i+1])
	}
	for i := 0; i < side; i += 4 {
		for k := range 2 { // of pairs i+k and i+2+k the low halves, then the high ones
			low, high := s.YMM(), s.YMM()
			s.VSHUFPS(operand.U8(0x44), pairs[i+2+k], pairs[i+k], low)
			s.VSHUFPS(operand.U8(0xee), pairs[i+2+k], pairs[i+k], high)
			fours[i+2*k], fours[i+2*k+1] = low, high
		}
	}
	for i := range side / 2 {
		low, high := s.YMM(), s.YMM()
		s.VPERM2F128(operand.U8(0x20), fours[i+4], fours[i], low)
		s.VPERM2F128(operand.U8(0x31), fours[i+4], fours[i], high)
		v[i], v[i+4] = low, high
	}
}
