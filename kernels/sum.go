package kernels

import (
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// Sums that become small values are made in parts of sumBlock terms, in the step's scratch, which are added up in
// blocks of as many: where they are cut depends on shapes alone, and so every run gives the same bits.

// sumTilesPush mirrors the block of sumtiles.comp.
type sumTilesPush struct {
	Terms, Blocks, Block0 uint32
	A1, A2, A3            uint32
	B0, B1, B2, B3        uint32
}

// parts of sums are at some bytes of a step's scratch: so many, from one on.
type parts struct {
	at            int64
	blocks, first int
}

// sumScratch is what rows of parts take, with room to add them up.
func (l *lowerer) sumScratch(rows, cols int) int64 {
	return l.apart(4*int64(rows*cols)) + l.apart(4*int64(ceilDiv(rows, sumBlock)*cols))
}

// addUp makes cols elements of a value, from one on, of rows of parts at some bytes of the scratch. The value may be
// the scratch itself.
func (l *lowerer) addUp(s step, at int64, rows, cols int, to graph.ID, begin int) {
	stem, width := vector("columnsum", cols)
	first, second := 4*int64(rows*cols), 4*int64(ceilDiv(rows, sumBlock)*cols)
	x, y := l.scratchPart(at, first, width, engine.Read), l.scratchPart(at+l.apart(first), second, width, engine.Write)
	push := columnSumPush{Cols: uint32(cols / width), Factor: 1}
	for rows > sumBlock {
		l.columnSum(s, stem, rows, push, x, y)
		rows = ceilDiv(rows, sumBlock)
		x, y = y, x
		x.access, y.access = engine.Read, engine.Write
	}
	y, push.YStart = l.part(to, width, span{begin, begin + cols}, engine.Write)
	l.columnSum(s, stem, rows, push, x, y)
}

// sumSpans gives the sizes of what is summed and of the sums, cuts the one in whole periods of the other, and says how
// many elements a period has and how many parts there are in all.
func (l *lowerer) sumSpans(s step) (a, b [4]int, list []span, each, blocks int) {
	a, b, err := four(l.shape(s.in[0]), l.shape(s.out))
	if err != nil {
		l.fail("%w", err)
		return a, b, nil, 0, 0
	}
	each = a[1] * a[2] * a[3] * b[0]
	list = l.spans(a[0]/b[0], 0, 4*int64(each))
	for _, r := range list {
		blocks += sumBlocks(r, each, b)
	}
	return a, b, list, each, blocks
}

func sumBlocks(r span, each int, b [4]int) int {
	return ceilDiv(r.units()*each/(b[0]*b[1]*b[2]*b[3]), sumBlock)
}

func (l *lowerer) sumTilesScratch(s step) int64 {
	_, _, _, _, blocks := l.sumSpans(s)
	return l.sumScratch(blocks, l.shape(s.out).Elements())
}

// sumTiles lowers SumTiles.
func (l *lowerer) sumTiles(s step) { l.sums(s, false) }

// sumSquares lowers SumSquares.
func (l *lowerer) sumSquares(s step) { l.sums(s, true) }

func (l *lowerer) sums(s step, squares bool) {
	a, b, list, each, blocks := l.sumSpans(s)
	at := parts{blocks: blocks}
	for _, r := range list {
		a[0] = r.units() * b[0]
		l.sumPart(s, squares, [2][4]int{a, b}, l.read(s.in[0], 1, r.begin*each, r.units()*each), at)
		at.first += sumBlocks(r, each, b)
	}
	if blocks > 0 { // else it does not fit, as spans said
		l.addUp(s, 0, blocks, l.shape(s.out).Elements(), s.out, 0)
	}
}

// sumPart makes the parts of a range x of what is summed; sizes are those of the range and of the sums.
func (l *lowerer) sumPart(s step, squares bool, sizes [2][4]int, x operand, to parts) {
	a, b := sizes[0], sizes[1]
	cols := b[0] * b[1] * b[2] * b[3]
	terms := a[0] * a[1] * a[2] * a[3] / cols
	blocks := ceilDiv(terms, sumBlock)
	l.emit(s, "sumtiles", dispatch{constants: constants(l.style.Group, squares), groups: l.fold(ceilDiv(blocks*cols, l.style.Group)),
		push: sumTilesPush{uint32(terms), uint32(blocks), uint32(to.first), uint32(a[1]), uint32(a[2]), uint32(a[3]),
			uint32(b[0]), uint32(b[1]), uint32(b[2]), uint32(b[3])},
		operands: []operand{x, l.scratchPart(to.at, 4*int64(to.blocks*cols), 1, engine.Write)}})
}
