package kernels

import "github.com/glipvk/glipvk/engine"

// dynamicReLUGradPush mirrors the block of dynamicrelugrad.comp.
type dynamicReLUGradPush struct {
	Rows, Cols             uint32
	GStart, XStart, YStart uint32
	Picture, Block0        uint32
}

// dynamicReLUGradX lowers DynamicReLUGradX, picture by picture.
func (l *lowerer) dynamicReLUGradX(s step) {
	shape := l.shape(s.out)
	l.pictures(shape, func(picture int, rows span) {
		y, start := l.part(s.out, 1, rowsOf(shape, picture, rows), engine.Write)
		l.dynamicReLUGrad(s, false, picture, rows, dynamicReLUGradPush{YStart: start}, y)
	})
}

func (l *lowerer) dynamicReLUGradTScratch(s step) int64 {
	shape := l.shape(s.in[1])
	return l.sumScratch(ceilDiv(shape[1]*shape[2], sumBlock), 4*shape[3])
}

// dynamicReLUGradT lowers DynamicReLUGradT, picture by picture, as sums of columns.
func (l *lowerer) dynamicReLUGradT(s step) {
	shape := l.shape(s.in[1])
	blocks, cols := ceilDiv(shape[1]*shape[2], sumBlock), 4*shape[3]
	y := l.scratchPart(0, 4*int64(blocks*cols), 1, engine.Write)
	for b := range shape[0] {
		for _, r := range l.pictureSpans(shape, sumBlock) {
			l.dynamicReLUGrad(s, true, b, r, dynamicReLUGradPush{Block0: uint32(r.begin / sumBlock)}, y)
		}
		l.addUp(s, 0, blocks, cols, s.out, b*cols)
	}
}

func (l *lowerer) dynamicReLUGrad(s step, coefficients bool, picture int, rows span, push dynamicReLUGradPush, y operand) {
	shape := l.shape(s.in[1])
	push.Rows, push.Cols, push.Picture = uint32(rows.units()), uint32(shape[3]), uint32(picture)
	var g, x operand
	g, push.GStart = l.part(s.in[0], 1, rowsOf(shape, picture, rows), engine.Read)
	x, push.XStart = l.part(s.in[1], 1, rowsOf(shape, picture, rows), engine.Read)
	l.emit(s, "dynamicrelugrad", dispatch{constants: constants(l.style.Group, sumBlock, coefficients), push: push,
		groups: l.columnBlocks(rows.units(), shape[3], sumBlock), operands: []operand{g, x, l.whole(s.in[2], 1), y}})
}
