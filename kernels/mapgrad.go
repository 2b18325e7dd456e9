package kernels

import "github.com/glipvk/glipvk/graph"

// copyRowsPush mirrors the block of copyrows.comp.
type copyRowsPush struct {
	Count, Cols   uint32
	XCols, XBegin uint32
	YCols, YBegin uint32
}

// sliceChannels lowers SliceChannels.
func (l *lowerer) sliceChannels(s step) {
	o := s.op.(graph.SliceChannels)
	l.copyRows(s, s.in[0], o.Begin, 0, o.Count)
}

// concatChannels lowers ConcatChannels, operand by operand.
func (l *lowerer) concatChannels(s step) {
	begin := 0
	for _, id := range s.in {
		c := l.shape(id).Last()
		l.copyRows(s, id, 0, begin, c)
		begin += c
	}
}

// copyRows copies some channels of every row of a value to those of the result.
func (l *lowerer) copyRows(s step, from graph.ID, fromBegin, toBegin, cols int) {
	x, y := l.shape(from).Last(), l.shape(s.out).Last()
	for _, r := range l.spans(l.shape(s.out).Rows(), 0, 4*int64(x), 4*int64(y)) {
		count := r.units() * cols
		l.emit(s, "copyrows", dispatch{constants: constants(l.style.Group, items), groups: l.elementwise(count),
			push:     copyRowsPush{uint32(count), uint32(cols), uint32(x), uint32(fromBegin), uint32(y), uint32(toBegin)},
			operands: []operand{l.read(from, 1, r.begin*x, r.units()*x), l.write(s.out, 1, r.begin*y, r.units()*y)}})
	}
}

// splitPatchesPush mirrors the block of splitpatches.comp.
type splitPatchesPush struct {
	Count, Cols        uint32
	OutRow0, InRow0    uint32
	MapH, MapW         uint32
	PatchesH, PatchesW uint32
	Size               uint32
}

// splitPatches lowers SplitPatches, in bands of rows of the map.
func (l *lowerer) splitPatches(s step) {
	in, out, size := l.shape(s.in[0]), l.shape(s.out), s.op.(graph.SplitPatches).Size
	for _, b := range l.mapBands(in, out, func(row int) (int, int) { return row / size, row/size + 1 }) {
		count := b.out.units() * out[2] * out[3]
		l.emit(s, "splitpatches", dispatch{constants: constants(l.style.Group, items), groups: l.elementwise(count),
			push: splitPatchesPush{uint32(count), uint32(out[3]), uint32(b.out.begin), uint32(b.in.begin), uint32(out[1]), uint32(out[2]),
				uint32(in[1]), uint32(in[2]), uint32(size)},
			operands: l.bandOperands(s, b)})
	}
}

// mapBands cuts a map [B, H, W, C] that is made of another into bands of rows, counted over the batch; reads says which
// rows of a picture a row is made of, perhaps none.
func (l *lowerer) mapBands(in, out graph.Shape, reads func(row int) (first, last int)) []band {
	list := l.bands(out[0]*out[1], 4*int64(out[2]*out[3]), 4*int64(in[2]*in[3]), func(i int) (int, int) {
		first, last := reads(i % out[1])
		return i/out[1]*in[1] + first, i/out[1]*in[1] + last
	})
	for i, b := range list {
		if b.in.units() == 0 { // something must be bound all the same
			list[i].in = span{0, 1}
		}
	}
	return list
}

// bandOperands are those of a band of rows of the first operand and the result.
func (l *lowerer) bandOperands(s step, b band) []operand {
	in, out := l.shape(s.in[0]), l.shape(s.out)
	x, y := in[2]*in[3], out[2]*out[3]
	return []operand{l.read(s.in[0], 1, b.in.begin*x, b.in.units()*x), l.write(s.out, 1, b.out.begin*y, b.out.units()*y)}
}

// resizeGradPush mirrors the block of resizegrad.comp.
type resizeGradPush struct {
	Count, Cols            uint32
	OutRow0, InRow0        uint32
	OutH, OutW             uint32
	InH, InW               uint32
	NumY, DenY, NumX, DenX uint32
}

// resizeNearestGradX lowers ResizeNearestGradX.
func (l *lowerer) resizeNearestGradX(s step) {
	g, y := l.shape(s.in[0]), l.shape(s.out)
	l.resizeGrad(s, false, [2]ratio{{y[1], g[1]}, {y[2], g[2]}})
}

// resizeBilinearGradX lowers ResizeBilinearGradX.
func (l *lowerer) resizeBilinearGradX(s step) {
	g, y := l.shape(s.in[0]), l.shape(s.out)
	l.resizeGrad(s, true, [2]ratio{corners(y[1], g[1]), corners(y[2], g[2])})
}

// resizeGrad lowers both, in bands of rows; by is the resize's own.
func (l *lowerer) resizeGrad(s step, linear bool, by [2]ratio) {
	in, out := l.shape(s.in[0]), l.shape(s.out)
	list := l.mapBands(in, out, func(row int) (int, int) {
		if by[0].num == 0 {
			return 0, in[1]
		}
		first := row
		if linear {
			first = max(row-1, 0)
		}
		return min(ceilDiv(first*by[0].den, by[0].num), in[1]), min(ceilDiv((row+1)*by[0].den, by[0].num), in[1])
	})
	for _, b := range list {
		count := b.out.units() * out[2] * out[3]
		l.emit(s, "resizegrad", dispatch{constants: constants(l.style.Group, linear), groups: l.fold(ceilDiv(count, l.style.Group)),
			push: resizeGradPush{uint32(count), uint32(out[3]), uint32(b.out.begin), uint32(b.in.begin),
				uint32(out[1]), uint32(out[2]), uint32(in[1]), uint32(in[2]),
				uint32(by[0].num), uint32(by[0].den), uint32(by[1].num), uint32(by[1].den)},
			operands: l.bandOperands(s, b)})
	}
}

// positionBiasGradPush mirrors the block of positionbiasgrad.comp.
type positionBiasGradPush struct{ Heads, Side uint32 }

// positionBiasGradTable lowers PositionBiasGradTable.
func (l *lowerer) positionBiasGradTable(s step) {
	out := l.shape(s.out)
	l.emit(s, "positionbiasgrad", dispatch{constants: constants(l.style.Group), groups: l.fold(ceilDiv(out.Elements(), l.style.Group)),
		push:     positionBiasGradPush{uint32(out[1]), uint32(s.op.(graph.PositionBiasGradTable).Window)},
		operands: []operand{l.whole(s.in[0], 1), l.write(s.out, 1, 0, out.Elements())}})
}

// embedGradPush mirrors the block of embedgrad.comp.
type embedGradPush struct{ Tokens, Cols, Words uint32 }

// embedItems is how many columns an invocation of embedgrad.comp takes.
const embedItems = 8

// embedGradWord lowers EmbedGradWord: zeros, then the rows of the words that there are.
func (l *lowerer) embedGradWord(s step) {
	tokens, out := l.shape(s.in[1]).Elements(), l.shape(s.out)
	l.fillWith(s, 0)
	l.emit(s, "embedgrad", dispatch{constants: constants(l.style.Group, embedItems), groups: l.fold(ceilDiv(tokens*ceilDiv(out[1], embedItems), l.style.Group)),
		push:     embedGradPush{uint32(tokens), uint32(out[1]), uint32(out[0])},
		operands: []operand{l.whole(s.in[0], 1), l.whole(s.in[1], 1), l.write(s.out, 1, 0, out.Elements())}})
}
