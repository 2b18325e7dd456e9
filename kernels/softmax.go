package kernels

// softmaxPush mirrors the block of softmax.comp.
type softmaxPush struct {
	Rows, Cols   uint32
	Heads        uint32
	Window0      uint32
	Across, Down uint32
	Shift        uint32
}

// softmax lowers softmax over the last axis, in attention with bias and mask. Scores
// are [G, h, n, n]; a plain softmax is treated as one with G rows of windows.
func (l *lowerer) softmax(s step) {
	o := s.op.(softmax)
	shape := l.shape(s.out)
	cols := shape.Last()
	stem, width := vector("softmax", cols)
	push := softmaxPush{Cols: uint32(cols), Heads: 1, Across: 1, Down: 1}
	perUnit, side := 1, 1 // rows of a unit that is never cut
	if o.bias || o.mask != nil {
		push.Heads = uint32(shape[1])
		perUnit, side = shape[1]*shape[2], o.side
	}
	if m := o.mask; m != nil {
		push.Across, push.Down, push.Shift = uint32(m.Width/m.Size), uint32(m.Height/m.Size), uint32(m.Shift)
	}
	for _, r := range l.spans(shape.Rows()/perUnit, 0, 4*int64(perUnit*cols)) {
		rows := r.units() * perUnit
		push.Rows, push.Window0 = uint32(rows), uint32(r.begin)
		lanes := l.lanes(cols)
		x := l.read(s.in[0], width, r.begin*perUnit*cols, rows*cols)
		table := x // bound but not read
		table.width = 1
		if o.bias {
			table = l.whole(s.in[1], 1)
		}
		l.emit(s, stem, dispatch{
			constants: constants(l.style.Group, lanes, o.bias, o.mask != nil, side),
			push:      push,
			operands:  []operand{x, table, l.write(s.out, width, r.begin*perUnit*cols, rows*cols)},
			groups:    l.fold(ceilDiv(rows*lanes, l.style.Group)),
		})
	}
}
