package kernels

// movePush mirrors the block of window.comp; cols in vectors.
type movePush struct {
	Rows, Cols      uint32
	OutRow0, InRow0 uint32
	MapH, MapW      uint32
	PadH, PadW      uint32
	Size            uint32
	Down, Right     uint32
}

// move lowers the moving of tokens between a map and its windows.
func (l *lowerer) move(s step) {
	o := s.op.(move)
	c := l.shape(s.out).Last()
	stem, width := vector("window", c)
	in, out := l.shape(s.in[0]).Rows(), l.shape(s.out).Rows()
	for _, b := range l.moveBands(o, in, out, 4*int64(c)) {
		// A band of nothing but padding reads no row; something must be bound all the same.
		read := b.in
		if read.units() == 0 {
			read = span{0, 1}
		}
		l.emit(s, stem, dispatch{
			constants: constants(l.style.Group, items, o.mode),
			push: movePush{uint32(b.out.units()), uint32(c / width), uint32(b.out.begin), uint32(read.begin),
				uint32(o.mapH), uint32(o.mapW), uint32(o.padH), uint32(o.padW), uint32(o.size), uint32(o.down), uint32(o.right)},
			operands: []operand{l.read(s.in[0], width, read.begin*c, read.units()*c),
				l.write(s.out, width, b.out.begin*c, b.out.units()*c)},
			groups: l.elementwise(b.out.units() * c / width),
		})
	}
}

// moveBands cuts a move into bands of tokens.
func (l *lowerer) moveBands(o move, in, out int, rowBytes int64) []band {
	// Units: rows of the output map (remap), rows of windows (partition and reverse).
	var tokens int                   // of an output unit
	var reads func(i int) (int, int) // input tokens of output unit i
	switch o.mode {
	case remap:
		tokens = o.padW
		reads = func(i int) (int, int) {
			y := (i%o.padH + o.down) % o.padH
			if y >= o.mapH {
				return 0, 0
			}
			at := (i/o.padH*o.mapH + y) * o.mapW
			return at, at + o.mapW
		}
	case partition:
		tokens = o.size * o.padW
		reads = func(i int) (int, int) {
			perPicture := o.padH / o.size
			first, last := in, 0
			for r := range o.size {
				if y := (i%perPicture*o.size + r + o.down) % o.padH; y < o.mapH {
					at := (i/perPicture*o.mapH + y) * o.mapW
					first, last = min(first, at), max(last, at+o.mapW)
				}
			}
			return min(first, last), last
		}
	case reverse:
		tokens = o.mapW
		reads = func(i int) (int, int) {
			y := (i%o.mapH + o.down) % o.padH
			row := i/o.mapH*(o.padH/o.size) + y/o.size // of windows
			return row * o.size * o.padW, (row + 1) * o.size * o.padW
		}
	}
	units := l.bands(out/tokens, int64(tokens)*rowBytes, rowBytes, reads)
	for i, b := range units {
		units[i].out = span{b.out.begin * tokens, b.out.end * tokens}
	}
	return units
}
