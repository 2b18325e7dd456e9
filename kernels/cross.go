package kernels

import (
	"math"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// matrices is an operand of products numbered by picture and head: element (r, c) of
// product (g, h) is element g*picture + h*head + r*row + c of the value.
type matrices struct {
	id                 graph.ID // below 0: the step's scratch
	picture, head, row int
}

// cross is a product for each picture and head: C = clamp(alpha * A B + bias) + residual. A is
// [m, k], B [k, n], stored as [n, k] if transposed, C [m, n].
type cross struct {
	a, b, c                matrices
	transposed             bool
	strides                *strides // of B, where it lies in another order; of the uniform shader alone
	turned                 bool     // A is stored as [k, m]; not with transposed
	bias                   graph.ID // noBias for none
	biasPicture, biasHead  int      // by which its n elements move on
	pictures, heads        int
	m, n, k                int
	alpha                  float64
	scale                  graph.ID // LOGITS of gemm.glsl, -1 for none
	limit                  float64  // where not 0; of other shaders than the uniform one, with scale alone
	adds                   bool     // to what C holds
	gelu                   bool     // of the sum
	residual               graph.ID // as C, noBias for none
	types                  string   // of the operands, where they have 16-bit floats
	beginA, beginB, beginC int      // elements of the values before the first product's
	only                   span     // the pictures that are computed, all if there are none in it
}

// computed are the pictures of a cross that are computed.
func (x cross) computed() span {
	if x.only.units() > 0 {
		return x.only
	}
	return span{0, x.pictures}
}

// block is a part of a cross that is one dispatch.
type block struct{ pictures, heads, m, n, k span }

// extent is the range of elements of a matrix operand that a block touches.
func (x matrices) extent(b block, rows, cols span) span {
	begin := b.pictures.begin*x.picture + b.heads.begin*x.head + rows.begin*x.row + cols.begin
	last := (b.pictures.end-1)*x.picture + (b.heads.end-1)*x.head + (rows.end-1)*x.row + cols.end
	return span{begin, last}
}

// extents are those of a, b and c.
func (x cross) extents(b block) (a, second, c span) {
	second = x.b.extent(b, b.k, b.n)
	if x.transposed {
		second = x.b.extent(b, b.n, b.k)
	}
	first := x.a.extent(b, b.m, b.k)
	if x.turned {
		first = x.a.extent(b, b.k, b.m)
	}
	return first.from(x.beginA), second.from(x.beginB), x.c.extent(b, b.m, b.n).from(x.beginC)
}

// around is the operand of a range, begun early where it has to be aligned, and how many
// elements of it come before the range.
func (l *lowerer) around(id graph.ID, width int, r span, access engine.Access) (operand, uint32) {
	before := r.begin % int(l.align/l.size(id))
	return l.operand(id, width, r.begin-before, r.units()+before, access), uint32(before)
}

// fits reports whether a block's operands fit bindings, and its grid the device.
func (l *lowerer) fits(x cross, b block) bool {
	fit := func(id graph.ID, r span) bool {
		return l.size(id)*int64(r.units()+r.begin%int(l.align/l.size(id))) <= l.limit
	}
	first, second, c := x.extents(b)
	return !l.tooDeep(x, b) && fit(x.a.id, first) && fit(x.b.id, second) && fit(x.c.id, c) &&
		b.pictures.units()*b.heads.units() <= l.caps.MaxWorkgroups[2] && b.m.units() <= l.mostRows(b.n.units(), b.k.units()) && b.n.units() <= l.mostColumns()
}

// directDepth is how many elements of k a software driver multiplies at a time where it can:
// more columns of B than stay in the cache are fetched anew for every tile of rows, and sums that wait
// in memory are cheap beside that (llvmpipe, Mesa 22.3, processor time: 2048 x 256 x 22400
// at 25 GFLOP/s in place of 16, 22400 x 256 x 2048 at 27 in place of 19).
const directDepth = 1100

// tooDeep reports whether a block is better cut along k.
func (l *lowerer) tooDeep(x cross, b block) bool {
	return l.style.Cores > 0 && !x.transposed && !x.gelu && b.k.units() > directDepth
}

// mostColumns bounds the columns of one product by the grid: 32 are the fewest of a workgroup of
// 8 invocations or more.
func (l *lowerer) mostColumns() int {
	return min(l.caps.MaxWorkgroups[0], l.caps.MaxWorkgroups[1]) * min(4*l.style.Group, 32)
}

// halved cuts a span in two, at a multiple of a granule.
func (s span) halved(granule int) (span, span, bool) {
	middle := s.begin + max(ceilDiv(s.units()/2, granule), 1)*granule
	if middle >= s.end {
		return s, s, false
	}
	return span{s.begin, middle}, span{middle, s.end}, true
}

// blocks cuts a block until every part fits: by pictures, by heads, by rows of A, and, where that
// does not help because B is what is too large or k too long, by its rows. Parts along k are in order.
func (l *lowerer) blocks(x cross, b block) []block {
	if l.err != nil {
		return nil
	}
	if l.fits(x, b) {
		return []block{b}
	}
	_, second, c := x.extents(b)
	one, two, ok := b, b, false
	cut := func(axis func(*block) *span, granule int) {
		if !ok {
			*axis(&one), *axis(&two), ok = axis(&b).halved(granule)
		}
	}
	cut(func(b *block) *span { return &b.pictures }, 1)
	cut(func(b *block) *span { return &b.heads }, 1)
	if b.n.units() > l.mostColumns() {
		cut(func(b *block) *span { return &b.n }, 16)
	}
	if 4*int64(second.units())+l.align <= l.limit && !l.tooDeep(x, b) {
		cut(func(b *block) *span { return &b.m }, 16)
	}
	if x.transposed {
		cut(func(b *block) *span { return &b.n }, 16)
	} else {
		cut(func(b *block) *span { return &b.k }, 16)
		cut(func(b *block) *span { return &b.k }, 4)
	}
	if !ok {
		l.fail("a part of the product (%d x %d x %d, %d bytes) does not fit a binding of %d bytes: %w",
			b.m.units(), b.n.units(), b.k.units(), 4*int64(max(second.units(), c.units())), l.limit, engine.ErrUnsupported)
		return nil
	}
	return append(l.blocks(x, one), l.blocks(x, two)...)
}

// crossVariant is the variant that reads and stores a cross, and the floats of an element of
// a, b and c.
func (x cross) crossVariant() (variant string, a, b, c int) {
	whole := func(numbers ...int) bool {
		for _, n := range numbers {
			if n%4 != 0 {
				return false
			}
		}
		return true
	}
	vectorA := whole(x.k, x.beginA, x.a.picture, x.a.head, x.a.row)
	vectorB := whole(x.beginB, x.b.picture, x.b.head, x.b.row)
	vectorC := whole(x.n, x.beginC, x.c.picture, x.c.head, x.c.row, x.biasPicture, x.biasHead)
	name := "_scores"
	if x.scale >= 0 {
		name = "_logits"
	}
	switch {
	case x.turned && vectorB && vectorC:
		return "_turned", 1, 4, 4
	case x.turned:
		return "_turned_scalar", 1, 1, 1
	case x.transposed && vectorA && vectorB:
		return name, 4, 4, 1
	case x.transposed:
		return name + "_scalar", 1, 1, 1
	case vectorB && vectorC && vectorA:
		return "", 4, 4, 4
	case vectorB && vectorC:
		return "_context", 1, 4, 4
	}
	return "_scalar", 1, 1, 1
}

// emitCross appends the dispatches of a cross.
func (l *lowerer) emitCross(s step, x cross) {
	all := block{x.computed(), span{0, x.heads}, span{0, x.m}, span{0, x.n}, span{0, x.k}}
	variant, widthA, widthB, widthC := x.crossVariant()
	for _, b := range l.blocks(x, all) {
		first, second, third := x.extents(b)
		push := gemmPush{M: uint32(b.m.units()), N: uint32(b.n.units()), K: uint32(b.k.units()),
			LDA: uint32(x.a.row), LDB: uint32(x.b.row), LDC: uint32(x.c.row), Heads: uint32(b.heads.units()),
			AG: uint32(x.a.picture), AH: uint32(x.a.head), BG: uint32(x.b.picture), BH: uint32(x.b.head), CG: uint32(x.c.picture), CH: uint32(x.c.head),
			Alpha: float32(x.alpha), BiasG: uint32(x.biasPicture), BiasH: uint32(x.biasHead), Limit: float32(x.limit)}
		sums := b.k.begin > 0 || x.adds
		p := product{variant: variant + x.types, batch: b.pictures.units() * b.heads.units(), mode: identity,
			epilogue: linear{bias: x.bias != noBias && b.k.begin == 0, gelu: x.gelu && b.k.end == x.k, residual: sums || x.residual != noBias}}
		var operandA, operandB, c operand
		operandA, push.ABase = l.around(x.a.id, widthA, first, engine.Read)
		operandB, push.BBase = l.around(x.b.id, widthB, second, engine.Read)
		c, push.CBase = l.around(x.c.id, widthC, third, engine.Write)
		plain := operandB.unread()
		plain.width = widthC
		bias, residual := plain, plain
		if p.epilogue.bias {
			at := b.pictures.begin*x.biasPicture + b.heads.begin*x.biasHead + b.n.begin
			end := (b.pictures.end-1)*x.biasPicture + (b.heads.end-1)*x.biasHead + b.n.end
			bias, push.BiasBase = l.around(x.bias, widthC, span{at, end}, engine.Read)
		}
		if sums {
			residual = c
			residual.access = engine.Read
		} else if p.epilogue.residual {
			residual, _ = l.around(x.residual, widthC, third, engine.Read)
		}
		p.push, p.operands = push, []operand{operandA, operandB, bias, residual, c}
		switch {
		case x.scale >= 0:
			p.operands = append(p.operands, l.whole(x.scale, 1))
		case variant == "":
			p.operands = append(p.operands, plain, plain)
		}
		l.emitProduct(s, p)
	}
}

// noBias stands for no value where scratch is one too.
const noBias = graph.ID(math.MinInt32)

// operandAt is operand i, if there is one.
func operandAt(in []graph.ID, i int) graph.ID {
	if i < len(in) {
		return in[i]
	}
	return noBias
}

// crossOf is the product that a step is.
func (l *lowerer) crossOf(s step) cross {
	x := cross{bias: noBias, residual: noBias, heads: 1, alpha: 1, scale: -1}
	first := l.shape(s.in[0])
	switch o := s.op.(type) {
	case linear: // x Wᵀ + bias, W being packed as [K, N], or lying as it is
		p, n, k := o.operands(s.in), l.shape(s.out).Last(), first.Last()
		x.a, x.b, x.c = matrices{p.x, 0, 0, k}, matrices{p.weight, 0, 0, n}, matrices{s.out, 0, 0, n}
		if !l.isPacked(p.weight) {
			x.transposed, x.b.row = true, k
		}
		x.m, x.n, x.k, x.gelu, x.types = first.Rows(), n, k, o.gelu, l.types(p.x, p.weight, s.out)
		if o.bias {
			x.bias = p.bias
		}
		if o.residual {
			x.residual = p.residual
		}
		x.pictures = 1
		return x
	case graph.LinearGradX: // g W
		n, k := first.Last(), l.shape(s.out).Last()
		x.a, x.b, x.c = matrices{s.in[0], 0, 0, n}, matrices{s.in[1], 0, 0, k}, matrices{s.out, 0, 0, k}
		x.m, x.n, x.k, x.pictures = first.Rows(), k, n, 1
		return x
	case graph.HeadLinearGradWeight: // gᵀ x of each picture and head
		t, e, c := first[1], first[2], l.shape(s.out)[1]
		x.heads, x.turned = o.Heads, true
		x.a, x.b = matrices{s.in[0], t * e, e / o.Heads, e}, matrices{s.in[1], o.Heads * t * c, t * c, c}
		x.c = matrices{s.out, 0, e / o.Heads * c, c}
		x.m, x.n, x.k, x.pictures = e/o.Heads, c, t, first[0]
		return x
	case graph.Scores: // scale * q kᵀ of each window, which lie in qkv side by side
		n, c := first[1], first[2]/3
		x.heads, x.alpha, x.transposed, x.beginB = o.Heads, o.Scale, true, c
		x.a = matrices{s.in[0], n * 3 * c, c / o.Heads, 3 * c}
		x.b, x.c = x.a, matrices{s.out, o.Heads * n * n, n * n, n}
		x.m, x.n, x.k = n, n, c/o.Heads
	case graph.Context: // the weighted sum of the values of each window, heads side by side
		n, c := first[2], l.shape(s.out).Last()
		x.heads, x.beginB = o.Heads, 2*c
		x.a, x.b = matrices{s.in[0], o.Heads * n * n, n * n, n}, matrices{s.in[1], n * 3 * c, c / o.Heads, 3 * c}
		x.c = matrices{s.out, n * c, c / o.Heads, c}
		x.m, x.n, x.k = n, c/o.Heads, n
	case graph.CrossScores: // scale * q kᵀ + bias of each picture
		n, m, e := first[1], l.shape(s.in[1])[1], first[2]
		x.heads, x.alpha, x.transposed, x.bias, x.biasPicture = o.Heads, o.Scale, true, operandAt(s.in, 2), m
		x.a, x.b = matrices{s.in[0], n * e, e / o.Heads, e}, matrices{s.in[1], m * e, e / o.Heads, e}
		x.c = matrices{s.out, o.Heads * n * m, n * m, m}
		x.m, x.n, x.k = n, m, e/o.Heads
	case graph.CrossContext: // the weighted sum of values, heads side by side
		n, m, e := first[2], first[3], l.shape(s.in[1])[2]
		x.heads, x.bias, x.biasHead = o.Heads, operandAt(s.in, 2), e/o.Heads
		x.a, x.b = matrices{s.in[0], o.Heads * n * m, n * m, m}, matrices{s.in[1], m * e, e / o.Heads, e}
		x.c = matrices{s.out, n * e, e / o.Heads, e}
		x.m, x.n, x.k = n, e/o.Heads, m
	case graph.AbsorbKeys: // scale * k W, heads below one another
		t, e, c := first[1], first[2], l.shape(s.out)[2]
		x.heads, x.alpha = o.Heads, o.Scale
		x.a, x.b = matrices{s.in[0], t * e, e / o.Heads, e}, matrices{s.in[1], 0, e / o.Heads * c, c}
		x.c = matrices{s.out, o.Heads * t * c, t * c, c}
		x.m, x.n, x.k = t, c, e/o.Heads
	case graph.AbsorbBias: // scale * b kᵀ + mask of each picture, heads side by side
		t, e := first[1], first[2]
		x.heads, x.alpha, x.transposed, x.bias, x.biasPicture = o.Heads, o.Scale, true, operandAt(s.in, 2), t
		x.a, x.b = matrices{s.in[1], 0, e / o.Heads, e}, matrices{s.in[0], t * e, e / o.Heads, e}
		x.c = matrices{s.out, o.Heads * t, t, t}
		x.m, x.n, x.k = 1, t, e/o.Heads
	case graph.AbsorbValues: // v Wᵀ, heads below one another
		t, e, c := first[1], first[2], l.shape(s.out)[2]
		x.heads, x.transposed = o.Heads, true
		x.a, x.b = matrices{s.in[0], t * e, e / o.Heads, e}, matrices{s.in[1], 0, e / o.Heads, e}
		x.c = matrices{s.out, o.Heads * t * c, t * c, c}
		x.m, x.n, x.k = t, c, e/o.Heads
	case graph.HeadLinear: // x Wᵀ + bias by each head's rows of W, heads side by side
		t, e, c := l.shape(s.out)[1], l.shape(s.out)[2], first[2]
		x.heads, x.transposed, x.bias, x.biasHead = o.Heads, true, s.in[2], e/o.Heads
		x.a, x.b = matrices{s.in[0], o.Heads * t * c, t * c, c}, matrices{s.in[1], 0, e / o.Heads * c, c}
		x.c = matrices{s.out, t * e, e / o.Heads, e}
		x.m, x.n, x.k = t, e/o.Heads, c
	case graph.TokenLogits: // clamp(x pᵀ / exp(log_scale) + bias of each token)
		n, m, c := l.shape(s.out)[1], l.shape(s.out)[2], first.Last()
		x.transposed, x.bias, x.biasPicture, x.scale, x.limit = true, scratchOf(l.at), m, s.in[5], o.Limit
		x.a, x.b, x.c = matrices{s.in[0], n * c, 0, c}, matrices{s.in[1], m * c, 0, c}, matrices{s.out, n * m, 0, m}
		x.m, x.n, x.k = n, m, c
	}
	x.pictures = l.shape(s.out)[0]
	return x
}

// cross lowers a product for each picture and head.
func (l *lowerer) cross(s step) {
	l.product(s, l.crossOf(s), l.tokenBiases(s))
}

// product lowers a cross; byte at of the step's scratch is where memory for it begins (productBytes).
func (l *lowerer) product(s step, x cross, at int64) {
	if l.takesUniform(x) {
		l.crossUniform(s, x, at)
	} else {
		l.emitCross(s, x)
	}
}

// productBytes is the memory of a cross in scratch.
func (l *lowerer) productBytes(x cross) int64 {
	if l.takesUniform(x) {
		return l.crossBytes(x)
	}
	return 0
}

// tokenBiases is the memory for a bias of every token, aligned.
func (l *lowerer) tokenBiases(s step) int64 {
	if graph.Kind(s.op) != graph.Kind(graph.TokenLogits{}) {
		return 0
	}
	y := l.shape(s.out)
	return roundUp(4*int64(y[0]*y[2]), l.align)
}

// tokenLogits lowers the bias of every token, e·bias_lang + bias0, as a product with one
// column, then the product of positions and tokens.
func (l *lowerer) tokenLogits(s step) {
	y, d := l.shape(s.out), l.shape(s.in[2]).Last()
	l.emitCross(s, cross{
		a: matrices{s.in[2], 0, 0, d}, b: matrices{s.in[3], 0, 0, 1}, c: matrices{scratchOf(l.at), 0, 0, 1}, bias: s.in[4], residual: noBias,
		pictures: 1, heads: 1, m: y[0] * y[2], n: 1, k: d, alpha: 1, scale: -1,
	})
	l.cross(s)
}
