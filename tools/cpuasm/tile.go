package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// unroll is how many steps along K a turn of the product's loop takes.
const unroll = 4

// tile is the product of a few rows with one panel of packed weights:
//
//	c[i, j] = start[i, j] + sum over k of a[i, k] * b[k, j]
//
// Every sum has a register lane for the whole loop, so that a step along K costs two
// loads of weights and one float of each row. Rows are read where they lie.
func (s *set) tile(rows int) {
	s.function(fmt.Sprintf("Tile%d", rows),
		"a []float32, lda int, b []float32, k int, start []float32, lds int, c []float32, ldc int",
		fmt.Sprintf("is c = start + a b for %d rows of a and %d columns: b is [k, %d], packed;", rows, s.columns*s.width, s.columns*s.width),
		"lda, lds and ldc are the distances of rows in elements, lds 0 for one row of start for all.")
	sum := func(row, column int) reg.Register { return s.physical(row*s.columns + column) }
	weights := func(column int) reg.Register { return s.physical(s.rows*s.columns + column) }
	left := func(row int) reg.Register { return s.physical(s.rows*s.columns + s.columns + row%2) }

	start, lds := s.slice("start"), s.stride("lds")
	for row := range rows {
		for column := range s.columns {
			s.VMOVUPS(s.at(start, column), sum(row, column))
		}
		if row+1 < rows {
			s.ADDQ(lds, start)
		}
	}

	b, factor := s.slice("b"), s.leftRows(rows)
	steps := func(count int) {
		for step := range count {
			for column := range s.columns {
				s.VMOVUPS(s.at(b, step*s.columns+column), weights(column))
			}
			for row := range rows {
				s.VBROADCASTSS(factor.element(row, step), left(row))
				for column := range s.columns {
					s.VFMADD231PS(weights(column), left(row), sum(row, column))
				}
			}
		}
		s.ADDQ(operand.U32(4*s.width*s.columns*count), b)
		for _, p := range factor.pointers {
			s.ADDQ(operand.U32(4*count), p)
		}
	}
	k, turns := s.word("k"), s.GP64()
	s.MOVQ(k, turns)
	s.SHRQ(operand.U8(2), turns)
	s.loop("turns", turns, func() { steps(unroll) })
	s.ANDQ(operand.U8(unroll-1), k)
	s.loop("rest", k, func() { steps(1) })

	c, ldc := s.slice("c"), s.stride("ldc")
	for row := range rows {
		for column := range s.columns {
			s.VMOVUPS(sum(row, column), s.at(c, column))
		}
		if row+1 < rows {
			s.ADDQ(ldc, c)
		}
	}
	s.end()
}

// leftRows finds the rows of a left factor: row r is at pointer r/4 plus r%4 strides.
type leftRows struct {
	pointers    []reg.GPVirtual
	stride, by3 reg.GPVirtual
}

func (s *set) leftRows(rows int) leftRows {
	l := leftRows{stride: s.stride("lda"), pointers: []reg.GPVirtual{s.slice("a")}}
	if rows > 3 {
		l.by3 = s.GP64()
		s.LEAQ(operand.Mem{Base: l.stride, Index: l.stride, Scale: 2}, l.by3)
	}
	for row := 4; row < rows; row += 4 {
		p := s.GP64()
		s.LEAQ(operand.Mem{Base: l.pointers[len(l.pointers)-1], Index: l.stride, Scale: 4}, p)
		l.pointers = append(l.pointers, p)
	}
	return l
}

// element is the float of a row so many steps along K from where its pointer is.
func (l leftRows) element(row, step int) operand.Mem {
	m := operand.Mem{Base: l.pointers[row/4], Disp: 4 * step}
	switch row % 4 {
	case 1:
		m.Index, m.Scale = l.stride, 1
	case 2:
		m.Index, m.Scale = l.stride, 2
	case 3:
		m.Index, m.Scale = l.by3, 1
	}
	return m
}
