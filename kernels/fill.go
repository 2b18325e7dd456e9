package kernels

import (
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// fillPush mirrors the block of fill.comp.
type fillPush struct {
	Count uint32
	Value float32
}

// fill lowers Fill.
func (l *lowerer) fill(s step) { l.fillWith(s, float32(s.op.(graph.Fill).Value)) }

// fillWith makes all of a step's result one number.
func (l *lowerer) fillWith(s step, value float32) {
	for _, r := range l.spans(l.shape(s.out).Elements(), 0, 4) {
		x := dispatch{path: s.path, shader: "fill", constants: constants(l.style.Group, items), groups: l.elementwise(r.units()),
			push: fillPush{uint32(r.units()), value}, operands: []operand{l.write(s.out, 1, r.begin, r.units())}}
		l.list = append(l.list, x)
	}
}

// keepPush mirrors the block of keep.comp.
type keepPush struct {
	Count, Begin  uint32
	Stream, Limit uint32
	Value         float32
}

// keep lowers Keep.
func (l *lowerer) keep(s step) {
	o := s.op.(graph.Keep)
	for _, r := range l.spans(l.shape(s.out).Elements(), 0, 4) {
		l.emit(s, "keep", dispatch{constants: constants(l.style.Group, items), groups: l.elementwise(r.units()),
			push:     keepPush{uint32(r.units()), uint32(r.begin), o.Stream, o.Threshold(), float32(1 / (1 - o.Rate))},
			operands: []operand{l.whole(s.in[0], 1), l.write(s.out, 1, r.begin, r.units())}})
	}
}

// dropBlockPush mirrors the block of dropblock.comp.
type dropBlockPush struct{ Count, Height, Width, Reach uint32 }

func (l *lowerer) dropBlockScratch(s step) int64 {
	n := l.shape(s.out).Elements()
	return l.apart(4*int64(n)) + l.apart(4) + l.totalScratch([]span{{0, n}})
}

// dropBlock lowers DropBlock in three steps: what is kept, how much that is, and its share.
func (l *lowerer) dropBlock(s step) {
	shape := l.shape(s.out)
	n := shape.Elements()
	bytes := 4 * int64(n)
	kept := l.scratchPart(0, bytes, 1, engine.Write)
	l.emit(s, "dropblock", dispatch{constants: constants(l.style.Group), groups: l.fold(ceilDiv(n, l.style.Group)),
		push:     dropBlockPush{uint32(n), uint32(shape[1]), uint32(shape[2]), uint32(s.op.(graph.DropBlock).Size / 2)},
		operands: []operand{l.whole(s.in[0], 1), kept}})
	kept.access = engine.Read
	sum := l.apart(bytes)
	l.total(s, false, []operand{kept}, sum+l.apart(4), scratchOf(l.at), int(sum/4))
	l.emit(s, "unary_scalar", dispatch{constants: constants(l.style.Group, items, shareMode), groups: l.elementwise(n),
		push:     unaryPush{Count: uint32(n), Cols: uint32(n), By: float32(n)},
		operands: []operand{kept, l.scratchPart(sum, 4, 1, engine.Read), l.write(s.out, 1, 0, n)}})
}
