package kernels

// addScaledPush mirrors the block of addscaled.comp, in vectors.
type addScaledPush struct{ Count, Cols uint32 }

// addScaled lowers x + gamma*y.
func (l *lowerer) addScaled(s step) {
	shape := l.shape(s.out)
	c := shape.Last()
	stem, width := vector("addscaled", c)
	for _, r := range l.spans(shape.Rows(), 0, 4*int64(c)) {
		count := r.units() * c / width
		l.emit(s, stem, dispatch{
			constants: constants(l.style.Group, channelItems), groups: l.channels(count), push: addScaledPush{uint32(count), uint32(c / width)},
			operands: []operand{l.read(s.in[0], width, r.begin*c, r.units()*c), l.read(s.in[1], width, r.begin*c, r.units()*c),
				l.whole(s.in[2], width), l.write(s.out, width, r.begin*c, r.units()*c)},
		})
	}
}
