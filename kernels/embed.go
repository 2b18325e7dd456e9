package kernels

// embedPush mirrors the block of embed.comp; cols in vectors.
type embedPush struct {
	Rows, Cols, Row0         uint32
	Tokens                   uint32
	Vocabulary, Word0, Words uint32
}

// embed lowers Embed. A table of words that is too large for a binding is read part by
// part, each dispatch writing the rows whose word it has.
func (l *lowerer) embed(s step) {
	out, table := l.shape(s.out), l.shape(s.in[1])
	c := out[2]
	stem, width := vector("embed", c)
	rows := l.spans(out.Rows(), 0, 4*int64(c))
	words := l.spans(table[0], 0, 4*int64(c))
	for _, r := range rows {
		for _, w := range words {
			l.emit(s, stem, dispatch{
				constants: constants(l.style.Group, items), groups: l.elementwise(r.units() * c / width),
				push: embedPush{uint32(r.units()), uint32(c / width), uint32(r.begin), uint32(out[1]),
					uint32(table[0]), uint32(w.begin), uint32(w.units())},
				operands: []operand{l.whole(s.in[0], 1), l.read(s.in[1], width, w.begin*c, w.units()*c), l.read(s.in[2], width, 0, c),
					l.read(s.in[3], width, 0, out[1]*c), l.write(s.out, width, r.begin*c, r.units()*c)},
			})
		}
	}
}
