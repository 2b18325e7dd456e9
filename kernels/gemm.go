package kernels

import (
	"fmt"

	"github.com/glipvk/glipvk/engine"
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
}

// tile is the share of a workgroup: rows and columns of C it computes, and the
// specialization constants that say so.
type tile struct {
	rows, cols int
	group      int
	constants  []uint32 // from constant 4 on
}

// directTiles are the register tiles of gemm_direct, rows by vec4 columns of a lane,
// with their speed relative to the first where nothing is wasted and the cache
// suffices (llvmpipe, Mesa 22.3, processor time of 768 cubed and of Swin's shapes).
var directTiles = []struct {
	rows, cols int
	speed      float64
}{{8, 3, 1}, {14, 1, 0.95}, {12, 1, 0.95}, {8, 2, 0.9}, {7, 1, 0.85}, {8, 1, 0.8}, {4, 1, 0.6}, {1, 2, 0.25}}

// directCache is what one core of a software driver's processor keeps close, in bytes:
// a panel of B that outgrows it is fetched anew for every tile, which was seen to cost
// a factor of two to four.
const (
	directCache   = 448 << 10
	directPenalty = 0.4
)

// chooseTile picks the tile that wastes least of an M x N x K product, weighed by speed.
func (s style) chooseTile(m, n, k int) tile {
	if s.direct {
		best, cost := tile{}, 0.0
		for _, t := range directTiles {
			rows, cols := t.rows, 4*t.cols*s.group
			c := float64(ceilDiv(m, rows)*rows) * float64(ceilDiv(n, cols)*cols) / t.speed
			if 4*cols*k > directCache {
				c /= directPenalty
			}
			if best.rows == 0 || c < cost {
				best, cost = tile{rows, cols, s.group, constants(t.rows, t.cols)}, c
			}
		}
		return best
	}
	// 64 invocations; BM, BN, BK, TM, TN of gemm_tiled.
	switch {
	case m <= 32:
		return tile{32, 64, 64, constants(32, 64, 16, 4, 8)}
	case ceilDiv(n, 64)*64 > ceilDiv(n, 32)*32:
		return tile{64, 32, 64, constants(64, 32, 16, 8, 4)}
	}
	return tile{64, 64, 64, constants(64, 64, 16, 8, 8)}
}

// product is one (batched) matrix product to emit.
type product struct {
	variant         string // "", "_scores", ... : the operand layouts of gemm.glsl
	a, b, bias, res operand
	c               operand
	push            gemmPush
	batch           int
	epilogue        linear
}

// emitProduct appends the dispatch of a product whose operands all fit.
func (l *lowerer) emitProduct(s step, p product) {
	stem := "gemm_tiled"
	if l.style.direct {
		stem = "gemm_direct"
	}
	t := l.style.chooseTile(int(p.push.M), int(p.push.N), int(p.push.K))
	e := p.epilogue
	groups := [3]int{ceilDiv(int(p.push.N), t.cols), ceilDiv(int(p.push.M), t.rows), p.batch}
	if l.style.direct {
		groups[0], groups[1] = groups[1], groups[0]
	}
	l.emit(s, stem+p.variant, dispatch{
		constants: append(constants(t.group, e.bias, e.gelu, e.residual), t.constants...),
		push:      p.push,
		operands:  []operand{p.a, p.b, p.bias, p.res, p.c},
		groups:    groups,
		flops:     2 * int64(p.push.M) * int64(p.push.N) * int64(p.push.K) * int64(p.batch),
	})
}

// linear lowers y = x Wᵀ + b with its epilogue. The weight lies packed as [K, N]
// (weights.go). Rows are split so that x, y and the residual fit a binding; a weight
// that does not fit is summed in parts along K, y serving as the residual of all
// parts but the first.
func (l *lowerer) linear(s step) error {
	o := s.op.(linear)
	if n := l.g.Nodes[s.in[1]]; n.Op.Kind() != (graph.Param{}).Kind() {
		return fmt.Errorf("the weight is %s, computed by %s; only weights that are parameters are packed", n.Path, n.Op.Kind())
	}
	k := l.shape(s.in[0]).Last()
	n := l.shape(s.out).Last()
	rows := l.shape(s.out).Rows()
	variant, width := "", 4
	if k%4 != 0 || n%4 != 0 {
		variant, width = "_scalar", 1
	}
	rowSpans, err := l.spans(rows, l.mostRows(n, k), 4*int64(k), 4*int64(n))
	if err != nil {
		return err
	}
	kSpans, err := l.spans(k/width, 0, 4*int64(n*width))
	if err != nil {
		return err
	}
	for _, r := range rowSpans {
		x := l.read(s.in[0], width, r.begin*k, r.units()*k)
		y := l.write(s.out, width, r.begin*n, r.units()*n)
		previous := y
		previous.access = engine.Read
		for i, part := range kSpans {
			k0, k1 := part.begin*width, part.end*width
			first, last := i == 0, i == len(kSpans)-1
			p := product{
				variant: variant, a: x, c: y, batch: 1,
				b:        l.read(s.in[1], width, k0*n, (k1-k0)*n),
				push:     gemmPush{M: uint32(r.units()), N: uint32(n), K: uint32(k1 - k0), LDA: uint32(k), LDB: uint32(n), LDC: uint32(n), Heads: 1, ABase: uint32(k0), Alpha: 1},
				epilogue: linear{bias: o.bias && first, gelu: o.gelu && last, residual: o.residual && first || !first},
			}
			p.bias, p.res = p.b, p.b // bound but not read
			if p.epilogue.bias {
				p.bias = l.whole(s.in[2], width)
			}
			if !first {
				p.res = previous
			} else if o.residual {
				p.res = l.read(s.in[len(s.in)-1], width, r.begin*n, r.units()*n)
			}
			l.emitProduct(s, p)
		}
	}
	return nil
}

// mostRows bounds the rows of one product by the grid.
func (l *lowerer) mostRows(n, k int) int {
	return min(l.caps.MaxWorkgroups[0], l.caps.MaxWorkgroups[1]) * l.style.chooseTile(1<<20, n, k).rows
}

// headed are the sizes of an attention product over qkv [G, n, 3C].
type headed struct{ groups, tokens, channels, heads, size int }

func (l *lowerer) headed(qkv graph.ID, heads int) headed {
	s := l.shape(qkv)
	return headed{s[0], s[1], s[2] / 3, heads, s[2] / 3 / heads}
}

// windowSpans cuts an attention product by windows.
func (l *lowerer) windowSpans(h headed) ([]span, error) {
	return l.spans(h.groups, l.caps.MaxWorkgroups[2]/h.heads,
		4*int64(h.tokens*3*h.channels), 4*int64(h.heads*h.tokens*h.tokens), 4*int64(h.tokens*h.channels))
}

// scores lowers (q*scale) kᵀ of every window and head: a product with k transposed.
func (l *lowerer) scores(s step) error {
	o := s.op.(graph.Scores)
	h := l.headed(s.in[0], o.Heads)
	variant, width := "_scores", 4
	if h.size%4 != 0 {
		variant, width = "_scores_scalar", 1
	}
	list, err := l.windowSpans(h)
	if err != nil {
		return err
	}
	n, c := uint32(h.tokens), uint32(h.channels)
	for _, g := range list {
		qkv := l.read(s.in[0], width, g.begin*h.tokens*3*h.channels, g.units()*h.tokens*3*h.channels)
		plain := qkv
		plain.width = 1
		each := h.heads * h.tokens * h.tokens
		l.emitProduct(s, product{
			variant: variant, a: qkv, b: qkv, bias: plain, res: plain,
			c:     l.write(s.out, 1, g.begin*each, g.units()*each),
			batch: g.units() * h.heads,
			push: gemmPush{M: n, N: n, K: uint32(h.size), LDA: 3 * c, LDB: 3 * c, LDC: n, Heads: uint32(h.heads),
				BBase: c, AG: n * 3 * c, AH: uint32(h.size), BG: n * 3 * c, BH: uint32(h.size), CG: uint32(each), CH: n * n, Alpha: float32(o.Scale)},
		})
	}
	return nil
}

// context lowers the weighted sum of values of every window and head, heads joined.
func (l *lowerer) context(s step) error {
	o := s.op.(graph.Context)
	h := l.headed(s.in[1], o.Heads)
	variant, width := "_context", 4
	if h.size%4 != 0 {
		variant, width = "_scalar", 1
	}
	list, err := l.windowSpans(h)
	if err != nil {
		return err
	}
	n, c := uint32(h.tokens), uint32(h.channels)
	for _, g := range list {
		each := h.heads * h.tokens * h.tokens
		qkv := l.read(s.in[1], width, g.begin*h.tokens*3*h.channels, g.units()*h.tokens*3*h.channels)
		l.emitProduct(s, product{
			variant: variant, b: qkv, bias: qkv, res: qkv,
			a:     l.read(s.in[0], 1, g.begin*each, g.units()*each),
			c:     l.write(s.out, width, g.begin*h.tokens*h.channels, g.units()*h.tokens*h.channels),
			batch: g.units() * h.heads,
			push: gemmPush{M: n, N: uint32(h.size), K: n, LDA: n, LDB: 3 * c, LDC: c, Heads: uint32(h.heads),
				BBase: 2 * c, AG: uint32(each), AH: n * n, BG: n * 3 * c, BH: uint32(h.size), CG: n * c, CH: uint32(h.size), Alpha: 1},
		})
	}
	return nil
}
