package kernels

import (
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// positionBiasPush mirrors the block of positionbias.comp.
type positionBiasPush struct{ Count, Head0, Heads, Window uint32 }

// positionBias lowers the bias spelt out, where somebody wants to see it.
func (l *lowerer) positionBias(s step) {
	heads, window := l.shape(s.out)[0], s.op.(graph.PositionBias).Window
	l.spelt(s, l.style.shader("positionbias"), func(count, head uint32) any {
		return positionBiasPush{count, head, uint32(heads), uint32(window)}
	}, l.whole(s.in[0], 1))
}

// spelt lowers a table, which depends on where an element is and on what is read whole. The push
// constants are told the elements of a dispatch and with which of the table's first axis it begins.
func (l *lowerer) spelt(s step, shader string, push func(count, begin uint32) any, reads ...operand) {
	out := l.shape(s.out)
	each := out[1:].Elements()
	for _, r := range l.spans(out[0], 0, 4*int64(each)) {
		count := r.units() * each
		l.list = append(l.list, dispatch{
			path: s.path, shader: shader, constants: constants(l.style.Group, items), groups: l.elementwise(count),
			push: push(uint32(count), uint32(r.begin)), operands: slices.Concat(reads, []operand{l.write(s.out, 1, r.begin*each, count)}),
		})
	}
}
