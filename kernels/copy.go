package kernels

import (
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// copyPush mirrors the block of copy.comp, in vectors.
type copyPush struct{ Count, XStart, YStart uint32 }

// copy lowers the copying of count elements of one value to another.
func (l *lowerer) copy(s step, from graph.ID, fromBegin, toBegin, count int) {
	stem, width := "copy", 4
	if fromBegin%4 != 0 || toBegin%4 != 0 || count%4 != 0 {
		stem, width = "copy_scalar", 1
	}
	for _, r := range l.earlySpans(count/width, 0, 4*int64(width)) {
		x, xStart := l.part(from, width, span{fromBegin + r.begin*width, fromBegin + r.end*width}, engine.Read)
		y, yStart := l.part(s.out, width, span{toBegin + r.begin*width, toBegin + r.end*width}, engine.Write)
		l.emit(s, stem, dispatch{constants: constants(l.style.Group, items), groups: l.elementwise(r.units()),
			push: copyPush{uint32(r.units()), xStart, yStart}, operands: []operand{x, y}})
	}
}

// reshape lowers Reshape where it cannot be a view.
func (l *lowerer) reshape(s step) {
	l.copy(s, s.in[0], 0, 0, l.shape(s.out).Elements())
}

// sliceTokens lowers SliceTokens where it cannot be a view, picture by picture.
func (l *lowerer) sliceTokens(s step) {
	in, each := l.shape(s.in[0]), l.shape(s.out).Elements()/l.shape(s.out)[0]
	for b := range in[0] {
		l.copy(s, s.in[0], (b*in[1]+s.op.(graph.SliceTokens).Begin)*in[2], b*each, each)
	}
}

// concatTokens lowers ConcatTokens, operand by operand and picture by picture; operands that
// were written in their place are there already.
func (l *lowerer) concatTokens(s step) {
	out := l.shape(s.out)
	begin := 0
	for _, id := range s.in {
		each := l.shape(id).Elements() / out[0]
		if !l.placed(id, s.out, begin) {
			for b := range out[0] {
				l.copy(s, id, b*each, b*out[1]*out[2]+begin, each)
			}
		}
		begin += each
	}
}

// placed reports whether a value is the range of another that begins there.
func (l *lowerer) placed(id, of graph.ID, begin int) bool {
	at, ok := l.begins[id]
	return ok && l.alias[id] == of && at == begin
}
