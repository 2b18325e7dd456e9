package kernels

import "github.com/glipvk/glipvk/graph"

// uniformPush mirrors the block of gemm_uniform.comp; the engine fills in the addresses.
type uniformPush struct {
	A, B, Bias, Residual, C, Weight, Shift, Scratch uint64
	M, N, K                                         uint32
	Eps                                             float32
	MapH, MapW, PadH, PadW                          uint32
	Size, Down, Right                               uint32
	Row0, LDA, LDC                                  uint32
}

// uniformShape is the product of a step whose weight lies in panels.
func (l *lowerer) uniformShape(s step, o linear, p linearOperands) shape {
	n := l.shape(s.out).Last()
	d := shape{m: l.shape(s.out).Rows(), n: n, k: l.shape(p.weight).Elements() / n, variant: l.types(p.x, p.weight, s.out), norm: o.norm != nil, mode: identity}
	switch {
	case o.rows != nil:
		d.mode = o.rows.mode
	case o.merge != nil:
		d.mode = merged
	}
	return d
}

// linearScratch is memory for rows of a product as they are multiplied: each workgroup has
// its own.
func (l *lowerer) linearScratch(s step) int64 {
	o := s.op.(linear)
	p := o.operands(s.in)
	if l.g.Nodes[p.weight].Op.Kind() != (graph.Param{}).Kind() || !l.packing(p.weight).panels {
		return 0
	}
	d := l.uniformShape(s, o, p)
	if !d.staged() {
		return 0
	}
	t := l.style.tile(d, l.measured)
	down, across := t.groups(d.m, d.n)
	return 4 * int64(down*across*t.rows) * int64(d.k)
}

// linearUniform lowers a product whose weight lies in panels. Its operands are found by
// address, so none is ever too large to bind.
func (l *lowerer) linearUniform(s step, o linear, p linearOperands) error {
	d := l.uniformShape(s, o, p)
	push := uniformPush{M: uint32(d.m), N: uint32(d.n), K: uint32(d.k), LDA: uint32(d.k), LDC: uint32(d.n)}
	place := gemmPush{}
	switch {
	case o.rows != nil:
		place.place(*o.rows)
	case o.merge != nil:
		place.MapH, place.MapW, place.Size, place.Down = uint32(o.merge.mapH), uint32(o.merge.mapW), uint32(o.merge.outW), uint32(o.merge.outH)
	}
	push.MapH, push.MapW, push.PadH, push.PadW = place.MapH, place.MapW, place.PadH, place.PadW
	push.Size, push.Down, push.Right = place.Size, place.Down, place.Right
	if o.norm != nil {
		push.Eps = float32(o.norm.Eps)
	}
	t := l.style.tile(d, l.measured)
	down, across := t.groups(d.m, d.n)
	weight := l.packed(p.weight)
	pick := func(id graph.ID) operand { // what is not there has some address, and is not read
		if id < 0 {
			return weight
		}
		return l.whole(id, 4)
	}
	scratch := weight
	if d.staged() {
		scratch = l.scratch(4 * int64(down*across*t.rows) * int64(d.k))
	}
	l.list = append(l.list, dispatch{
		path: s.path, shader: "gemm_uniform" + d.variant, addressed: true, push: push,
		constants: append(append(constants(t.group, o.bias, o.gelu, o.residual, o.norm != nil, d.mode), t.constants...),
			constants(d.n%uniformPanel != 0, uniformStep(d.k), 1, false, false)...),
		operands: []operand{l.whole(p.x, 4), weight, pick(p.bias), pick(p.residual), l.write(s.out, 4, 0, d.m*d.n),
			pick(p.normWeight), pick(p.normBias), scratch},
		groups: [3]int{down, across, 1},
		flops:  2 * int64(d.m) * int64(d.n) * int64(d.k),
	})
	return nil
}

// uniformStep is how many elements of K a turn of the shader's loop takes. The driver keeps
// the accumulators of lanes that have left a loop by a selection in every turn, so long turns are
// nearly half as fast again as short ones; beyond 32 there is nothing to gain.
func uniformStep(k int) int {
	for _, step := range []int{32, 16} {
		if k%step == 0 {
			return step
		}
	}
	return 8
}
