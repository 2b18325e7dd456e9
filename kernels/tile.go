package kernels

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// shape is a matrix product as far as it decides what tile suits it.
type shape struct {
	m, n, k int
	variant string // of the shader, "" or "_fhf" and so on
	norm    bool
	mode    moveMode
}

// String is the key under which a measured choice is kept.
func (p shape) String() string {
	return fmt.Sprintf("%dx%dx%d%s norm=%v rows=%d", p.m, p.n, p.k, p.variant, p.norm, p.mode)
}

// staged reports whether the uniform shader makes rows in scratch before it multiplies.
func (p shape) staged() bool {
	return p.norm || p.mode == partition || p.mode == merged || p.mode == deformed || p.mode == padded || p.mode == turned
}

// Tile is the share of a workgroup: rows and columns of C it computes, and the
// specialization constants that say so.
type Tile struct {
	gemm       Gemm // the shader's family
	rows, cols int
	group      int
	constants  []uint32 // from constant 6 on
}

// Family is that of the shaders which have the tile.
func (t Tile) Family() Gemm { return t.gemm }

// Constants are what tells the tile from others of its family.
func (t Tile) Constants() []uint32 { return t.constants }

// groups is the number of workgroups down the rows and across the columns.
func (t Tile) groups(m, n int) (down, across int) { return ceilDiv(m, t.rows), ceilDiv(n, t.cols) }

// withoutUniform is the style for what the uniform shader does not take.
func (s Style) withoutUniform() Style {
	if s.Gemm == uniform {
		s.Gemm = direct
	}
	return s
}

// tile is the measured choice for a product, else the one that ought to suit it. A choice of the uniform shader, which reads panels, is none
// for the others: a product of the same size may be one of values.
func (s Style) tile(p shape, measured map[string]Tile) Tile {
	// A convolution is measured as a linear of its size, and may have registers for less.
	if t, ok := measured[p.tuned().String()]; ok && t.group > 0 && (t.gemm == uniform) == (s.Gemm == uniform) && s.bears(p, t) {
		return t
	}
	return s.tiles(p)[0]
}

// tiles are the candidates for a product, the one that ought to suit it first.
func (s Style) tiles(p shape) []Tile {
	switch s.Gemm {
	case uniform:
		return s.uniformTiles(p)
	case direct:
		return s.directTiles(p)
	case coop:
		return append(s.coopTiles(p), s.tiledTiles(p)...)
	}
	if s.Registers > 0 {
		return append(s.fewTiles(p), s.coopTiles(p)...)
	}
	return append(s.tiledTiles(p), s.coopTiles(p)...)
}

// best orders candidates by cost, the least first.
func best(list []Tile, cost func(Tile) float64) []Tile {
	slices.SortStableFunc(list, func(a, b Tile) int { return cmp.Compare(cost(a), cost(b)) })
	return list
}

// directRegisters are the register tiles of gemm_direct, rows by vec4 columns of a lane,
// with their speed relative to the first where nothing is wasted and the cache
// suffices (llvmpipe, Mesa 22.3, processor time of 768 cubed and of Swin's shapes).
var directRegisters = []struct {
	rows, cols int
	speed      float64
}{{8, 3, 1}, {16, 2, 1}, {12, 1, 0.9}, {8, 2, 0.85}, {8, 1, 0.75}, {4, 1, 0.6}, {1, 2, 0.25}}

// directCache is what one core of a software driver's processor keeps close, in bytes:
// a panel of B that outgrows it is fetched anew for every tile, which was seen to cost
// a factor of two to four.
const (
	directCache   = 448 << 10
	directPenalty = 0.4
)

// directTiles weighs what a tile wastes by its speed.
func (s Style) directTiles(p shape) []Tile {
	var list []Tile
	speed := map[int]float64{}
	for _, t := range directRegisters {
		c := Tile{direct, t.rows, 4 * t.cols * s.Group, s.Group, constants(t.rows, t.cols)}
		speed[c.rows<<16|c.cols] = t.speed
		list = append(list, c)
	}
	return best(list, func(t Tile) float64 {
		down, across := t.groups(p.m, p.n)
		cost := float64(down*t.rows) * float64(across*t.cols) / speed[t.rows<<16|t.cols]
		if 4*t.cols*p.k > directCache {
			cost /= directPenalty
		}
		return cost
	})
}

// uniformRows are the row tiles of gemm_uniform with their relative speed (llvmpipe,
// Mesa 26.2, processor time): beyond 7 rows the accumulators outgrow the registers.
var uniformRows = []struct {
	rows  int
	speed float64
}{{7, 1}, {6, 1}, {8, 0.9}, {5, 0.88}, {4, 0.8}, {3, 0.65}, {2, 0.5}, {1, 0.3}}

const (
	uniformPanel = 32     // columns of a panel
	uniformTurns = 40_000 // turns of loops that one invocation may take (RATIONALE.md)
	mostSubtiles = 32     // row tiles of a workgroup: a panel serves them while it is in the cache
	stagingCost  = 2      // of a row that is normed and stored, in panels multiplied
	nearCost     = 2      // of bringing a panel's row from the last cache, in rows multiplied
	farCost      = 12     // of bringing it from memory
	farBytes     = 16 << 20
	groupCost    = 20_000 // of a workgroup, in multiply-adds of a panel's row
)

// uniformTiles lists row tiles. How many of them and how many panels a workgroup takes is
// what ought to be fastest: the cores share the workgroups equally and in order, so the
// time is that of ceil(workgroups / cores), and rows that are staged are staged anew by every
// workgroup across the columns.
func (s Style) uniformTiles(p shape) []Tile {
	panels, cores := ceilDiv(p.n, uniformPanel), max(s.Cores, 1)
	fetch := float64(nearCost)
	if 4*p.n*p.k > farBytes {
		fetch = farCost
	}
	var list []Tile
	costs := map[int]float64{}
	for _, r := range uniformRows {
		if r.rows > p.m && r.rows > 1 {
			continue
		}
		least := -1.0
		var suits Tile
		most := ceilDiv(p.m, r.rows)
		for subtiles := min(most, mostSubtiles); subtiles >= 1; subtiles-- {
			if p.staged() && subtiles > 1 && subtiles*r.rows*p.k/8 > uniformTurns/2 {
				continue
			}
			down := ceilDiv(most, subtiles)
			for across := 1; across <= min(panels, 4*cores); across++ {
				each := ceilDiv(panels, across)
				for each > 1 && each*subtiles*(p.k/8+4) > uniformTurns/2 {
					each = ceilDiv(each, 2)
				}
				rows := float64(min(subtiles*r.rows, ceilDiv(p.m, r.rows)*r.rows))
				work := (rows/r.speed + fetch) * float64(p.k*each)
				if p.staged() {
					work += rows * float64(p.k) * stagingCost
				}
				cost := float64(ceilDiv(down*ceilDiv(panels, each), cores)) * (work + groupCost)
				if least < 0 || cost < least {
					least, suits = cost, Tile{uniform, r.rows * subtiles, uniformPanel * each, s.Group, constants(r.rows, subtiles, each)}
				}
			}
		}
		costs[r.rows] = least
		list = append(list, suits)
	}
	return best(list, func(t Tile) float64 { return costs[int(t.constants[0])] })
}

// fewGroups is the number of workgroups below which a graphics card is thought to idle.
const fewGroups = 96

// scalarFetch is the most vectors of A that an invocation of a scalar product fetches at a time: each is four loads with a guard, and more of
// them take more registers than Apple's compiler has.
const scalarFetch = 2

// tiledTiles are BM, BN, BK, TM, TN, SPLIT of gemm_tiled. The largest tile that leaves
// enough workgroups is taken; where even small ones are few, several invocations share
// the products of a tile.
func (s Style) tiledTiles(p shape) []Tile {
	of := func(bm, bn, bk, tm, tn, split int) Tile {
		group := bm / tm * (bn / tn) * split
		return Tile{tiled, bm, bn, group, constants(bm, bn, bk, tm, tn, split)}
	}
	list := []Tile{
		of(64, 64, 16, 4, 8, 1), of(64, 64, 16, 8, 8, 1), of(64, 32, 16, 4, 8, 1), of(32, 64, 16, 4, 8, 1),
		of(32, 32, 32, 4, 8, 4), of(32, 32, 32, 4, 4, 2),
	}
	switch s.sums(p) {
	case manySums:
		list = append(list, of(64, 128, 16, 8, 8, 1))
	case someSums:
		list = append(list, of(64, 96, 16, 4, 12, 1))
	}
	list = slices.DeleteFunc(list, func(t Tile) bool { return !s.bears(p, t) })
	if strings.HasSuffix(p.variant, "_scalar") {
		list = slices.DeleteFunc(list, func(t Tile) bool { return t.rows*int(t.constants[2])/4 > scalarFetch*t.group })
	}
	return best(list, func(t Tile) float64 { return t.cardCost(p) })
}

// cardCost weighs a tile for a graphics card.
func (t Tile) cardCost(p shape) float64 {
	down, across := t.groups(p.m, p.n)
	waste := float64(down*t.rows) * float64(across*t.cols) / (float64(p.m) * float64(p.n))
	cost := waste * (1 + 16/float64(t.rows) + 16/float64(t.cols)) // products, and the loads for each
	if groups := down * across; groups < fewGroups {
		cost *= float64(fewGroups) / float64(groups)
		if t.sums() <= fewSums { // with more, half as many invocations do the work
			cost *= 64 / float64(t.group)
		}
	}
	return cost
}

// sums is how many an invocation adds up.
func (t Tile) sums() int {
	if t.gemm != tiled {
		return 0
	}
	return int(t.constants[3] * t.constants[4])
}
