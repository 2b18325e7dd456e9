package kernels

import (
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// The modes of rowgrad.comp.
const (
	layerNormRows = iota
	normalizeRows
	softmaxRows
	rowMoments
)

func (l *lowerer) layerNormGradX(s step) {
	l.rowGrad(s, layerNormRows, s.op.(graph.LayerNormGradX).Eps)
}

func (l *lowerer) normalizeGradX(s step) {
	l.rowGrad(s, normalizeRows, s.op.(graph.NormalizeGradX).Eps)
}

func (l *lowerer) softmaxGradX(s step) { l.rowGrad(s, softmaxRows, 0) }

// rowGrad lowers a gradient that goes by rows.
func (l *lowerer) rowGrad(s step, mode int, eps float64) {
	shape := l.shape(s.out)
	c := shape.Last()
	for _, r := range l.spans(shape.Rows(), 0, 4*int64(c)) {
		at := span{r.begin * c, r.end * c}
		g := l.read(s.in[0], 1, at.begin, at.units())
		weight := g // bound but not read
		if mode == layerNormRows {
			weight = l.whole(s.in[2], 1)
		}
		l.emitRows(s, mode, layerNormPush{uint32(r.units()), uint32(c), float32(eps)},
			g, l.read(s.in[1], 1, at.begin, at.units()), weight, l.write(s.out, 1, at.begin, at.units()))
	}
}

func (l *lowerer) emitRows(s step, mode int, push layerNormPush, operands ...operand) {
	lanes := l.lanes(int(push.Cols))
	l.emit(s, "rowgrad", dispatch{constants: constants(l.style.Group, lanes, mode), groups: l.fold(ceilDiv(int(push.Rows)*lanes, l.style.Group)),
		push: push, operands: operands})
}

// normColumnsPush mirrors the block of normcolumns.comp.
type normColumnsPush struct {
	Rows, Cols     uint32
	GStart, XStart uint32
	Block0, Width  uint32
}

// normColumns is the grid of normcolumns.comp, and its dispatch for parts of so many columns and blocks.
func (l *lowerer) normColumns(s step, rows, both bool, push normColumnsPush, operands ...operand) {
	l.emit(s, "normcolumns", dispatch{constants: constants(l.style.Group, sumBlock, rows, both), push: push,
		groups: l.columnBlocks(int(push.Rows), int(push.Cols), sumBlock), operands: operands})
}

func (l *lowerer) layerNormGradWeightScratch(s step) int64 {
	in := l.shape(s.in[1])
	return l.apart(8*int64(in.Rows())) + l.sumScratch(ceilDiv(in.Rows(), sumBlock), in.Last())
}

// layerNormGradWeight lowers LayerNormGradWeight: the rows' moments, then sums of columns.
func (l *lowerer) layerNormGradWeight(s step) {
	in, eps := l.shape(s.in[1]), s.op.(graph.LayerNormGradWeight).Eps
	rows, c := in.Rows(), in.Last()
	at := l.apart(8 * int64(rows))
	blocks := ceilDiv(rows, sumBlock)
	y := l.scratchPart(at, 4*int64(blocks*c), 1, engine.Write)
	for _, r := range l.spans(ceilDiv(rows, sumBlock), 0, 4*int64(sumBlock*c), 8*sumBlock) {
		r, block0 := span{r.begin * sumBlock, min(r.end*sumBlock, rows)}, r.begin
		x, g := l.read(s.in[1], 1, r.begin*c, r.units()*c), l.read(s.in[0], 1, r.begin*c, r.units()*c)
		moments := l.scratchPart(8*int64(r.begin), 8*int64(r.units()), 1, engine.Write)
		l.emitRows(s, rowMoments, layerNormPush{uint32(r.units()), uint32(c), float32(eps)}, x, x, x, moments)
		moments.access = engine.Read
		l.normColumns(s, true, false, normColumnsPush{Rows: uint32(r.units()), Cols: uint32(c), Block0: uint32(block0), Width: 1}, g, x, moments, y)
	}
	l.addUp(s, at, blocks, c, s.out, 0)
}

// groupSums makes the parts of sums over a picture of its gradients times what is normed, and with both of the
// gradients before these; it gives the picture's moments, too.
func (l *lowerer) groupSums(s step, picture int, both bool, to parts) operand {
	shape := l.shape(s.in[1])
	_, width := l.groupWidth(s)
	moments := l.groupMoments(s, picture)
	cols := shape[3]
	if both {
		cols *= 2
	}
	y := l.scratchPart(to.at, 4*int64(to.blocks*cols), 1, engine.Write)
	for _, r := range l.pictureSpans(shape, sumBlock) {
		push := normColumnsPush{Rows: uint32(r.units()), Cols: uint32(shape[3]), Block0: uint32(to.first + r.begin/sumBlock), Width: uint32(width)}
		var g, x operand
		g, push.GStart = l.part(s.in[0], 1, rowsOf(shape, picture, r), engine.Read)
		x, push.XStart = l.part(s.in[1], 1, rowsOf(shape, picture, r), engine.Read)
		l.normColumns(s, false, both, push, g, x, moments, y)
	}
	return moments
}

func (l *lowerer) groupNormGradWeightScratch(s step) int64 {
	shape := l.shape(s.in[1])
	_, moments := l.groupNormParts(s)
	return l.apart(moments) + l.sumScratch(shape[0]*ceilDiv(shape[1]*shape[2], sumBlock), shape[3])
}

// groupNormGradWeight lowers GroupNormGradWeight, picture by picture.
func (l *lowerer) groupNormGradWeight(s step) {
	shape := l.shape(s.in[1])
	_, moments := l.groupNormParts(s)
	each := ceilDiv(shape[1]*shape[2], sumBlock)
	to := parts{at: l.apart(moments), blocks: shape[0] * each}
	for b := range shape[0] {
		to.first = b * each
		l.groupSums(s, b, false, to)
	}
	l.addUp(s, to.at, to.blocks, shape[3], s.out, 0)
}

// groupNormGradPush mirrors the block of groupnormgrad.comp.
type groupNormGradPush struct {
	Rows, Cols             uint32
	GStart, XStart, YStart uint32
	Width, Across          uint32
	Count                  float32
}

func (l *lowerer) groupNormGradXScratch(s step) int64 {
	shape := l.shape(s.in[1])
	_, moments := l.groupNormParts(s)
	return l.apart(moments) + l.apart(8*int64(shape[3])) + l.sumScratch(ceilDiv(shape[1]*shape[2], sumBlock), 2*shape[3])
}

// groupNormGradX lowers GroupNormGradX, picture by picture: moments, sums of columns, and the gradient.
func (l *lowerer) groupNormGradX(s step) {
	shape, groups := l.shape(s.out), s.op.(graph.GroupNormGradX).Groups
	c, rows := shape[3], shape[1]*shape[2]
	_, width := l.groupWidth(s)
	_, all := l.groupNormParts(s)
	sums := l.apart(all)
	to := parts{at: sums + l.apart(8*int64(c)), blocks: ceilDiv(rows, sumBlock)}
	for b := range shape[0] {
		moments := l.groupSums(s, b, true, to)
		l.addUp(s, to.at, to.blocks, 2*c, scratchOf(l.at), int(sums/4))
		for _, r := range l.pictureSpans(shape, 1) {
			push := groupNormGradPush{Rows: uint32(r.units()), Cols: uint32(c), Width: uint32(width), Across: uint32(c / groups), Count: float32(rows * (c / groups))}
			var g, x, y operand
			g, push.GStart = l.part(s.in[0], 1, rowsOf(shape, b, r), engine.Read)
			x, push.XStart = l.part(s.in[1], 1, rowsOf(shape, b, r), engine.Read)
			y, push.YStart = l.part(s.out, 1, rowsOf(shape, b, r), engine.Write)
			l.emit(s, "groupnormgrad", dispatch{constants: constants(l.style.Group, columnBlock), groups: l.columnBlocks(r.units(), c, columnBlock), push: push,
				operands: []operand{g, x, moments, l.scratchPart(sums, 8*int64(c), 1, engine.Read), l.whole(s.in[2], 1), y}})
		}
	}
}
