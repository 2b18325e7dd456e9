package kernels

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
