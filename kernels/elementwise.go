package kernels

// pointwise lowers an operation each of whose elements depends on the same element of its first
// alike operands, and on others, of any size, that are bound behind them. The push constants are
// told the vectors of a dispatch and the element that it begins with.
func (l *lowerer) pointwise(s step, stem string, mode []any, push func(count, begin int) any, alike int, others ...operand) {
	n := l.shape(s.out).Elements()
	stem, width := vector(stem, n)
	for _, r := range l.spans(n/width, 0, 4*int64(width)) {
		var operands []operand
		for _, id := range s.in[:alike] {
			operands = append(operands, l.read(id, width, r.begin*width, r.units()*width))
		}
		operands = append(operands, others...)
		l.emit(s, stem, dispatch{
			constants: constants(append([]any{l.style.Group, items}, mode...)...), groups: l.elementwise(r.units()), push: push(r.units(), r.begin*width),
			operands: append(operands, l.write(s.out, width, r.begin*width, r.units()*width)),
		})
	}
}
