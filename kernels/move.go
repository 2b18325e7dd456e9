package kernels

import "github.com/glipvk/glipvk/graph"

// movePush mirrors the block of window.comp; cols in vectors.
type movePush struct {
	Rows, Cols      uint32
	OutRow0, InRow0 uint32
	MapH, MapW      uint32
	PadH, PadW      uint32
	Size            uint32
	Down, Right     uint32
}

// move lowers the moving of tokens between a map and its windows.
func (l *lowerer) move(s step) error {
	o := s.op.(move)
	c := l.shape(s.out).Last()
	stem, width := vector("window", c)
	in, out := l.shape(s.in[0]).Rows(), l.shape(s.out).Rows()
	list, err := l.moveBands(o, in, out, 4*int64(c))
	if err != nil {
		return err
	}
	for _, b := range list {
		groups, err := l.elementwise(b.out.units() * c / width)
		if err != nil {
			return err
		}
		// A band of nothing but padding reads no row; something must be bound all the same.
		read := b.in
		if read.units() == 0 {
			read = span{0, 1}
		}
		l.emit(s, stem, dispatch{
			constants: constants(l.style.Group, items, o.mode),
			push: movePush{uint32(b.out.units()), uint32(c / width), uint32(b.out.begin), uint32(read.begin),
				uint32(o.mapH), uint32(o.mapW), uint32(o.padH), uint32(o.padW), uint32(o.size), uint32(o.down), uint32(o.right)},
			operands: []operand{l.read(s.in[0], width, read.begin*c, read.units()*c),
				l.write(s.out, width, b.out.begin*c, b.out.units()*c)},
			groups: groups,
		})
	}
	return nil
}

// moveBands cuts a move into bands of tokens; everything that fits stays one band.
func (l *lowerer) moveBands(o move, in, out int, rowBytes int64) ([]band, error) {
	if int64(in)*rowBytes <= l.limit && int64(out)*rowBytes <= l.limit {
		return []band{{span{0, out}, span{0, in}}}, nil
	}
	// Units: rows of the output map (remap), rows of windows (partition and reverse).
	var tokens int                   // of an output unit
	var reads func(i int) (int, int) // input tokens of output unit i
	switch o.mode {
	case remap:
		tokens = o.padW
		reads = func(i int) (int, int) {
			y := (i%o.padH + o.down) % o.padH
			if y >= o.mapH {
				return 0, 0
			}
			at := (i/o.padH*o.mapH + y) * o.mapW
			return at, at + o.mapW
		}
	case partition:
		tokens = o.size * o.padW
		reads = func(i int) (int, int) {
			perPicture := o.padH / o.size
			first, last := in, 0
			for r := range o.size {
				if y := (i%perPicture*o.size + r + o.down) % o.padH; y < o.mapH {
					at := (i/perPicture*o.mapH + y) * o.mapW
					first, last = min(first, at), max(last, at+o.mapW)
				}
			}
			return min(first, last), last
		}
	case reverse:
		tokens = o.mapW
		reads = func(i int) (int, int) {
			y := (i%o.mapH + o.down) % o.padH
			row := i/o.mapH*(o.padH/o.size) + y/o.size // of windows
			return row * o.size * o.padW, (row + 1) * o.size * o.padW
		}
	}
	units, err := l.bands(out/tokens, int64(tokens)*rowBytes, rowBytes, reads)
	if err != nil {
		return nil, err
	}
	for i, b := range units {
		units[i].out = span{b.out.begin * tokens, b.out.end * tokens}
	}
	return units, nil
}

// mergePush mirrors the block of merge.comp; cols in vectors.
type mergePush struct {
	Rows, Cols      uint32
	OutRow0, InRow0 uint32
	MapH, MapW      uint32
	OutH, OutW      uint32
}

// mergePatches lowers the gathering of 2 x 2 neighbours.
func (l *lowerer) mergePatches(s step) error {
	in, out := l.shape(s.in[0]), l.shape(s.out)
	c := in.Last()
	stem, width := vector("merge", c)
	list := []band{{span{0, out[0] * out[1]}, span{0, in[0] * in[1]}}} // in rows of the maps
	if 4*int64(max(in.Elements(), out.Elements())) > l.limit {
		var err error
		list, err = l.bands(out[0]*out[1], 4*int64(out[2]*out[3]), 4*int64(in[2]*c), func(i int) (int, int) {
			first := i/out[1]*in[1] + i%out[1]*2
			return first, min(first+2, (i/out[1]+1)*in[1])
		})
		if err != nil {
			return err
		}
	}
	for _, b := range list {
		rows := b.out.units() * out[2]
		groups, err := l.fold(ceilDiv(rows*c/width, l.style.Group))
		if err != nil {
			return err
		}
		l.emit(s, stem, dispatch{
			constants: constants(l.style.Group),
			push: mergePush{uint32(rows), uint32(c / width), uint32(b.out.begin * out[2]), uint32(b.in.begin * in[2]),
				uint32(in[1]), uint32(in[2]), uint32(out[1]), uint32(out[2])},
			operands: []operand{l.read(s.in[0], width, b.in.begin*in[2]*c, b.in.units()*in[2]*c),
				l.write(s.out, 4, b.out.begin*out[2]*4*c, rows*4*c)},
			groups: groups,
		})
	}
	return nil
}

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
func (l *lowerer) patches(s step) error {
	in, out := l.shape(s.in[0]), l.shape(s.out)
	size := s.op.(graph.Patches).Size
	push := patchesPush{Channels: uint32(in[1]), Height: uint32(in[2]), Width: uint32(in[3]),
		MapH: uint32(out[1]), MapW: uint32(out[2]), Size: uint32(size)}
	if 4*int64(max(in.Elements(), out.Elements())) <= l.limit {
		push.Rows, push.Taken = uint32(out.Rows()), uint32(in[1])
		return l.emitPatches(s, push, span{0, in.Elements()}, span{0, out.Rows()})
	}
	for c := range in[1] {
		list, err := l.bands(out[0]*out[1], 4*int64(out[2]*out[3]), 4, func(i int) (int, int) { // input units: pixels
			plane := (i/out[1]*in[1] + c) * in[2]
			y := i % out[1] * size
			return (plane + y) * in[3], (plane + min(y+size, in[2])) * in[3]
		})
		if err != nil {
			return err
		}
		for _, b := range list {
			push.Channel0, push.Taken = uint32(c), 1
			push.Rows, push.OutRow0, push.InStart = uint32(b.out.units()*out[2]), uint32(b.out.begin*out[2]), uint32(b.in.begin)
			if err := l.emitPatches(s, push, b.in, span{b.out.begin * out[2], b.out.end * out[2]}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lowerer) emitPatches(s step, push patchesPush, in, rows span) error {
	groups, err := l.elementwise(rows.units() * int(push.Taken*push.Size*push.Size))
	if err != nil {
		return err
	}
	k := l.shape(s.out).Last()
	l.emit(s, "patches", dispatch{
		constants: constants(l.style.Group, items), push: push, groups: groups,
		operands: []operand{l.read(s.in[0], 1, in.begin, in.units()), l.write(s.out, 1, rows.begin*k, rows.units()*k)},
	})
	return nil
}

// channelsFirstPush mirrors the block of channelsfirst.comp and, in the operands' vectors, that of swapblocks.comp.
type channelsFirstPush struct {
	Tokens, Token0, AllTokens       uint32
	Channels, Channel0, AllChannels uint32
	XStart, YStart                  uint32
}

// tileSide is that of the square tile in shared memory.
const tileSide = 16

// channelsFirst lowers the layout change, picture by picture; a picture that does not
// fit is cut into runs of tokens on the one side and of channels on the other.
func (l *lowerer) channelsFirst(s step) error {
	in := l.shape(s.in[0])
	return l.transposed(s, in[0], in[1]*in[2], in[3])
}

// swapLast lowers SwapLast the same way.
func (l *lowerer) swapLast(s step) error {
	in := l.shape(s.in[0])
	tokens, c := in[len(in)-2], in[len(in)-1]
	return l.transposed(s, in.Elements()/(tokens*c), tokens, c)
}

// transposed lowers [pictures, tokens, c] -> [pictures, c, tokens].
func (l *lowerer) transposed(s step, pictures, tokens, c int) error {
	most := tileSide * min(l.caps.MaxWorkgroups[0], l.caps.MaxWorkgroups[1])
	narrow := l.narrow() // aligned may let a part begin that much early
	tokenSpans, err := narrow.spans(tokens, most, 4*int64(c))
	if err != nil {
		return err
	}
	channelSpans, err := narrow.spans(c, most, 4*int64(tokens))
	if err != nil {
		return err
	}
	for b := range pictures {
		for _, t := range tokenSpans {
			for _, ch := range channelSpans {
				if err := l.emitTransposed(s, b, [2]int{tokens, c}, [2]span{t, ch}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// emitTransposed transposes some tokens of some channels of one picture, sizes being all
// there are.
func (l *lowerer) emitTransposed(s step, picture int, sizes [2]int, of [2]span) error {
	tokens, c, t, ch := sizes[0], sizes[1], of[0], of[1]
	stem, xw, yw := "channelsfirst", 1, 1 // widths of the operands
	if l.style.Lanes == 1 && (c|ch.begin|ch.units())%4 == 0 {
		if stem, xw = "swapblocks_ragged", 4; (tokens|t.begin|t.units())%4 == 0 {
			stem, yw = "swapblocks", 4
		}
	}
	x := l.read(s.in[0], xw, (picture*tokens+t.begin)*c, t.units()*c)
	y := l.write(s.out, yw, (picture*c+ch.begin)*tokens, ch.units()*tokens)
	push := channelsFirstPush{Tokens: uint32(t.units() / yw), Token0: uint32(t.begin / yw), AllTokens: uint32(tokens / yw),
		Channels: uint32(ch.units() / xw), Channel0: uint32(ch.begin / xw), AllChannels: uint32(c / xw)}
	push.XStart, push.YStart = l.aligned(&x)/uint32(xw), l.aligned(&y)/uint32(yw)
	d := dispatch{constants: constants(max(l.style.Group, tileSide), tileSide), push: push, operands: []operand{x, y},
		groups: [3]int{ceilDiv(t.units(), tileSide), ceilDiv(ch.units(), tileSide), 1}}
	if xw == 4 {
		d.constants = constants(l.style.Group, swapBlocks)
		var err error
		if d.groups, err = l.fold(ceilDiv(t.units()/yw*ceilDiv(ch.units()/xw, swapBlocks), l.style.Group)); err != nil {
			return err
		}
	}
	l.emit(s, stem, d)
	return nil
}

// swapBlocks is how many blocks an invocation of swapblocks.comp turns: a cache line's.
const swapBlocks = 4

// aligned moves an operand's beginning, where a picture of odd size begins, down to the
// device's alignment and returns the elements by which it moved.
func (l *lowerer) aligned(o *operand) uint32 {
	over := o.offset % l.align
	o.offset -= over
	o.bytes += over
	return uint32(over / 4)
}

// positionBiasPush mirrors the block of positionbias.comp.
type positionBiasPush struct{ Count, Head0, Heads, Window uint32 }

// positionBias lowers the bias spelt out, where somebody wants to see it.
func (l *lowerer) positionBias(s step) error {
	out := l.shape(s.out)
	each := out[1] * out[2]
	list, err := l.spans(out[0], 0, 4*int64(each))
	if err != nil {
		return err
	}
	for _, h := range list {
		groups, err := l.elementwise(h.units() * each)
		if err != nil {
			return err
		}
		l.emit(s, "positionbias", dispatch{
			constants: constants(l.style.Group, items), groups: groups,
			push:     positionBiasPush{uint32(h.units() * each), uint32(h.begin), uint32(out[0]), uint32(s.op.(graph.PositionBias).Window)},
			operands: []operand{l.whole(s.in[0], 1), l.write(s.out, 1, h.begin*each, h.units()*each)},
		})
	}
	return nil
}

// shiftMaskPush mirrors the block of shiftmask.comp.
type shiftMaskPush struct{ Count, Window0, Across, Down, Window, Shift uint32 }

// shiftMask lowers the mask spelt out, where somebody wants to see it.
func (l *lowerer) shiftMask(s step) error {
	o := s.op.(graph.ShiftMask)
	out := l.shape(s.out)
	each := out[2] * out[3]
	list, err := l.spans(out[0], 0, 4*int64(each))
	if err != nil {
		return err
	}
	for _, w := range list {
		groups, err := l.elementwise(w.units() * each)
		if err != nil {
			return err
		}
		l.list = append(l.list, dispatch{
			path: s.path, shader: "shiftmask", constants: constants(l.style.Group, items), groups: groups,
			push: shiftMaskPush{uint32(w.units() * each), uint32(w.begin), uint32(o.Width / o.Size), uint32(o.Height / o.Size),
				uint32(o.Size), uint32(o.Shift)},
			operands: []operand{l.write(s.out, 1, w.begin*each, w.units()*each)},
		})
	}
	return nil
}

// resizePositionPush mirrors the block of resizeposition.comp; cols in vectors.
type resizePositionPush struct{ Rows, Cols, OutRow0, Side, OutH, OutW uint32 }

// resizePosition lowers the bicubic resize of a position embedding.
func (l *lowerer) resizePosition(s step) error {
	in, out := l.shape(s.in[0]), l.shape(s.out)
	c := out.Last()
	stem, width := vector("resizeposition", c)
	side := 1
	for side*side < in[1] {
		side++
	}
	list, err := l.spans(out.Rows(), 0, 4*int64(c))
	if err != nil {
		return err
	}
	for _, r := range list {
		groups, err := l.fold(ceilDiv(r.units()*c/width, l.style.Group))
		if err != nil {
			return err
		}
		l.emit(s, stem, dispatch{
			constants: constants(l.style.Group), groups: groups,
			push:     resizePositionPush{uint32(r.units()), uint32(c / width), uint32(r.begin), uint32(side), uint32(out[1]), uint32(out[2])},
			operands: []operand{l.whole(s.in[0], width), l.write(s.out, width, r.begin*c, r.units()*c)},
		})
	}
	return nil
}
