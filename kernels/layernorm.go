package kernels

import "github.com/glipvk/glipvk/graph"

// layerNormPush mirrors the block of layernorm.comp; cols in vectors.
type layerNormPush struct {
	Rows, Cols uint32
	Eps        float32
}

// layerNorm lowers LayerNorm over the last axis.
func (l *lowerer) layerNorm(s step) {
	l.rowwise(s, "layernorm", func(rows, cols uint32) any {
		return layerNormPush{rows, cols, float32(s.op.(graph.LayerNorm).Eps)}
	}, s.in[1:]...)
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
