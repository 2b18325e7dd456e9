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
	if l.shape(s.out).Elements() == 1 {
		return l.totalScratch(l.totalSpans(s.in[0]))
	}
	_, _, _, _, blocks := l.sumSpans(s)
	return l.sumScratch(blocks, l.shape(s.out).Elements())
}

// sumTiles lowers SumTiles.
func (l *lowerer) sumTiles(s step) {
	cols := l.shape(s.out).Elements()
	if cols == 1 {
		l.totalOf(s, false)
		return
	}
	a, b, list, each, blocks := l.sumSpans(s)
	at, rows := parts{blocks: blocks}, b[0] == 1 && a[1] == b[1] && a[2] == b[2] && a[3] == b[3]
	for _, r := range list {
		a[0] = r.units() * b[0]
		x := l.read(s.in[0], 1, r.begin*each, r.units()*each)
		if rows {
			l.rowSums(s, x, at, cols)
		} else {
			l.sumPart(s, [2][4]int{a, b}, x, at)
		}
		at.first += sumBlocks(r, each, b)
	}
	if blocks > 1 || blocks == 1 && !rows { // with none it does not fit, as spans said
		l.addUp(s, 0, blocks, cols, s.out, 0)
	}
}

// rowSums makes the parts of a range x of rows of so many columns, or the result where there is but one part.
func (l *lowerer) rowSums(s step, x operand, to parts, cols int) {
	stem, width := vector("columnsum", cols)
	x.width = width
	push, y := columnSumPush{Cols: uint32(cols / width), Block0: uint32(to.first), Factor: 1}, l.write(s.out, width, 0, cols)
	if to.blocks > 1 {
		y = l.scratchPart(to.at, 4*int64(to.blocks*cols), width, engine.Write)
	}
	l.columnSum(s, stem, int(x.bytes/4)/cols, push, x, y)
}

// sumPart makes the parts of a range x of what is summed; sizes are those of the range and of the sums.
func (l *lowerer) sumPart(s step, sizes [2][4]int, x operand, to parts) {
	a, b := sizes[0], sizes[1]
	cols := b[0] * b[1] * b[2] * b[3]
	terms := a[0] * a[1] * a[2] * a[3] / cols
	blocks := ceilDiv(terms, sumBlock)
	l.emit(s, "sumtiles", dispatch{constants: constants(l.style.Group), groups: l.fold(ceilDiv(blocks*cols, l.style.Group)),
		push: sumTilesPush{uint32(terms), uint32(blocks), uint32(to.first), uint32(a[1]), uint32(a[2]), uint32(a[3]),
			uint32(b[0]), uint32(b[1]), uint32(b[2]), uint32(b[3])},
		operands: []operand{x, l.scratchPart(to.at, 4*int64(to.blocks*cols), 1, engine.Write)}})
}

// totalPush mirrors the block of total.comp.
type totalPush struct{ Count, Terms, YStart uint32 }

// totalTerms is how many parts a sum of so many elements is made in.
func totalTerms(n int) int {
	_, width := vector("", n)
	return ceilDiv(n/width, sumBlock)
}

// totalSpans cuts a value whose elements are added up.
func (l *lowerer) totalSpans(id graph.ID) []span {
	return l.spans(l.shape(id).Elements(), 0, 4)
}

// totalScratch is the memory for the sum of all elements of ranges: their parts, and parts of those.
func (l *lowerer) totalScratch(list []span) int64 {
	n := 0
	for _, r := range list {
		n += totalTerms(r.units())
	}
	return l.apart(4*int64(n)) + l.apart(4*int64(totalTerms(n)))
}

// sumSquares lowers SumSquares.
func (l *lowerer) sumSquares(s step) { l.totalOf(s, true) }

func (l *lowerer) sumSquaresScratch(s step) int64 { return l.totalScratch(l.totalSpans(s.in[0])) }

// totalOf makes the sum of all elements of a step's operand, or of their squares.
func (l *lowerer) totalOf(s step, squares bool) {
	var list []operand
	for _, r := range l.totalSpans(s.in[0]) {
		list = append(list, l.read(s.in[0], 1, r.begin, r.units()))
	}
	l.total(s, squares, list, 0, s.out, 0)
}

// total makes an element of a value, which may be the scratch itself, of all elements of some operands: their parts, which go to
// some bytes of the scratch, the parts of these behind them, and so on in turns, until one is left.
func (l *lowerer) total(s step, squares bool, list []operand, at int64, to graph.ID, begin int) {
	other := int64(-1)
	for len(list) > 0 {
		n := 0
		for _, x := range list {
			n += totalTerms(int(x.bytes / 4))
		}
		y, start := l.scratchPart(at, 4*int64(n), 1, engine.Write), uint32(0)
		if n == 1 {
			y, start = l.part(to, 1, span{begin, begin + 1}, engine.Write)
		}
		for _, x := range list {
			terms := totalTerms(int(x.bytes / 4))
			stem, width := vector("total", int(x.bytes/4))
			x.width = width
			l.emit(s, stem, dispatch{constants: constants(l.style.Group, squares), groups: l.fold(ceilDiv(terms, l.style.Group)),
				push: totalPush{uint32(x.bytes/4) / uint32(width), uint32(terms), start}, operands: []operand{x, y}})
			start += uint32(terms)
		}
		if n == 1 {
			return
		}
		if other < 0 {
			other = at + l.apart(4*int64(n))
		}
		y.access = engine.Read
		list, squares, at, other = []operand{y}, false, other, at
	}
}
