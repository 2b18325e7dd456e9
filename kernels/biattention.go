package kernels

import "github.com/glipvk/glipvk/engine"

// Bytes of the scores of a block of positions: of software drivers so many that they stay in the
// cache from step to step, of graphics cards so many that every step has enough to do.
const (
	biattentionNear = 4 << 20
	biattentionFar  = 64 << 20
	leastPositions  = 16 // blocks are multiples of it, so that parts of values begin where vec4s do
)

// biattentionParts says how a biattention is cut, and where in scratch its parts lie, in bytes.
type biattentionParts struct {
	scores, weigh, read cross // of all positions
	n                   int   // scores of a position
	rows                int   // positions of a block
	swapped, state      int64 // scores begin at 0; these are transposed
	keys, values, own   int64 // panels of all blocks, and what a product needs for itself
	bytes               int64
}

func (l *lowerer) biattentionParts(s step) biattentionParts {
	o := s.op.(biattention)
	p := biattentionParts{scores: l.crossOf(o.scores), weigh: l.crossOf(o.weigh), read: l.crossOf(o.read)}
	p.scores.limit = o.limit
	p.n = p.scores.n
	budget := int64(biattentionFar)
	if l.style.Cores > 0 {
		budget = biattentionNear
	}
	most := max(int(min(budget, l.limit-l.align)/int64(4*p.n))/leastPositions, 1) * leastPositions
	if l.block > 0 {
		most = l.block
	}
	all := p.scores.m
	p.rows = min(ceilDiv(ceilDiv(all, ceilDiv(all, most)), leastPositions)*leastPositions, all)
	scores := l.apart(4 * int64(p.rows) * int64(p.n))
	p.swapped, p.state = scores, 2*scores
	p.keys = p.state + l.apart(12*int64(p.n))
	p.values, p.own, p.bytes = p.keys, p.keys, p.keys
	if l.style.Gemm != uniform {
		return p
	}
	var bytes [3]int64
	last := (all - 1) / p.rows * p.rows
	for _, positions := range []span{{0, p.rows}, {last, all}} {
		scores, weigh, read := l.biattentionBlock(p, 0, positions)
		for i, x := range []cross{scores, weigh, read} {
			bytes[i] = max(bytes[i], l.apart(l.crossBytes(x)))
		}
	}
	p.values = p.keys + bytes[0]
	p.own = p.values + bytes[1]
	p.bytes = p.own + bytes[2]
	return p
}

func (l *lowerer) biattentionScratch(s step) int64 { return l.biattentionParts(s).bytes }

// biattentionBlock is the three products of a picture's block of positions.
func (l *lowerer) biattentionBlock(p biattentionParts, picture int, positions span) (scores, weigh, read cross) {
	rows, scratch, only := positions.units(), scratchOf(l.at), span{picture, picture + 1}
	scores, weigh, read = p.scores, p.weigh, p.read
	scores.only, weigh.only, read.only = only, only, only
	scores.m, scores.beginA, scores.c.id, scores.c.picture = rows, positions.begin*scores.a.row, scratch, 0
	weigh.m, weigh.a.id, weigh.a.picture, weigh.beginC = rows, scratch, 0, positions.begin*weigh.c.row
	read.k, read.a = rows, matrices{scratch, 0, 0, rows}
	read.beginA, read.beginB, read.adds = int(p.swapped/4), positions.begin*read.b.row, positions.begin > 0
	return scores, weigh, read
}

// biattention lowers scores, clamp, both softmaxes and both weighted sums, picture by picture.
func (l *lowerer) biattention(s step) {
	p := l.biattentionParts(s)
	for picture := range p.scores.pictures {
		l.biattentionPicture(s, p, picture)
	}
}

// biattentionPicture lowers those of a picture, block by block.
func (l *lowerer) biattentionPicture(s step, p biattentionParts, picture int) {
	o := s.op.(biattention)
	for begin := 0; begin < p.scores.m; begin += p.rows {
		positions := span{begin, min(begin+p.rows, p.scores.m)}
		scores, weigh, read := l.biattentionBlock(p, picture, positions)
		l.biattentionProduct(o.scores, scores, p.keys, begin == 0)
		if !l.takesUniform(scores) {
			l.clampScratch(o.scores, positions.units()*p.n, o.limit)
		}
		l.swapScratch(o.read, p, positions.units())
		l.softmaxScratch(o.weigh, positions.units()*o.heads, o.tokens)
		l.biattentionProduct(o.weigh, weigh, p.values, begin == 0)
		l.softmaxPart(o.read, p, positions)
		if begin > 0 {
			l.scaleRows(o.read, p, picture, false)
		}
		if l.takesUniform(read) {
			l.crossUniform(o.read, read, p.own)
		} else {
			l.emitCross(o.read, read)
		}
	}
	l.scaleRows(o.read, p, picture, true)
}

// biattentionProduct lowers a product with keys or values, whose panels, if it takes any, are made once.
func (l *lowerer) biattentionProduct(s step, x cross, panels int64, makes bool) {
	if !l.takesUniform(x) {
		l.emitCross(s, x)
		return
	}
	b, p := block{pictures: x.only, heads: span{0, 1}, m: span{0, x.m}, n: span{0, x.n}}, l.crossParts(x)[0]
	b.k = p.k
	if makes {
		l.crossPanels(s, x, b, p, panels)
	}
	l.crossRows(s, x, b, p, panels)
}

// clampScratch clamps the scores of a block in their place.
func (l *lowerer) clampScratch(s step, count int, limit float64) {
	stem, width := vector("unary", count)
	x, y := l.scratchPart(0, 4*int64(count), width, engine.Read), l.scratchPart(0, 4*int64(count), width, engine.Write)
	l.emit(s, stem, dispatch{
		constants: constants(l.style.Group, items, clampMode), groups: l.elementwise(count / width),
		push:     unaryPush{Count: uint32(count / width), Cols: 1, By: float32(limit)},
		operands: []operand{x, l.scratchPart(0, 4, 1, engine.Read), y},
	})
}

// swapScratch transposes the scores of a block.
func (l *lowerer) swapScratch(s step, p biattentionParts, rows int) {
	stem, width := "channelsfirst", 1
	if l.style.Lanes == 1 && (rows|p.n)%4 == 0 {
		stem, width = "swapblocks", 4
	}
	bytes := 4 * int64(rows) * int64(p.n)
	t, c := uint32(rows/width), uint32(p.n/width)
	d := dispatch{
		constants: constants(max(l.style.Group, tileSide), tileSide), groups: [3]int{ceilDiv(rows, tileSide), ceilDiv(p.n, tileSide), 1},
		push:     channelsFirstPush{Tokens: t, AllTokens: t, Channels: c, AllChannels: c},
		operands: []operand{l.scratchPart(0, bytes, width, engine.Read), l.scratchPart(p.swapped, bytes, width, engine.Write)},
	}
	if width == 4 {
		d.constants = constants(l.style.Group, swapBlocks)
		d.groups = l.fold(ceilDiv(rows/4*ceilDiv(p.n/4, swapBlocks), l.style.Group))
	}
	l.emit(s, stem, d)
}

// softmaxScratch is softmax over the tokens of each head and position, in the scores' place.
func (l *lowerer) softmaxScratch(s step, rows, cols int) {
	lanes := l.lanes(cols)
	bytes := 4 * int64(rows) * int64(cols)
	stem, width := vector("softmax", cols)
	x := l.scratchPart(0, bytes, width, engine.Read)
	l.emit(s, stem, dispatch{
		constants: constants(l.style.Group, lanes, false, false, 1), groups: l.fold(ceilDiv(rows*lanes, l.style.Group)),
		push:     softmaxPush{Rows: uint32(rows), Cols: uint32(cols), Heads: 1, Across: 1, Down: 1},
		operands: []operand{x, l.scratchPart(0, bytes, 1, engine.Read), l.scratchPart(0, bytes, width, engine.Write)},
	})
}

// softmaxPartPush mirrors the block of softmaxpart.comp.
type softmaxPartPush struct{ Rows, Cols, First uint32 }

// softmaxPart makes exponentials of the transposed scores of a block, in their place.
func (l *lowerer) softmaxPart(s step, p biattentionParts, positions span) {
	lanes := l.lanes(positions.units())
	stem, width := vector("softmaxpart", positions.units())
	push := softmaxPartPush{Rows: uint32(p.n), Cols: uint32(positions.units())}
	if positions.begin == 0 {
		push.First = 1
	}
	bytes := 4 * int64(positions.units()) * int64(p.n)
	l.emit(s, stem, dispatch{constants: constants(l.style.Group, lanes), push: push, groups: l.fold(ceilDiv(p.n*lanes, l.style.Group)),
		operands: []operand{l.scratchPart(p.swapped, bytes, width, engine.Read), l.scratchPart(p.swapped, bytes, width, engine.Write),
			l.scratchPart(p.state, 12*int64(p.n), 1, engine.ReadWrite)}})
}

// scaleRowsPush mirrors the block of scalerows.comp, count and cols in vectors.
type scaleRowsPush struct{ Count, Cols, Begin uint32 }

// scaleRows rescales the sums of a picture's tokens to a new largest score, or in the end divides them by the sum
// of all exponentials.
func (l *lowerer) scaleRows(s step, p biattentionParts, picture int, last bool) {
	shape := l.shape(s.out)
	all := shape[1:].Elements()
	stem, width := vector("scalerows", shape.Last())
	count := all / width
	push := scaleRowsPush{Count: uint32(count), Cols: uint32(shape.Last() / width), Begin: uint32(2 * p.n)}
	if last {
		push.Begin = uint32(p.n)
	}
	l.emit(s, stem, dispatch{constants: constants(l.style.Group, items, last), push: push, groups: l.elementwise(count),
		operands: []operand{l.read(s.out, width, picture*all, all), l.scratchPart(p.state, 12*int64(p.n), 1, engine.Read),
			l.write(s.out, width, picture*all, all)}})
}
