package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// eachColumn ends a kernel that computes each chunk of columns by itself: every lane is a column of its own,
// and there are no sums across a register. The operands are moved to the next chunk.
func (s *set) eachColumn(body func(), of ...operandRow) {
	chunks := s.chunks()
	s.loop("chunks", chunks, func() {
		body()
		for _, o := range of {
			s.ADDQ(operand.U32(4*chunk), o.pointer)
		}
	})
	s.end()
}

// overRows runs body down an operand's rows.
func (s *set) overRows(label string, o operandRow, rows reg.Register, body func(p reg.Register)) {
	p, count := s.GP64(), s.GP64()
	s.MOVQ(o.pointer, p)
	s.MOVQ(rows, count)
	s.loop(label, count, func() {
		body(p)
		s.ADDQ(o.stride, p)
	})
}

func (s *set) softmaxColumns() {
	s.function("SoftmaxColumns", "y []float32, ldy int, rows, n int",
		"is y = exp(y - max y) / sum, column by column, of rows, one at least, of n floats, whole chunks.",
		"A NaN makes its column NaN.")
	y, rows := s.operandRow("y", "ldy"), s.word("rows")
	s.eachColumn(func() {
		largest, sums := s.lowest(s.perChunk()), s.zeros(s.perChunk())
		s.overRows("largest", y, rows, func(p reg.Register) {
			for i, v := range largest {
				s.VMAXPS(s.at(p, i), v, v)
			}
		})
		s.overRows("exp", y, rows, func(p reg.Register) {
			s.expAndSum(largest, sums, func(i int) operand.Mem { return s.at(p, i) })
		})
		s.invert(sums)
		s.overRows("scale", y, rows, func(p reg.Register) {
			s.times(sums, func(i int) operand.Mem { return s.at(p, i) })
		})
	}, y)
}

// moments goes over a block three times at most, which is in a cache.
func (s *set) moments() {
	s.function("Moments", "y []float32, ldy int, x []float32, ldx int, w []float32, rows, n int",
		"is, of each column of rows of n floats, whole chunks, in four rows of y: the mean as a float has it,",
		"then the sums of distances from that, of their squares, and of their products with w, a number",
		"for each row; without the last where w is empty.")
	y, x, rows := s.operandRow("y", "ldy"), s.operandRow("x", "ldx"), s.word("rows")
	w, weighed := s.slice("w"), s.GP64()
	s.Load(s.Param("w").Len(), weighed)
	low, length := s.XMM(), s.vector()
	s.VPXOR(low, low, low)
	s.VCVTSI2SSQ(rows, low, low)
	s.VBROADCASTSS(low, length)
	store := func(row int, v []reg.VecVirtual) {
		to := s.GP64()
		s.MOVQ(y.pointer, to)
		for range row {
			s.ADDQ(y.stride, to)
		}
		for i := range v {
			s.VMOVUPS(v[i], s.at(to, i))
		}
	}
	s.eachColumn(func() {
		near := s.zeros(s.perChunk())
		s.overRows("sum", x, rows, func(from reg.Register) {
			for i, v := range near {
				s.VADDPS(s.at(from, i), v, v)
			}
		})
		for _, v := range near {
			s.VDIVPS(length, v, v)
		}
		store(0, near)
		distance := func(from reg.Register, i int) reg.VecVirtual {
			d := s.load(s.at(from, i))
			s.VSUBPS(near[i], d, d)
			return d
		}
		rest, squares := s.zeros(len(near)), s.zeros(len(near))
		s.overRows("squares", x, rows, func(from reg.Register) {
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
		sums, weight := s.zeros(len(near)), s.GP64()
		s.MOVQ(w, weight)
		s.overRows("weighed", x, rows, func(from reg.Register) {
			factor := s.vector()
			s.VBROADCASTSS(operand.Mem{Base: weight}, factor)
			s.ADDQ(operand.U32(4), weight)
			for i := range near {
				s.VFMADD231PS(distance(from, i), factor, sums[i])
			}
		})
		store(3, sums)
		s.Label("plain")
	}, y, x)
}
