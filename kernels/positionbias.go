package kernels

import "github.com/glipvk/glipvk/graph"

// positionBiasPush mirrors the block of positionbias.comp.
type positionBiasPush struct{ Count, Head0, Heads, Window uint32 }

// positionBias lowers the bias spelt out, where somebody wants to see it.
func (l *lowerer) positionBias(s step) {
	out := l.shape(s.out)
	each := out[1] * out[2]
	for _, h := range l.spans(out[0], 0, 4*int64(each)) {
		l.emit(s, "positionbias", dispatch{
			constants: constants(l.style.Group, items), groups: l.elementwise(h.units() * each),
			push:     positionBiasPush{uint32(h.units() * each), uint32(h.begin), uint32(out[0]), uint32(s.op.(graph.PositionBias).Window)},
			operands: []operand{l.whole(s.in[0], 1), l.write(s.out, 1, h.begin*each, h.units()*each)},
		})
	}
}
