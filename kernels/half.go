package kernels

// halvesPush mirrors the block of packhalves.comp and unpackhalves.comp.
type halvesPush struct {
	Count uint32 // fours
}

// packHalves lowers PackHalves.
func (l *lowerer) packHalves(s step) {
	for _, r := range l.spans(l.shape(s.in[0]).Elements()/4, 0, 16, 8) {
		l.emit(s, "packhalves", dispatch{constants: constants(l.style.Group, items), groups: l.elementwise(r.units()), push: halvesPush{uint32(r.units())},
			operands: []operand{l.read(s.in[0], 4, r.begin*4, r.units()*4), l.write(s.out, 1, r.begin*2, r.units()*2)}})
	}
}

// unpackHalves lowers UnpackHalves.
func (l *lowerer) unpackHalves(s step) {
	for _, r := range l.spans(l.shape(s.out).Elements()/4, 0, 8, 16) {
		l.emit(s, "unpackhalves", dispatch{constants: constants(l.style.Group, items), groups: l.elementwise(r.units()), push: halvesPush{uint32(r.units())},
			operands: []operand{l.read(s.in[0], 1, r.begin*2, r.units()*2), l.write(s.out, 4, r.begin*4, r.units()*4)}})
	}
}
