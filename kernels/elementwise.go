package kernels

// pointwise lowers an operation each of whose elements depends on the same element of its operands:
// all of them, or the first alone where there is another, of any size, to be bound behind it. The
// push constants are told the vectors of a dispatch and the element that it begins with.
func (l *lowerer) pointwise(s step, stem string, mode []any, push func(count, begin int) any, other *operand) {
	n := l.shape(s.out).Elements()
	stem, width := vector(stem, n)
	for _, r := range l.spans(n/width, 0, 4*int64(width)) {
		operands := []operand{l.read(s.in[0], width, r.begin*width, r.units()*width)}
		if other != nil {
			operands = append(operands, *other)
		} else if len(s.in) > 1 {
			operands = append(operands, l.read(s.in[1], width, r.begin*width, r.units()*width))
		}
		l.emit(s, stem, dispatch{
			constants: constants(append([]any{l.style.Group, items}, mode...)...), groups: l.elementwise(r.units()), push: push(r.units(), r.begin*width),
			operands: append(operands, l.write(s.out, width, r.begin*width, r.units()*width)),
		})
	}
}
