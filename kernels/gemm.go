package kernels

import (
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// gemmPush mirrors the block of shaders/include/gemm.glsl; sizes and offsets in elements.
type gemmPush struct {
	M, N, K                uint32
	LDA, LDB, LDC          uint32
	Heads                  uint32
	ABase, BBase, CBase    uint32
	AG, AH, BG, BH, CG, CH uint32
	Alpha                  float32
	Row0                   uint32
	placing
	Eps                    float32
	BiasBase, BiasG, BiasH uint32
	Limit                  float32
}

// placing says where the rows of a product lie in a map (shaders/include/rowmap.glsl).
type placing struct {
	MapH, MapW, PadH, PadW uint32
	Size, Down, Right      uint32
}

// placed is how the rows of x are found: the mode, and where.
func (o linear) placed() (moveMode, placing) {
	switch {
	case o.rows != nil:
		m := o.rows
		return m.mode, placing{uint32(m.mapH), uint32(m.mapW), uint32(m.padH), uint32(m.padW), uint32(m.size), uint32(m.down), uint32(m.right)}
	case o.merge != nil:
		m := o.merge
		return merged, placing{MapH: uint32(m.mapH), MapW: uint32(m.mapW), Size: uint32(m.outW), Down: uint32(m.outH)}
	}
	return identity, placing{}
}

// eps is that of the norm, if rows are normed.
func (o linear) eps() float32 {
	if o.norm == nil {
		return 0
	}
	return float32(o.norm.Eps)
}

// optional is all of an operand, or where there is none something else to bind, which is not read.
func (l *lowerer) optional(id graph.ID, other operand) operand {
	if id < 0 {
		return other
	}
	return l.whole(id, 4)
}

// product is one (batched) matrix product to emit.
type product struct {
	variant  string    // "", "_scores", ... : the operand layouts of gemm.glsl
	operands []operand // a, b, bias, residual, c, then weight and shift of the norm where rows are mapped
	push     gemmPush
	batch    int
	epilogue linear
	mode     moveMode
	side     int // of the kernel whose rows A_CONV reads, 0 for other products
}

// emitProduct appends the dispatch of a product whose operands all fit.
func (l *lowerer) emitProduct(s step, p product) {
	style := l.style.withoutUniform()
	e := p.epilogue
	t := style.tile(shape{int(p.push.M), int(p.push.N), int(p.push.K), p.variant, e.norm != nil, p.mode}, l.measured)
	down, across := t.groups(int(p.push.M), int(p.push.N))
	groups := [3]int{across, down, p.batch}
	if t.gemm == direct {
		groups = [3]int{down, across, p.batch}
	}
	rows := constants(e.norm != nil, p.mode)
	if p.side > 0 {
		rows = constants(p.side, p.mode == deformed)
	}
	l.emit(s, "gemm_"+string(t.gemm)+p.variant, dispatch{
		subgroup:  style.subgroup(t),
		constants: slices.Concat(constants(t.group, e.bias, e.gelu, e.residual), rows, t.constants),
		push:      p.push,
		operands:  p.operands,
		groups:    groups,
		flops:     2 * int64(p.push.M) * int64(p.push.N) * int64(p.push.K) * int64(p.batch),
	})
}

// linear lowers y = x Wᵀ + b with what is joined to it.
func (l *lowerer) linear(s step) {
	o := s.op.(linear)
	p := o.operands(s.in)
	w := l.shape(p.weight)
	switch {
	case !l.isPacked(p.weight):
		l.product(s, l.crossOf(s), 0)
	case l.packing(p.weight).panels:
		l.linearUniform(s, o, p)
	case w.Elements()/w[0]%4 != 0 || w[0]%4 != 0 || l.linearDeep(o, p) || l.size(p.weight)*int64(w.Elements()) > l.limit:
		l.emitCross(s, l.crossOf(s))
	default:
		l.linearMapped(s, o, p)
	}
}

// linearDeep reports whether a product is better cut along K (directDepth): a plain one, whose rows are
// so many that the columns of its weight would be fetched often, and a dispatch more weighs nothing.
func (l *lowerer) linearDeep(o linear, p linearOperands) bool {
	const manyRows = 2500 // GLIP-L at 384x384 has 2304 in its second stage; there a dispatch more costs what is gained
	plain := !o.gelu && o.norm == nil && o.rows == nil && o.merge == nil && !l.packing(p.weight).half
	return plain && l.style.Cores > 0 && l.shape(p.x).Rows() >= manyRows && l.shape(p.x).Last() > directDepth
}

// types is the part of a variant's name that says which operands have 16-bit floats.
func (l *lowerer) types(x, weight, out graph.ID) string {
	if !l.packing(weight).half {
		return ""
	}
	switch {
	case l.half[x]:
		return "_hhf"
	case l.half[out]:
		return "_fhh"
	}
	return "_fhf"
}

// linearMapped lowers a product whose weight, packed as [K, N], is bound whole, rows
// mapped and normed as they are read. Rows are split so that x, y and the residual fit a binding;
// x is bound whole where its rows are gathered.
func (l *lowerer) linearMapped(s step, o linear, p linearOperands) {
	n, rows := l.shape(s.out).Last(), l.shape(s.out).Rows()
	k := l.shape(p.weight).Elements() / n
	variant, width := "", 4
	mode, where := o.placed()
	push := gemmPush{N: uint32(n), K: uint32(k), LDA: uint32(k), LDB: uint32(n), LDC: uint32(n), Heads: 1, Alpha: 1, placing: where, Eps: o.eps()}
	perUnit := []int64{l.size(s.out) * int64(n)}
	if p.residual >= 0 {
		perUnit = append(perUnit, 4*int64(n))
	}
	switch mode {
	case identity:
		perUnit = append(perUnit, l.size(p.x)*int64(k))
	case merged:
		variant, width = "_merge", 1
	}
	variant += l.types(p.x, p.weight, s.out)
	for _, r := range l.spans(rows, l.mostRows(n, k), perUnit...) {
		push.M, push.Row0 = uint32(r.units()), uint32(r.begin)
		x := l.whole(p.x, width)
		if mode == identity {
			x, push.Row0 = l.read(p.x, width, r.begin*k, r.units()*k), 0
		}
		b := l.whole(p.weight, 4)
		residual := b.unread()
		if p.residual >= 0 {
			residual = l.read(p.residual, 4, r.begin*n, r.units()*n)
		}
		l.emitProduct(s, product{variant: variant, push: push, batch: 1, epilogue: o, mode: mode,
			operands: []operand{x, b, l.optional(p.bias, b.unread()), residual, l.write(s.out, 4, r.begin*n, r.units()*n),
				l.optional(p.normWeight, b.unread()), l.optional(p.normBias, b.unread())}})
	}
}

// unread is something to bind where a shader declares 32-bit floats that it will not read.
func (o operand) unread() operand {
	o.half = false
	return o
}

// mostRows bounds the rows of one product by the grid.
func (l *lowerer) mostRows(n, k int) int {
	style := l.style.withoutUniform()
	least := 64
	for _, t := range style.tiles(shape{m: 1 << 20, n: n, k: k, variant: "_fhf"}) {
		least = min(least, t.rows)
	}
	return min(l.caps.MaxWorkgroups[0], l.caps.MaxWorkgroups[1]) * least
}
