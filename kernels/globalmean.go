package kernels

import (
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// columnSumPush mirrors the block of columnsum.comp; all but rows and block0 in vectors.
type columnSumPush struct {
	Rows, Cols     uint32
	XStart, YStart uint32
	Block0         uint32
	Factor         float32
}

// sumBlock is how many rows go into one sum.
const sumBlock = 64

// globalMeanParts is what the sums of blocks of one picture take, and the sums of blocks of these.
func globalMeanParts(in graph.Shape) (first, second int64) {
	n := ceilDiv(in[1]*in[2], sumBlock)
	return 4 * int64(n*in[3]), 4 * int64(ceilDiv(n, sumBlock)*in[3])
}

func (l *lowerer) globalMeanScratch(s step) int64 {
	first, second := globalMeanParts(l.shape(s.in[0]))
	return l.apart(first) + l.apart(second)
}

// globalMean lowers GlobalMean: the rows of a picture are summed in blocks, those sums in
// blocks again, until one is left.
func (l *lowerer) globalMean(s step) {
	in := l.shape(s.in[0])
	stem, width := vector("columnsum", in[3])
	spans := l.pictureSpans(in, sumBlock)
	first, second := globalMeanParts(in)
	turns := [2]operand{l.scratchPart(0, first, width, engine.Write), l.scratchPart(l.apart(first), second, width, engine.Write)}
	for b := range in[0] {
		rows, turn := in[1]*in[2], 0
		for ; ; turn++ {
			push := columnSumPush{Cols: uint32(in[3] / width), Factor: 1}
			y := turns[turn%2]
			if rows <= sumBlock {
				y, push.YStart = l.part(s.out, width, span{b * in[3], (b + 1) * in[3]}, engine.Write)
				push.Factor = 1 / float32(in[1]*in[2])
			}
			if turn == 0 {
				for _, r := range spans {
					var x operand
					x, push.XStart = l.part(s.in[0], width, rowsOf(in, b, r), engine.Read)
					push.Block0 = uint32(r.begin / sumBlock)
					l.columnSum(s, stem, r.units(), push, x, y)
				}
			} else {
				x := turns[1-turn%2]
				x.access = engine.Read
				l.columnSum(s, stem, rows, push, x, y)
			}
			if rows = ceilDiv(rows, sumBlock); rows == 1 {
				break
			}
		}
	}
}

func (l *lowerer) columnSum(s step, stem string, rows int, push columnSumPush, x, y operand) {
	push.Rows = uint32(rows)
	l.emit(s, stem, dispatch{constants: constants(l.style.Group, sumBlock), groups: l.columnBlocks(rows, int(push.Cols), sumBlock), push: push, operands: []operand{x, y}})
}
