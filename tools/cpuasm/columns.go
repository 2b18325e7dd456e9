package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// softmaxColumns needs no sum across a register: every lane is a column of its own.
func (s *set) softmaxColumns() {
	s.function("SoftmaxColumns", "y []float32, ldy int, rows, chunks int",
		fmt.Sprintf("is y = exp(y - max y) / sum, column by column, of rows, one at least, of chunks times %d elements.", chunk),
		"A NaN makes its column NaN.")
	y, ldy, rows, chunks := s.slice("y"), s.stride("ldy"), s.word("rows"), s.word("chunks")
	overRows := func(label string, body func(p reg.Register)) {
		p, count := s.GP64(), s.GP64()
		s.MOVQ(y, p)
		s.MOVQ(rows, count)
		s.loop(label, count, func() {
			body(p)
			s.ADDQ(ldy, p)
		})
	}
	s.loop("chunks", chunks, func() {
		largest, sums := s.vectors(s.perChunk()), make([]reg.VecVirtual, s.perChunk())
		for i, v := range largest {
			s.VMOVUPS(s.bits("minus_infinity", 0xff800000), v)
			sums[i] = s.zero()
		}
		overRows("largest", func(p reg.Register) {
			for i, v := range largest {
				s.VMAXPS(s.at(p, i), v, v)
			}
		})
		overRows("exp", func(p reg.Register) {
			vs := s.vectors(len(largest))
			for i, v := range vs {
				s.VMOVUPS(s.at(p, i), v)
				s.VSUBPS(largest[i], v, v)
			}
			s.exp(vs...)
			for i, v := range vs {
				s.VADDPS(v, sums[i], sums[i])
				s.VMOVUPS(v, s.at(p, i))
			}
		})
		one := s.vector()
		s.VMOVUPS(s.float("unit", 1), one)
		for _, sum := range sums {
			s.VDIVPS(sum, one, sum)
		}
		overRows("scale", func(p reg.Register) {
			for i, factor := range sums {
				v := s.vector()
				s.VMULPS(s.at(p, i), factor, v)
				s.VMOVUPS(v, s.at(p, i))
			}
		})
		s.ADDQ(operand.U32(4*chunk), y)
	})
	s.end()
}

// clamp keeps a NaN: of it and a number VMINPS and VMAXPS give their first operand here.
func (s *set) clamp() {
	s.function("Clamp", "y []float32, ldy int, limit float32, rows, chunks int",
		fmt.Sprintf("is y = min(max(y, -limit), limit) on rows of chunks times %d elements.", chunk))
	y := s.operandRow("y", "ldy")
	rows, chunks := s.word("rows"), s.word("chunks")
	low, high, bottom := s.XMM(), s.vector(), s.zero()
	s.Load(s.Param("limit"), low)
	s.VBROADCASTSS(low, high)
	s.VSUBPS(high, bottom, bottom)
	s.eachRow(rows, []operandRow{y}, func() {
		s.eachChunk("chunks", chunks, []operandRow{y}, func(p []reg.GPVirtual) {
			for i := range s.perChunk() {
				v := s.vector()
				s.VMAXPS(s.at(p[0], i), bottom, v)
				s.VMINPS(v, high, v)
				s.VMOVUPS(v, s.at(p[0], i))
			}
		})
	})
	s.end()
}
