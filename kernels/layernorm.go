package kernels

import "github.com/glipvk/glipvk/graph"

// layerNormPush mirrors the blocks of layernorm.comp and normalize.comp; cols in vectors.
type layerNormPush struct {
	Rows, Cols uint32
	Eps        float32
}

// layerNorm lowers LayerNorm over the last axis.
func (l *lowerer) layerNorm(s step) { l.normRows(s, "layernorm", s.op.(graph.LayerNorm).Eps) }

// normalize lowers Normalize over the last axis.
func (l *lowerer) normalize(s step) { l.normRows(s, "normalize", s.op.(graph.Normalize).Eps) }

// normRows lowers a norm of rows; operands after the first are the same for all of them.
func (l *lowerer) normRows(s step, stem string, eps float64) {
	shape := l.shape(s.out)
	c := shape.Last()
	stem, width := vector(stem, c)
	for _, r := range l.spans(shape.Rows(), 0, 4*int64(c)) {
		operands := []operand{l.read(s.in[0], width, r.begin*c, r.units()*c)}
		for _, id := range s.in[1:] {
			operands = append(operands, l.whole(id, width))
		}
		l.emit(s, stem, dispatch{
			constants: constants(l.style.Group, l.style.Lanes), groups: l.rowGroups(r.units()),
			push:     layerNormPush{uint32(r.units()), uint32(c / width), float32(eps)},
			operands: append(operands, l.write(s.out, width, r.begin*c, r.units()*c)),
		})
	}
}

// normFirstPush mirrors the block of layernorm.comp with FIRST.
type normFirstPush struct {
	Rows, Cols   uint32
	Eps          float32
	Tokens, Row0 uint32
}

// normFirst lowers LayerNorm whose result is stored channels first.
func (l *lowerer) normFirst(s step) {
	in := l.shape(s.in[0])
	c := in.Last()
	stem, width := vector("layernorm_first", c)
	l.emit(s, stem, dispatch{
		constants: constants(l.style.Group, l.style.Lanes),
		push:      normFirstPush{uint32(in.Rows()), uint32(c / width), float32(s.op.(normFirst).norm.Eps), uint32(in[1] * in[2]), 0},
		operands: []operand{l.whole(s.in[0], width), l.whole(s.in[1], width), l.whole(s.in[2], width),
			l.write(s.out, 1, 0, in.Elements())},
		groups: l.rowGroups(in.Rows()),
	})
}
