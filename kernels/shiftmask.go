package kernels

import "github.com/glipvk/glipvk/graph"

// shiftMaskPush mirrors the block of shiftmask.comp.
type shiftMaskPush struct{ Count, Window0, Across, Down, Window, Shift uint32 }

// shiftMask lowers the mask spelt out, where somebody wants to see it.
func (l *lowerer) shiftMask(s step) {
	o := s.op.(graph.ShiftMask)
	l.spelt(s, "shiftmask", func(count, window uint32) any {
		return shiftMaskPush{count, window, uint32(o.Width / o.Size), uint32(o.Height / o.Size), uint32(o.Size), uint32(o.Shift)}
	})
}
