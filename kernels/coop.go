package kernels

import (
	"slices"

	"github.com/glipvk/glipvk/engine"
)

// Matrix is a product of cooperative matrices that a subgroup computes in hardware:
// 16-bit floats summed up as 32-bit ones. The zero value is none.
type Matrix struct {
	M, N, K int
	Lanes   int  // invocations of the subgroup
	Fixed   bool // their number has to be asked for
}

// matrixOf is the largest product of a device that gemm_coop.comp can use.
func matrixOf(c engine.Caps) Matrix {
	var best Matrix
	for _, x := range c.CooperativeMatrices {
		fits := x.A == "float16" && x.B == "float16" && x.C == "float32" && x.Result == "float32" && x.Scope == "subgroup" &&
			x.M%4 == 0 && x.N%8 == 0 && x.K%8 == 0
		if fits && x.M*x.N*x.K > best.M*best.N*best.K {
			best = Matrix{x.M, x.N, x.K, coopLanes(c), c.SubgroupSizeControl}
		}
	}
	if !c.Float16 || best.Lanes == 0 || best.Lanes > coopGroup {
		return Matrix{}
	}
	return best
}

// coopLanes is the size of the subgroups that multiply cooperative matrices.
func coopLanes(c engine.Caps) int {
	if c.SubgroupSizeControl && c.SubgroupMin <= 32 && c.SubgroupSize > 32 {
		return 32 // AMD: what the matrix instructions are made for
	}
	return c.SubgroupSize
}

const (
	coopGroup = 128 // invocations of a workgroup, at most: what every device has
)

// takesCoop reports whether the shader of cooperative matrices computes a product: 16-bit
// weights bound whole.
func (s Style) takesCoop(p shape) bool {
	return s.Matrix.Lanes > 0 && slices.Contains([]string{"_fhf", "_fhh", "_hhf", "_merge_fhf", "_conv_fhf"}, p.variant)
}

// coopTiles are BM, BN, BK, WM, WN, CM, CN, CK, LANES, COLUMNS of gemm_coop, none where it does
// not take the product. The order is that of tiledTiles, by the same thoughts; which way B lies
// better in shared memory is for measurement to say.
func (s Style) coopTiles(p shape) []Tile {
	if !s.takesCoop(p) {
		return nil
	}
	x := s.Matrix
	var list []Tile
	// Subgroups down and across, and matrices of each down and across. A tile within 16 KiB.
	for _, c := range [][4]int{{2, 2, 4, 2}, {2, 2, 2, 4}, {2, 2, 2, 2}, {1, 4, 2, 2}, {2, 2, 2, 1}, {2, 2, 1, 1}, {1, 2, 2, 2}, {1, 2, 4, 2}, {1, 2, 1, 1}, {1, 1, 1, 1}} {
		wm, wn := c[2]*x.M, c[3]*x.N
		bm, bn, group := c[0]*wm, c[1]*wn, c[0]*c[1]*x.Lanes
		if group > coopGroup || x.shared(bm, bn, wm, wn) > 16<<10 {
			continue
		}
		for _, columns := range []bool{false, true} {
			list = append(list, Tile{coop, bm, bn, group, constants(bm, bn, x.step(), wm, wn, x.M, x.N, x.K, x.Lanes, columns)})
		}
	}
	return best(list, func(t Tile) float64 { return t.cardCost(p) })
}

// step is how far a step goes along K.
func (x Matrix) step() int { return 2 * x.K }

// shared is the shared memory of the shader in bytes, with B either way.
func (x Matrix) shared(bm, bn, wm, wn int) int {
	tiles := bm*(x.step()/8+1) + max(x.step()*(bn/8+1), bn*(x.step()/8+1))
	sums := bm / wm * (bn / wn) * x.M * (wn/4 + 1)
	return 16*max(tiles, sums) + 8*bm
}

// subgroup is the size of subgroups that a tile's shader is written for, 0 for any.
func (s Style) subgroup(t Tile) int {
	if t.gemm == coop && s.Matrix.Fixed {
		return s.Matrix.Lanes
	}
	return 0
}
