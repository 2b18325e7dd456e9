package kernels

// resizePositionPush mirrors the block of resizeposition.comp; cols in vectors.
type resizePositionPush struct{ Rows, Cols, OutRow0, Side, OutH, OutW uint32 }

// resizePosition lowers the bicubic resize of a position embedding.
func (l *lowerer) resizePosition(s step) {
	in, out := l.shape(s.in[0]), l.shape(s.out)
	c := out.Last()
	stem, width := vector("resizeposition", c)
	side := 1
	for side*side < in[1] {
		side++
	}
	for _, r := range l.spans(out.Rows(), 0, 4*int64(c)) {
		l.emit(s, stem, dispatch{
			constants: constants(l.style.Group), groups: l.fold(ceilDiv(r.units()*c/width, l.style.Group)),
			push:     resizePositionPush{uint32(r.units()), uint32(c / width), uint32(r.begin), uint32(side), uint32(out[1]), uint32(out[2])},
			operands: []operand{l.whole(s.in[0], width), l.write(s.out, width, r.begin*c, r.units()*c)},
		})
	}
}
