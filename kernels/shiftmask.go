package kernels

import "github.com/glipvk/glipvk/graph"

// shiftMaskPush mirrors the block of shiftmask.comp.
type shiftMaskPush struct{ Count, Window0, Across, Down, Window, Shift uint32 }

// shiftMask lowers the mask spelt out, where somebody wants to see it.
func (l *lowerer) shiftMask(s step) {
	o := s.op.(graph.ShiftMask)
	out := l.shape(s.out)
	each := out[2] * out[3]
	for _, w := range l.spans(out[0], 0, 4*int64(each)) {
		l.list = append(l.list, dispatch{
			path: s.path, shader: "shiftmask", constants: constants(l.style.Group, items), groups: l.elementwise(w.units() * each),
			push: shiftMaskPush{uint32(w.units() * each), uint32(w.begin), uint32(o.Width / o.Size), uint32(o.Height / o.Size),
				uint32(o.Size), uint32(o.Shift)},
			operands: []operand{l.write(s.out, 1, w.begin*each, w.units()*each)},
		})
	}
}
