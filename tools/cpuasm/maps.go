package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// eachOffset runs body over the chunks of a row with their distance from its first element, in
// bytes; end is that of the last chunk's end, at least a chunk.
func (s *set) eachOffset(label string, end reg.Register, body func(at func(base reg.Register, i int) operand.Mem)) {
	offset := s.GP64()
	s.XORQ(offset, offset)
	s.Label(label)
	body(func(base reg.Register, i int) operand.Mem {
		return operand.Mem{Base: base, Index: offset, Scale: 1, Disp: 4 * s.width * i}
	})
	s.ADDQ(operand.U32(4*chunk), offset)
	s.CMPQ(offset, end)
	s.JL(operand.LabelRef(label))
}

// rowEnd is the length of a row in bytes.
func (s *set) rowEnd() reg.GPVirtual {
	end := s.word("chunks")
	s.SHLQ(operand.U8(6), end)
	return end
}

// affine is a map's norm on the way to whoever reads it.
func (s *set) affine() {
	s.function("Affine", "y []float32, ldy int, x []float32, ldx int, m, a, b []float32, rows, chunks int",
		"is y = (x - m) a + b with m, a and b of one row, on rows of",
		fmt.Sprintf("chunks times %d elements, one chunk at least; an empty b is y.", chunk))
	y, x := s.operandRow("y", "ldy"), s.operandRow("x", "ldx")
	m, a, b, length := s.slice("m"), s.slice("a"), s.slice("b"), s.GP64()
	s.Load(s.Param("b").Len(), length)
	rows, end := s.word("rows"), s.rowEnd()
	row := func(label string, start reg.Register) {
		s.eachOffset(label, end, func(at func(reg.Register, int) operand.Mem) {
			for i := range s.perChunk() {
				v, sum := s.vector(), s.vector()
				s.VMOVUPS(at(x.pointer, i), v)
				s.VSUBPS(at(m, i), v, v)
				s.VMOVUPS(at(start, i), sum)
				s.VFMADD231PS(at(a, i), v, sum)
				s.VMOVUPS(sum, at(y.pointer, i))
			}
		})
	}
	s.eachRow(rows, []operandRow{y, x}, func() {
		s.TESTQ(length, length)
		s.JZ(operand.LabelRef("further"))
		row("first", b)
		s.JMP(operand.LabelRef("done"))
		s.Label("further")
		row("summed", y.pointer)
		s.Label("done")
	})
	s.end()
}

// bend takes the larger of two lines. VMAXPS gives its last operand where there is a NaN: one in
// the other is put back.
func (s *set) bend() {
	s.function("Bend", "y []float32, ldy int, x []float32, ldx int, lines []float32, ldl int, rows, chunks int",
		"is y = max(x l0 + l1, x l2 + l3) with the four rows of lines, on rows of",
		fmt.Sprintf("chunks times %d elements, one chunk at least. A NaN in either makes a NaN.", chunk))
	y, x := s.operandRow("y", "ldy"), s.operandRow("x", "ldx")
	lines, ldl := [4]reg.GPVirtual{s.slice("lines")}, s.stride("ldl")
	for i := 1; i < len(lines); i++ {
		lines[i] = s.GP64()
		s.LEAQ(operand.Mem{Base: lines[i-1], Index: ldl, Scale: 1}, lines[i])
	}
	rows, end := s.word("rows"), s.rowEnd()
	s.eachRow(rows, []operandRow{y, x}, func() {
		s.eachOffset("chunks", end, func(at func(reg.Register, int) operand.Mem) {
			for i := range s.perChunk() {
				v, p, q := s.vector(), s.vector(), s.vector()
				s.VMOVUPS(at(x.pointer, i), v)
				s.VMOVUPS(at(lines[1], i), p)
				s.VFMADD231PS(at(lines[0], i), v, p)
				s.VMOVUPS(at(lines[3], i), q)
				s.VFMADD231PS(at(lines[2], i), v, q)
				s.VMAXPS(q, p, q)
				s.putNaN(p, q)
				s.VMOVUPS(q, at(y.pointer, i))
			}
		})
	})
	s.end()
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

// moments goes over a block three times at most, which is in a cache.
func (s *set) moments() {
	s.function("Moments", "y []float32, ldy int, x []float32, ldx int, w []float32, rows, chunks int",
		"is, of each column of rows of chunks times "+fmt.Sprint(chunk)+" elements, in four rows of y: the mean as a",
		"float has it, then the sums of distances from that, of their squares, and of their",
		"products with w, a number for each row; without the last where w is empty.")
	y, ldy, x, ldx := s.slice("y"), s.stride("ldy"), s.slice("x"), s.stride("ldx")
	w, weighed, rows, chunks := s.slice("w"), s.GP64(), s.word("rows"), s.word("chunks")
	s.Load(s.Param("w").Len(), weighed)
	low, length := s.XMM(), s.vector()
	s.VPXOR(low, low, low)
	s.VCVTSI2SSQ(rows, low, low)
	s.VBROADCASTSS(low, length)
	store := func(row int, v []reg.VecVirtual) {
		to := s.GP64()
		s.MOVQ(y, to)
		for range row {
			s.ADDQ(ldy, to)
		}
		for i := range v {
			s.VMOVUPS(v[i], s.at(to, i))
		}
	}
	zeros := func() []reg.VecVirtual {
		v := make([]reg.VecVirtual, s.perChunk())
		for i := range v {
			v[i] = s.zero()
		}
		return v
	}
	overRows := func(label string, body func(from reg.Register)) {
		from, count := s.GP64(), s.GP64()
		s.MOVQ(x, from)
		s.MOVQ(rows, count)
		s.loop(label, count, func() {
			body(from)
			s.ADDQ(ldx, from)
		})
	}
	s.loop("chunks", chunks, func() {
		near := zeros()
		overRows("sum", func(from reg.Register) {
			for i, v := range near {
				s.VADDPS(s.at(from, i), v, v)
			}
		})
		for _, v := range near {
			s.VDIVPS(length, v, v)
		}
		store(0, near)
		distance := func(from reg.Register, i int) reg.VecVirtual {
			d := s.vector()
			s.VMOVUPS(s.at(from, i), d)
			s.VSUBPS(near[i], d, d)
			return d
		}
		rest, squares := zeros(), zeros()
		overRows("squares", func(from reg.Register) {
			for i := range near {
				d := distance(from, i)
				s.VADDPS(d, rest[i], rest[i])
				s.VFMADD231PS(d, d, squares[i])
			}
		})
		store(1, rest)
		store(2, squares)
		s.TESTQ(weighed, weighed)
		s.JZ(operand.LabelRef("plain"))
		sums, weight := zeros(), s.GP64()
		s.MOVQ(w, weight)
		overRows("weighed", func(from reg.Register) {
			factor := s.vector()
			s.VBROADCASTSS(operand.Mem{Base: weight}, factor)
			s.ADDQ(operand.U32(4), weight)
			for i := range near {
				s.VFMADD231PS(distance(from, i), factor, sums[i])
			}
		})
		store(3, sums)
		s.Label("plain")
		s.ADDQ(operand.U32(4*chunk), x)
		s.ADDQ(operand.U32(4*chunk), y)
	})
	s.end()
}
