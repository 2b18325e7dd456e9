package kernels

// pointwise lowers an operation each of whose elements depends on the same element of its operands:
// all of them, or the first alone where there is another, of any size, to be bound behind it. The
// push constants are told the vectors of a dispatch and the element that it begins with.
func (l *lowerer) pointwise(s step, stem string, mode []any, push func(count, begin int) any, other *operand) error {
	n := l.shape(s.out).Elements()
	stem, width := vector(stem, n)
	list, err := l.spans(n/width, 0, 4*int64(width))
	if err != nil {
		return err
	}
	for _, r := range list {
		groups, err := l.elementwise(r.units())
		if err != nil {
			return err
		}
		operands := []operand{l.read(s.in[0], width, r.begin*width, r.units()*width)}
		if other != nil {
			operands = append(operands, *other)
		} else if len(s.in) > 1 {
			operands = append(operands, l.read(s.in[1], width, r.begin*width, r.units()*width))
		}
		l.emit(s, stem, dispatch{
			constants: constants(append([]any{l.style.Group, items}, mode...)...), groups: groups, push: push(r.units(), r.begin*width),
			operands: append(operands, l.write(s.out, width, r.begin*width, r.units()*width)),
		})
	}
	return nil
}
