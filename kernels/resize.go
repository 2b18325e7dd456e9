package kernels

// resizePush mirrors the block of resize.comp; cols in vectors.
type resizePush struct {
	Rows, Cols             uint32
	OutRow0, InRow0        uint32
	Height, Width          uint32
	OutH, OutW             uint32
	NumY, DenY, NumX, DenX uint32
}

// run is how many neighbouring tokens an invocation of resize.comp computes.
const run = 8

// resizeNearest lowers ResizeNearest.
func (l *lowerer) resizeNearest(s step) {
	in, out := l.shape(s.in[0]), l.shape(s.out)
	l.resize(s, false, [2]ratio{{in[1], out[1]}, {in[2], out[2]}})
}

// resizeBilinear lowers ResizeBilinear.
func (l *lowerer) resizeBilinear(s step) {
	in, out := l.shape(s.in[0]), l.shape(s.out)
	l.resize(s, true, [2]ratio{corners(in[1], out[1]), corners(in[2], out[2])})
}

// ratio of a coordinate in the input to that in the output.
type ratio struct{ num, den int }

// corners is the ratio that keeps the first and the last sample of a line.
func corners(from, to int) ratio {
	if to == 1 {
		return ratio{0, 1}
	}
	return ratio{from - 1, to - 1}
}

// resize lowers both, in bands of rows of the output map.
func (l *lowerer) resize(s step, linear bool, by [2]ratio) {
	in, out := l.shape(s.in[0]), l.shape(s.out)
	c := out[3]
	stem, width := vector("resize", c)
	list := l.bands(out[0]*out[1], 4*int64(out[2]*c), 4*int64(in[2]*c), func(i int) (int, int) { // rows of the maps
		first := i % out[1] * by[0].num / by[0].den
		last := first + 1
		if linear {
			last = min(first+2, in[1])
		}
		return i/out[1]*in[1] + first, i/out[1]*in[1] + last
	})
	for _, b := range list {
		l.emit(s, stem, dispatch{
			constants: constants(l.style.Group, run, linear), groups: l.fold(ceilDiv(b.out.units()*ceilDiv(out[2], run)*c/width, l.style.Group)),
			push: resizePush{uint32(b.out.units()), uint32(c / width), uint32(b.out.begin), uint32(b.in.begin),
				uint32(in[1]), uint32(in[2]), uint32(out[1]), uint32(out[2]),
				uint32(by[0].num), uint32(by[0].den), uint32(by[1].num), uint32(by[1].den)},
			operands: []operand{l.read(s.in[0], width, b.in.begin*in[2]*c, b.in.units()*in[2]*c),
				l.write(s.out, width, b.out.begin*out[2]*c, b.out.units()*out[2]*c)},
		})
	}
}
