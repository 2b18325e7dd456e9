package kernels

import "github.com/glipvk/glipvk/graph"

// patchesPush mirrors the block of patches.comp.
type patchesPush struct {
	Rows, OutRow0, InStart    uint32
	Channels, Channel0, Taken uint32
	Height, Width             uint32
	MapH, MapW                uint32
	Size                      uint32
}

// patches lowers the cutting of pictures into patches. Pictures too large for a
// binding go channel by channel, in bands of patch rows.
func (l *lowerer) patches(s step) {
	in, out := l.shape(s.in[0]), l.shape(s.out)
	size := s.op.(graph.Patches).Size
	push := patchesPush{Channels: uint32(in[1]), Height: uint32(in[2]), Width: uint32(in[3]),
		MapH: uint32(out[1]), MapW: uint32(out[2]), Size: uint32(size)}
	if 4*int64(max(in.Elements(), out.Elements())) <= l.limit {
		push.Rows, push.Taken = uint32(out.Rows()), uint32(in[1])
		l.emitPatches(s, push, span{0, in.Elements()}, span{0, out.Rows()})
		return
	}
	for c := range in[1] {
		list := l.bands(out[0]*out[1], 4*int64(out[2]*out[3]), 4, func(i int) (int, int) { // input units: pixels
			plane := (i/out[1]*in[1] + c) * in[2]
			y := i % out[1] * size
			return (plane + y) * in[3], (plane + min(y+size, in[2])) * in[3]
		})
		for _, b := range list {
			push.Channel0, push.Taken = uint32(c), 1
			push.Rows, push.OutRow0, push.InStart = uint32(b.out.units()*out[2]), uint32(b.out.begin*out[2]), uint32(b.in.begin)
			l.emitPatches(s, push, b.in, span{b.out.begin * out[2], b.out.end * out[2]})
		}
	}
}

func (l *lowerer) emitPatches(s step, push patchesPush, in, rows span) {
	k := l.shape(s.out).Last()
	l.emit(s, "patches", dispatch{
		constants: constants(l.style.Group, items), push: push, groups: l.elementwise(rows.units() * int(push.Taken*push.Size*push.Size)),
		operands: []operand{l.read(s.in[0], 1, in.begin, in.units()), l.write(s.out, 1, rows.begin*k, rows.units()*k)},
	})
}
