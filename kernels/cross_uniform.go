package kernels

import "github.com/glipvk/glipvk/engine"

const (
	crossWork  = 1 << 20 // multiply-adds of a product below which making panels does not pay
	crossDepth = 1024    // elements of k in panels that stay in the cache while rows pass by
	crossDeep  = 4096    // where few rows do, and panels are hardly read again
	crossFew   = 64
)

// takesUniform reports whether the uniform shader multiplies a cross: there is enough to do, and
// what belongs to a picture or a head begins where a vec4 does.
func (l *lowerer) takesUniform(x cross) bool {
	whole := func(count int, strides ...int) bool {
		for _, n := range strides {
			if count > 1 && n%4 != 0 {
				return false
			}
		}
		return true
	}
	most := l.caps.MaxWorkgroups
	return l.style.Gemm == uniform && x.types == "" && !x.gelu && x.m*x.n*x.k >= crossWork && ceilDiv(x.n, uniformPanel) <= min(most[0], most[1]) && x.m <= most[0] &&
		(x.beginA|x.beginB|x.beginC)%4 == 0 &&
		whole(x.pictures, x.a.picture, x.b.picture, x.c.picture, x.biasPicture) && whole(x.heads, x.a.head, x.b.head, x.c.head, x.biasHead)
}

// crossPart is how the uniform shader multiplies a run of k of one picture and head.
type crossPart struct {
	k      span
	deep   int // the run, padded with zeros to a multiple of 8
	staged staged
	panels int64 // bytes
}

// crossParts cuts k where panels would outgrow the cache, equally.
func (l *lowerer) crossParts(x cross) []crossPart {
	each, most := x.k, crossDepth
	if x.m <= crossFew {
		most = crossDeep
	}
	if x.k > most {
		each = ceilDiv(ceilDiv(x.k, ceilDiv(x.k, most/2)), 32) * 32
	}
	var list []crossPart
	for begin := 0; begin < x.k; begin += each {
		p := crossPart{k: span{begin, min(begin+each, x.k)}}
		p.deep = ceilDiv(p.k.units(), 8) * 8
		d := shape{m: x.m, n: x.n, k: p.deep, mode: identity}
		if p.deep != p.k.units() || x.a.row%4 != 0 {
			d.mode = padded
		}
		if x.turned {
			d.mode = turned
		}
		p.staged = l.stagedParts(d)
		p.panels = 4 * int64(ceilDiv(x.n, uniformPanel)*uniformPanel) * int64(p.deep)
		list = append(list, p)
	}
	return list
}

// crossBytes is the memory for the panels of a cross and for rows.
func (l *lowerer) crossBytes(x cross) int64 {
	var panels, rows int64
	for _, p := range l.crossParts(x) {
		panels, rows = max(panels, p.panels), max(rows, p.staged.bytes)
	}
	return panels + rows
}

// crossScratch is the memory of a cross beside its values: the biases of tokens, panels, rows.
func (l *lowerer) crossScratch(s step) int64 {
	return l.tokenBiases(s) + l.productBytes(l.crossOf(s))
}

// panelsPush mirrors the block of panels.comp; the engine fills in the addresses.
type panelsPush struct {
	B, Panels, Scale  uint64
	N, K, Padded, LDB uint32
	Alpha             float32
	Row0              uint32
	strides
}

// strides say where element (r, c) of a matrix lies that is neither plain nor transposed: Begin + r / Rows * R0 +
// r % Rows * R1 + c / Columns * C0 + c % Columns * C1.
type strides struct{ Begin, Rows, R0, R1, Columns, C0, C1 uint32 }

// panelRows is how many rows of a panel a workgroup of panels.comp makes.
const panelRows = 64

// crossUniform lowers a cross as products with panels that are made before each, in scratch from
// byte at on.
func (l *lowerer) crossUniform(s step, x cross, at int64) {
	parts := l.crossParts(x)
	for picture := x.computed().begin; picture < x.computed().end; picture++ {
		for head := range x.heads {
			b := block{pictures: span{picture, picture + 1}, heads: span{head, head + 1}, m: span{0, x.m}, n: span{0, x.n}}
			for _, p := range parts {
				b.k = p.k
				l.crossPanels(s, x, b, p, at)
				l.crossRows(s, x, b, p, at)
			}
		}
	}
}

// crossPanels makes the panels of a block's B.
func (l *lowerer) crossPanels(s step, x cross, b block, p crossPart, at int64) {
	_, second, _ := x.extents(b)
	from := l.read(x.b.id, 4, second.begin, second.units())
	push := panelsPush{N: uint32(x.n), K: uint32(p.k.units()), Padded: uint32(p.deep), LDB: uint32(x.b.row), Alpha: float32(x.alpha)}
	shader := "panels_strided"
	switch {
	case x.strides != nil:
		if push.strides = *x.strides; x.b.id >= 0 {
			from, push.Row0 = l.whole(x.b.id, 4), uint32(p.k.begin)
		}
	case x.transposed:
		push.strides = strides{Rows: 1, R0: 1, Columns: 1, C0: uint32(x.b.row)}
	default:
		shader = "panels"
	}
	scale := from
	if x.scale >= 0 {
		scale = l.whole(x.scale, 4)
	}
	l.list = append(l.list, dispatch{
		path: s.path, shader: shader, addressed: true, constants: constants(l.style.Group, panelRows, x.scale >= 0), push: push,
		operands: []operand{from, l.scratchPart(at, p.panels, 4, engine.Write), scale},
		groups:   [3]int{ceilDiv(x.n, uniformPanel), ceilDiv(p.deep, panelRows), 1},
	})
}

// crossRows multiplies a block's A with its panels.
func (l *lowerer) crossRows(s step, x cross, b block, p crossPart, at int64) {
	d, t := p.staged.shape, p.staged.tile
	adds := b.k.begin > 0 || x.adds
	biased := b.k.begin == 0 && x.bias != noBias
	panels := l.scratchPart(at, p.panels, 4, engine.Read)
	bias := panels
	if biased {
		bias = l.read(x.bias, 4, b.pictures.begin*x.biasPicture+b.heads.begin*x.biasHead, x.n)
	}
	for row := 0; row < x.m; row += p.staged.rows {
		b.m = span{row, min(row+p.staged.rows, x.m)}
		from, _, to := x.extents(b)
		c := l.write(x.c.id, 4, to.begin, to.units())
		residual := panels
		if adds {
			residual = c
			residual.access = engine.Read
		} else if x.residual != noBias {
			residual = l.read(x.residual, 4, to.begin, to.units())
		}
		scratch := panels
		if p.staged.bytes > 0 {
			scratch = l.scratchPart(at+p.panels, p.staged.bytes, 4, engine.ReadWrite)
		}
		down, across := t.groups(b.m.units(), x.n)
		l.list = append(l.list, dispatch{
			path: s.path, shader: "gemm_uniform", addressed: true,
			push: uniformPush{M: uint32(b.m.units()), N: uint32(x.n), K: uint32(p.deep), Eps: float32(x.limit),
				placing: placing{Size: uint32(p.k.units())}, LDA: uint32(x.a.row), LDC: uint32(x.c.row)},
			constants: append(append(constants(t.group, biased, false, adds || x.residual != noBias, false, d.mode), t.constants...),
				t.uniformLoops(x.n, p.deep, 1, x.n%4 != 0 || x.c.row%4 != 0, x.limit != 0)...),
			operands: []operand{l.read(x.a.id, 4, from.begin, from.units()), panels, bias, residual, c, panels, panels, scratch},
			groups:   [3]int{down, across, 1},
			flops:    2 * int64(b.m.units()) * int64(x.n) * int64(p.k.units()),
		})
	}
}
