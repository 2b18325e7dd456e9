package kernels

import "github.com/glipvk/glipvk/graph"

// layerNormPush mirrors the block of layernorm.comp; cols in vectors.
type layerNormPush struct {
	Rows, Cols uint32
	Eps        float32
}

// layerNorm lowers LayerNorm over the last axis.
func (l *lowerer) layerNorm(s step) error {
	return l.rowwise(s, "layernorm", func(rows, cols uint32) any {
		return layerNormPush{rows, cols, float32(s.op.(graph.LayerNorm).Eps)}
	}, s.in[1:]...)
}

// normalizePush mirrors the block of normalize.comp; cols in vectors.
type normalizePush struct {
	Rows, Cols uint32
	Eps        float32
}

// normalize lowers Normalize over the last axis.
func (l *lowerer) normalize(s step) error {
	return l.rowwise(s, "normalize", func(rows, cols uint32) any {
		return normalizePush{rows, cols, float32(s.op.(graph.Normalize).Eps)}
	})
}

// rowwise lowers an operation that takes the rows of its first operand one by one; shared are
// the others, which are the same for all rows.
func (l *lowerer) rowwise(s step, stem string, push func(rows, cols uint32) any, shared ...graph.ID) error {
	shape := l.shape(s.out)
	c := shape.Last()
	stem, width := vector(stem, c)
	list, err := l.spans(shape.Rows(), 0, 4*int64(c))
	if err != nil {
		return err
	}
	for _, r := range list {
		groups, err := l.rowGroups(r.units())
		if err != nil {
			return err
		}
		operands := []operand{l.read(s.in[0], width, r.begin*c, r.units()*c)}
		for _, id := range shared {
			operands = append(operands, l.whole(id, width))
		}
		l.emit(s, stem, dispatch{
			constants: constants(l.style.Group, l.style.Lanes), groups: groups, push: push(uint32(r.units()), uint32(c/width)),
			operands: append(operands, l.write(s.out, width, r.begin*c, r.units()*c)),
		})
	}
	return nil
}

// normFirstPush mirrors the block of layernorm.comp with FIRST.
type normFirstPush struct {
	Rows, Cols   uint32
	Eps          float32
	Tokens, Row0 uint32
}

// normFirst lowers LayerNorm whose result is stored channels first.
func (l *lowerer) normFirst(s step) error {
	in := l.shape(s.in[0])
	c := in.Last()
	stem, width := vector("layernorm_first", c)
	groups, err := l.rowGroups(in.Rows())
	if err != nil {
		return err
	}
	l.emit(s, stem, dispatch{
		constants: constants(l.style.Group, l.style.Lanes),
		push:      normFirstPush{uint32(in.Rows()), uint32(c / width), float32(s.op.(normFirst).norm.Eps), uint32(in[1] * in[2]), 0},
		operands: []operand{l.whole(s.in[0], width), l.whole(s.in[1], width), l.whole(s.in[2], width),
			l.write(s.out, 1, 0, in.Elements())},
		groups: groups,
	})
	return nil
}

// rowGroups is the grid of a shader whose rows are shared by style.Lanes invocations.
func (l *lowerer) rowGroups(rows int) ([3]int, error) {
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

// softmaxPush mirrors the block of softmax.comp.
type softmaxPush struct {
	Rows, Cols   uint32
	Heads        uint32
	Window0      uint32
	Across, Down uint32
	Shift        uint32
}

// softmax lowers softmax over the last axis, in attention with bias and mask. Scores
// are [G, h, n, n]; a plain softmax is treated as one with G rows of windows.
func (l *lowerer) softmax(s step) error {
	o := s.op.(softmax)
	shape := l.shape(s.out)
	cols := shape.Last()
	push := softmaxPush{Cols: uint32(cols), Heads: 1, Across: 1, Down: 1}
	perUnit, side := 1, 1 // rows of a unit that is never cut
	if o.bias || o.mask != nil {
		push.Heads = uint32(shape[1])
		perUnit, side = shape[1]*shape[2], o.side
	}
	if m := o.mask; m != nil {
		push.Across, push.Down, push.Shift = uint32(m.Width/m.Size), uint32(m.Height/m.Size), uint32(m.Shift)
	}
	list, err := l.spans(shape.Rows()/perUnit, 0, 4*int64(perUnit*cols))
	if err != nil {
		return err
	}
	for _, r := range list {
		rows := r.units() * perUnit
		push.Rows, push.Window0 = uint32(rows), uint32(r.begin)
		lanes := l.lanes(cols)
		groups, err := l.fold(ceilDiv(rows*lanes, l.style.Group))
		if err != nil {
			return err
		}
		x := l.read(s.in[0], 1, r.begin*perUnit*cols, rows*cols)
		table := x // bound but not read
		if o.bias {
			table = l.whole(s.in[1], 1)
		}
		l.emit(s, "softmax", dispatch{
			constants: constants(l.style.Group, lanes, o.bias, o.mask != nil, side),
			push:      push,
			operands:  []operand{x, table, l.write(s.out, 1, r.begin*perUnit*cols, rows*cols)},
			groups:    groups,
		})
	}
	return nil
}
