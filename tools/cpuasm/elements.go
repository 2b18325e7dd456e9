package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// offsetOf is an address in a row: of a register of the chunk that is computed, given the row's first element.
type offsetOf func(row reg.Register) operand.Mem

// eachOffset runs body for every register of a row, one chunk at least; end is the row's length in bytes.
func (s *set) eachOffset(label string, end reg.Register, body func(at offsetOf)) {
	offset := s.GP64()
	s.XORQ(offset, offset)
	s.Label(label)
	for i := range s.perChunk() {
		body(func(row reg.Register) operand.Mem {
			return operand.Mem{Base: row, Index: offset, Scale: 1, Disp: 4 * s.width * i}
		})
	}
	s.ADDQ(operand.U32(4*chunk), offset)
	s.CMPQ(offset, end)
	s.JL(operand.LabelRef(label))
}

// elements ends a kernel that computes each register of some rows by itself. The operands are those that
// have rows of their own.
func (s *set) elements(of []operandRow, body func(at offsetOf)) {
	rows, end := s.word("rows"), s.stride("n")
	s.eachRow(rows, of, func() { s.eachOffset("chunks", end, body) })
	s.end()
}

func (s *set) add() {
	s.function("Add", "y []float32, ldy int, a []float32, lda int, b []float32, ldb int, rows, n int",
		"is y = a + b on rows of n floats, whole chunks, each operand's rows being as far apart as its ld says.")
	y, a, b := s.operandRow("y", "ldy"), s.operandRow("a", "lda"), s.operandRow("b", "ldb")
	s.elements([]operandRow{y, a, b}, func(at offsetOf) {
		v := s.load(at(a.pointer))
		s.VADDPS(at(b.pointer), v, v)
		s.VMOVUPS(v, at(y.pointer))
	})
}

// clamp keeps a NaN: of it and a number VMINPS and VMAXPS give their first operand here.
func (s *set) clamp() {
	s.function("Clamp", "y []float32, ldy int, limit float32, rows, n int",
		"is y = min(max(y, -limit), limit) on rows of n floats, whole chunks.")
	y, high, low := s.operandRow("y", "ldy"), s.scalar(s.Param("limit")), s.zero()
	s.VSUBPS(high, low, low)
	s.elements([]operandRow{y}, func(at offsetOf) {
		v := s.vector()
		s.VMAXPS(at(y.pointer), low, v)
		s.VMINPS(v, high, v)
		s.VMOVUPS(v, at(y.pointer))
	})
}

// blend keeps the weights in registers; what it waits for is memory.
func (s *set) blend() {
	s.function("Blend", "y, a, b, c, d []float32, w [4]float32, factor float32, n int",
		"is y = factor (w[0] a + w[1] b + w[2] c + w[3] d) on one row of n floats, whole chunks.")
	y, end, factor := s.slice("y"), s.stride("n"), s.scalar(s.Param("factor"))
	var rows [4]reg.GPVirtual
	var weights [4]reg.VecVirtual
	for i, name := range []string{"a", "b", "c", "d"} {
		rows[i], weights[i] = s.slice(name), s.scalar(s.Param("w").Index(i))
	}
	s.eachOffset("chunks", end, func(at offsetOf) {
		v := s.vector()
		s.VMULPS(at(rows[0]), weights[0], v)
		for i := 1; i < len(rows); i++ {
			s.VFMADD231PS(at(rows[i]), weights[i], v)
		}
		s.VMULPS(factor, v, v)
		s.VMOVUPS(v, at(y))
	})
	s.end()
}

// affine is a map's norm on the way to whoever reads it.
func (s *set) affine() {
	s.function("Affine", "y []float32, ldy int, x []float32, ldx int, m, a, b []float32, rows, n int",
		"is y = (x - m) a + b with m, a and b of one row, on rows of n floats, whole chunks; an empty b is y.")
	y, x := s.operandRow("y", "ldy"), s.operandRow("x", "ldx")
	m, a, b, length := s.slice("m"), s.slice("a"), s.operandRow("b", ""), s.GP64()
	s.Load(s.Param("b").Len(), length)
	s.TESTQ(length, length)
	s.JNZ(operand.LabelRef("given"))
	s.MOVQ(y.pointer, b.pointer)
	s.MOVQ(y.stride, b.stride)
	s.Label("given")
	s.elements([]operandRow{y, x, b}, func(at offsetOf) {
		v, sum := s.load(at(x.pointer)), s.load(at(b.pointer))
		s.VSUBPS(at(m), v, v)
		s.VFMADD231PS(at(a), v, sum)
		s.VMOVUPS(sum, at(y.pointer))
	})
}

// bend takes the larger of two lines. VMAXPS gives its last operand where there is a NaN: one in
// the other is put back.
func (s *set) bend() {
	s.function("Bend", "y []float32, ldy int, x []float32, ldx int, lines []float32, rows, n int",
		"is y = max(x l0 + l1, x l2 + l3) with the four rows of lines, n apart, on rows of n floats, whole",
		"chunks. A NaN in either makes a NaN.")
	y, x := s.operandRow("y", "ldy"), s.operandRow("x", "ldx")
	lines, apart := [4]reg.GPVirtual{s.slice("lines")}, s.stride("n")
	for i := 1; i < len(lines); i++ {
		lines[i] = s.GP64()
		s.LEAQ(operand.Mem{Base: lines[i-1], Index: apart, Scale: 1}, lines[i])
	}
	s.elements([]operandRow{y, x}, func(at offsetOf) {
		v, p, q := s.load(at(x.pointer)), s.load(at(lines[1])), s.load(at(lines[3]))
		s.VFMADD231PS(at(lines[0]), v, p)
		s.VFMADD231PS(at(lines[2]), v, q)
		s.VMAXPS(q, p, q)
		s.putNaN(p, q)
		s.VMOVUPS(q, at(y.pointer))
	})
}

// putNaN makes y a NaN where x is one.
func (s *set) putNaN(x, y reg.VecVirtual) {
	const unordered = 3
	if s.width == 16 {
		k := s.K()
		s.VCMPPS(operand.U8(unordered), x, x, k)
		s.VMOVAPS(x, k, y)
		return
	}
	none := s.vector()
	s.VCMPPS(operand.U8(unordered), x, x, none)
	s.VORPS(none, y, y)
}
