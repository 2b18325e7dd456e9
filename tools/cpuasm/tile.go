package main

import (
	"fmt"
	"math/bits"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// unroll is how many steps along K a turn of the product's loop takes.
const unroll = 4

// few is the number of rows from which on a rest is a tile of its own.
const few = 4

// product is that of any number of rows with one panel of packed weights:
//
//	c[i, j] = start[i, j] + sum over k of a[i, k] * b[k, j]
//
// It goes down the rows tile by tile. Every sum of a tile has a register lane for the whole loop
// along K, so that a step costs two loads of weights and one float of each row. Rows are read where
// they lie. Few rows wait for each other: a rest of one to three is shared with the last whole tile.
func (s *set) product() {
	s.products(false, "Product", fmt.Sprintf("is c = start + a b for any number of rows of a and %d columns: b is [k, %d], packed;", s.columns*s.width, s.columns*s.width),
		"lda, lds and ldc are the distances of rows in elements, lds 0 for one row of start for all.")
}

// turned is product of a left factor that lies in memory column by column.
func (s *set) turned() {
	s.products(true, "Turned", fmt.Sprintf("is %sProduct of a that is [k, rows], lda being the distance of its columns.", s.prefix))
}

func (s *set) products(turned bool, name string, doc ...string) {
	s.function(name, "a []float32, lda int, b []float32, k int, start []float32, lds int, c []float32, ldc int, rows int", doc...)
	p := panel{
		turned: turned, a: s.slice("a"), lda: s.stride("lda"), by3: s.GP64(), start: s.slice("start"), c: s.slice("c"), rows: s.word("rows"),
	}
	s.LEAQ(operand.Mem{Base: p.lda, Index: p.lda, Scale: 2}, p.by3)
	s.Label("tiles")
	s.CMPQ(p.rows, operand.U8(s.rows))
	s.JL(operand.LabelRef("rest"))
	s.JE(operand.LabelRef("whole"))
	s.CMPQ(p.rows, operand.U8(s.rows+few))
	s.JL(operand.LabelRef(fmt.Sprintf("rows%d", s.rows/2)))
	s.Label("whole")
	s.tile(p, s.rows)
	s.JMP(operand.LabelRef("tiles"))
	s.Label("rest")
	for rows := s.rows - 1; rows >= 1; rows-- {
		s.CMPQ(p.rows, operand.U8(rows))
		s.JE(operand.LabelRef(fmt.Sprintf("rows%d", rows)))
	}
	s.JMP(operand.LabelRef("end"))
	for rows := s.rows - 1; rows >= 1; rows-- {
		s.Label(fmt.Sprintf("rows%d", rows))
		s.tile(p, rows)
		s.JMP(operand.LabelRef("tiles"))
	}
	s.Label("end")
	s.end()
}

// panel is what a product has in registers between tiles.
type panel struct {
	turned                      bool
	a, lda, by3, start, c, rows reg.GPVirtual
}

// tile is the product of a few rows. It leaves the pointers at the next.
func (s *set) tile(p panel, rows int) {
	sum := func(row, column int) reg.Register { return s.physical(row*s.columns + column) }
	weights := func(column int) reg.Register { return s.physical(s.rows*s.columns + column) }
	left := func(row int) reg.Register { return s.physical(s.rows*s.columns + s.columns + row%2) }

	lds := s.stride("lds")
	for row := range rows {
		for column := range s.columns {
			s.VMOVUPS(s.at(p.start, column), sum(row, column))
		}
		s.ADDQ(lds, p.start)
	}

	b, factor := s.slice("b"), s.leftRows(p, rows)
	ahead := s.word("k") // the weights behind these, which are the next that are wanted
	s.SHLQ(operand.U8(uint8(bits.Len(uint(4*s.width*s.columns))-1)), ahead)
	s.ADDQ(b, ahead)
	steps := func(count int) {
		for step := range count {
			for column := range s.columns {
				s.VMOVUPS(s.at(b, step*s.columns+column), weights(column))
			}
			for line := 0; line < s.width*s.columns; line += 16 {
				s.PREFETCHT1(operand.Mem{Base: ahead, Disp: 4 * (step*s.width*s.columns + line)})
			}
			for row := range rows {
				s.VBROADCASTSS(factor.element(row, step), left(row))
				for column := range s.columns {
					s.VFMADD231PS(weights(column), left(row), sum(row, column))
				}
			}
		}
		s.ADDQ(operand.U32(4*s.width*s.columns*count), b)
		s.ADDQ(operand.U32(4*s.width*s.columns*count), ahead)
		for _, at := range factor.pointers {
			switch {
			case !p.turned:
				s.ADDQ(operand.U32(4*count), at)
			case count == unroll:
				s.LEAQ(operand.Mem{Base: at, Index: p.lda, Scale: unroll}, at)
			default:
				s.ADDQ(p.lda, at)
			}
		}
	}
	turns := s.word("k")
	s.SHRQ(operand.U8(2), turns)
	s.loop(fmt.Sprintf("turns%d", rows), turns, func() { steps(unroll) })
	singles := s.word("k")
	s.ANDQ(operand.U8(unroll-1), singles)
	s.loop(fmt.Sprintf("singles%d", rows), singles, func() { steps(1) })

	ldc := s.stride("ldc")
	for row := range rows {
		for column := range s.columns {
			s.VMOVUPS(sum(row, column), s.at(p.c, column))
		}
		s.ADDQ(ldc, p.c)
	}
	if p.turned {
		s.ADDQ(operand.U8(4*rows), p.a)
	} else {
		offset := s.GP64()
		s.IMUL3Q(operand.U8(rows), p.lda, offset)
		s.ADDQ(offset, p.a)
	}
	s.SUBQ(operand.U8(rows), p.rows)
}

// leftRows finds the rows of a left factor: row r is at pointer r/4 plus r%4 strides, of one that is turned all at one.
type leftRows struct {
	panel
	pointers []reg.GPVirtual
}

func (s *set) leftRows(p panel, rows int) leftRows {
	l := leftRows{panel: p}
	for row := 0; row < rows; row += 4 {
		next := s.GP64()
		if row == 0 {
			s.MOVQ(p.a, next)
		} else {
			s.LEAQ(operand.Mem{Base: l.pointers[len(l.pointers)-1], Index: p.lda, Scale: 4}, next)
		}
		if l.pointers = append(l.pointers, next); p.turned {
			break
		}
	}
	return l
}

// element is the float of a row so many steps along K from where its pointer is.
func (l leftRows) element(row, step int) operand.Mem {
	if l.turned {
		return below(operand.Mem{Base: l.pointers[0], Disp: 4 * row}, step, l.lda, l.by3)
	}
	return below(operand.Mem{Base: l.pointers[row/4], Disp: 4 * step}, row%4, l.lda, l.by3)
}
