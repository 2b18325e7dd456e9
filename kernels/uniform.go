package kernels

import "github.com/glipvk/glipvk/engine"

// uniformPush mirrors the block of gemm_uniform.comp; the engine fills in the addresses.
type uniformPush struct {
	A, B, Bias, Residual, C, Weight, Shift, Scratch uint64
	M, N, K                                         uint32
	Eps                                             float32
	placing
	Row0, LDA, LDC uint32
}

// uniformShape is the product of a step whose weight lies in panels.
func (l *lowerer) uniformShape(s step, o linear, p linearOperands) shape {
	n := l.shape(s.out).Last()
	mode, _ := o.placed()
	return shape{m: l.shape(s.out).Rows(), n: n, k: l.shape(p.weight).Elements() / n, variant: l.types(p.x, p.weight, s.out), norm: o.norm != nil, mode: mode}
}

// linearScratch is memory for rows of a product as they are multiplied: each workgroup has
// its own.
func (l *lowerer) linearScratch(s step) int64 {
	o := s.op.(linear)
	p := o.operands(s.in)
	if !l.isPacked(p.weight) {
		return l.productBytes(l.crossOf(s))
	}
	if !l.packing(p.weight).panels {
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
func (l *lowerer) linearUniform(s step, o linear, p linearOperands) {
	d := l.uniformShape(s, o, p)
	_, where := o.placed()
	push := uniformPush{M: uint32(d.m), N: uint32(d.n), K: uint32(d.k), LDA: uint32(d.k), LDC: uint32(d.n), placing: where, Eps: o.eps()}
	t := l.style.tile(d, l.measured)
	down, across := t.groups(d.m, d.n)
	weight := l.packed(p.weight)
	scratch := weight
	if d.staged() {
		scratch = l.scratchPart(0, 4*int64(down*across*t.rows)*int64(d.k), 4, engine.ReadWrite)
	}
	l.list = append(l.list, dispatch{
		path: s.path, shader: "gemm_uniform" + d.variant, addressed: true, push: push,
		constants: append(append(constants(t.group, o.bias, o.gelu, o.residual, o.norm != nil, d.mode), t.constants...),
			t.uniformLoops(d.n, d.k, 1, false, false)...),
		operands: []operand{l.whole(p.x, 4), weight, l.optional(p.bias, weight), l.optional(p.residual, weight), l.write(s.out, 4, 0, d.m*d.n),
			l.optional(p.normWeight, weight), l.optional(p.normBias, weight), scratch},
		groups: [3]int{down, across, 1},
		flops:  2 * int64(d.m) * int64(d.n) * int64(d.k),
	})
}

// acrossBytes is how large the panels of a workgroup may be to be gone through anew for each tile of rows. What a
// tile stores then lies beside what the one before did, which matters where K is short.
const acrossBytes = 256 << 10

// uniformLoops are the constants of gemm_uniform.comp from EDGE on, for a product with n columns and rows of
// depth elements of each of side*side taps: how much a turn of a loop takes, and which tile follows which.
func (t Tile) uniformLoops(n, depth, side int, ragged, clamp bool) []uint32 {
	run := 4
	for _, r := range []int{8, 16, 12} {
		if depth%(uniformLanes*r) == 0 {
			run = r
		}
	}
	across := 4*uniformPanel*int(t.constants[2])*depth*side*side <= acrossBytes
	return constants(n%uniformPanel != 0, uniformStep(depth), side, ragged, clamp, across, run)
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
