package kernels

// mergePush mirrors the block of merge.comp; cols in vectors.
type mergePush struct {
	Rows, Cols      uint32
	OutRow0, InRow0 uint32
	MapH, MapW      uint32
	OutH, OutW      uint32
}

// mergePatches lowers the gathering of 2 x 2 neighbours.
func (l *lowerer) mergePatches(s step) {
	in, out := l.shape(s.in[0]), l.shape(s.out)
	c := in.Last()
	stem, width := vector("merge", c)
	list := l.bands(out[0]*out[1], 4*int64(out[2]*out[3]), 4*int64(in[2]*c), func(i int) (int, int) { // rows of the maps
		first := i/out[1]*in[1] + i%out[1]*2
		return first, min(first+2, (i/out[1]+1)*in[1])
	})
	for _, b := range list {
		rows := b.out.units() * out[2]
		l.emit(s, stem, dispatch{
			constants: constants(l.style.Group),
			push: mergePush{uint32(rows), uint32(c / width), uint32(b.out.begin * out[2]), uint32(b.in.begin * in[2]),
				uint32(in[1]), uint32(in[2]), uint32(out[1]), uint32(out[2])},
			operands: []operand{l.read(s.in[0], width, b.in.begin*in[2]*c, b.in.units()*in[2]*c),
				l.write(s.out, 4, b.out.begin*out[2]*4*c, rows*4*c)},
			groups: l.fold(ceilDiv(rows*c/width, l.style.Group)),
		})
	}
}
