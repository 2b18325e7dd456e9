package kernels

import "github.com/glipvk/glipvk/graph"

// normalizePush mirrors the block of normalize.comp; cols in vectors.
type normalizePush struct {
	Rows, Cols uint32
	Eps        float32
}

// normalize lowers Normalize over the last axis.
func (l *lowerer) normalize(s step) error {
	shape := l.shape(s.out)
	c := shape.Last()
	stem, width := vector("normalize", c)
	list, err := l.spans(shape.Rows(), 0, 4*int64(c))
	if err != nil {
		return err
	}
	for _, r := range list {
		groups, err := l.rowGroups(r.units())
		if err != nil {
			return err
		}
		l.emit(s, stem, dispatch{
			constants: constants(l.style.Group, l.style.Lanes), groups: groups,
			push:     normalizePush{uint32(r.units()), uint32(c / width), float32(s.op.(graph.Normalize).Eps)},
			operands: []operand{l.read(s.in[0], width, r.begin*c, r.units()*c), l.write(s.out, width, r.begin*c, r.units()*c)},
		})
	}
	return nil
}
