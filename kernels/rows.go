package kernels

import "github.com/glipvk/glipvk/graph"

// rowwise lowers an operation that takes the rows of its first operand one by one; shared are
// the others, which are the same for all rows.
func (l *lowerer) rowwise(s step, stem string, push func(rows, cols uint32) any, shared ...graph.ID) {
	shape := l.shape(s.out)
	c := shape.Last()
	stem, width := vector(stem, c)
	for _, r := range l.spans(shape.Rows(), 0, 4*int64(c)) {
		operands := []operand{l.read(s.in[0], width, r.begin*c, r.units()*c)}
		for _, id := range shared {
			operands = append(operands, l.whole(id, width))
		}
		l.emit(s, stem, dispatch{
			constants: constants(l.style.Group, l.style.Lanes), groups: l.rowGroups(r.units()), push: push(uint32(r.units()), uint32(c/width)),
			operands: append(operands, l.write(s.out, width, r.begin*c, r.units()*c)),
		})
	}
}

// rowGroups is the grid of a shader whose rows are shared by style.Lanes invocations.
func (l *lowerer) rowGroups(rows int) [3]int {
	return l.fold(ceilDiv(rows*l.style.Lanes, l.style.Group))
}

// lanes is how many invocations share a row of so many elements: all of a workgroup, where
// rows are long and so perhaps few. Software drivers share none.
func (l *lowerer) lanes(cols int) int {
	if l.style.Lanes > 1 && cols >= longRow {
		return l.style.Group
	}
	return l.style.Lanes
}

// longRow is where a row of the detector's attention over positions begins to be long.
const longRow = 1024
