package kernels

import (
	"slices"

	"github.com/glipvk/glipvk/engine"
)

// matrix is a product of cooperative matrices that a subgroup computes in hardware:
// 16-bit floats summed up as 32-bit ones. The zero value is none.
type matrix struct {
	m, n, k int
	lanes   int  // invocations of the subgroup
	fixed   bool // their number has to be asked for
}

// matrixOf is the largest product of a device that gemm_coop.comp can use.
func matrixOf(c engine.Caps) matrix {
	var best matrix
	for _, x := range c.CooperativeMatrices {
		fits := x.A == "float16" && x.B == "float16" && x.C == "float32" && x.Result == "float32" && x.Scope == "subgroup" &&
			x.M%4 == 0 && x.N%8 == 0 && x.K%8 == 0
		if fits && x.M*x.N*x.K > best.m*best.n*best.k {
			best = matrix{x.M, x.N, x.K, coopLanes(c), c.SubgroupSizeControl}
		}
	}
	if !c.Float16 || best.lanes == 0 || best.lanes > coopGroup {
		return matrix{}
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
	triedCoop = 4   // candidates for a shape: two sizes, B either way
)

// takesCoop reports whether the shader of cooperative matrices computes a product: 16-bit
// weights bound whole.
func (s style) takesCoop(p shape) bool {
	return s.matrix.lanes > 0 && slices.Contains([]string{"_fhf", "_fhh", "_hhf", "_merge_fhf", "_conv_fhf"}, p.variant)
}

// coopTiles are BM, BN, BK, WM, WN, CM, CN, CK, LANES, COLUMNS of gemm_coop, none where it does
// not take the product. The order is that of tiledTiles, by the same thoughts; which way B lies
// better in shared memory is for measurement to say.
func (s style) coopTiles(p shape) []tile {
	if !s.takesCoop(p) {
		return nil
	}
	x := s.matrix
	var list []tile
	// Subgroups down and across, and matrices of each down and across. A tile within 16 KiB.
	for _, c := range [][4]int{{2, 2, 4, 2}, {2, 2, 2, 4}, {2, 2, 2, 2}, {1, 4, 2, 2}, {2, 2, 2, 1}, {2, 2, 1, 1}, {1, 2, 2, 2}, {1, 2, 4, 2}, {1, 2, 1, 1}, {1, 1, 1, 1}} {
		wm, wn := c[2]*x.m, c[3]*x.n
		bm, bn, group := c[0]*wm, c[1]*wn, c[0]*c[1]*x.lanes
		if group > coopGroup || x.shared(bm, bn, wm, wn) > 16<<10 {
			continue
		}
		for _, columns := range []bool{false, true} {
			list = append(list, tile{coop, bm, bn, group, constants(bm, bn, x.step(), wm, wn, x.m, x.n, x.k, x.lanes, columns)})
		}
	}
	return best(list, func(t tile) float64 { return t.cardCost(p) })
}

// step is how far a step goes along K.
func (x matrix) step() int { return 2 * x.k }

// shared is the shared memory of the shader in bytes, with B either way.
func (x matrix) shared(bm, bn, wm, wn int) int {
	tiles := bm*(x.step()/8+1) + max(x.step()*(bn/8+1), bn*(x.step()/8+1))
	sums := bm / wm * (bn / wn) * x.m * (wn/4 + 1)
	return 16*max(tiles, sums) + 8*bm
}

// tried are the candidates that are measured: the first few of each family of shaders.
func tried(list []tile) []tile {
	count := map[gemmKind]int{}
	return slices.DeleteFunc(slices.Clone(list), func(t tile) bool {
		count[t.gemm]++
		if t.gemm == coop {
			return count[coop] > triedCoop
		}
		return count[t.gemm] > triedTiles
	})
}

// agree reports whether two results of a product differ by no more than roundings to 16 bits
// do: relative L2 at most 2e-3, NaN being a difference.
func agree(got, want []float32) bool {
	var off, norm float64
	for i, w := range want {
		d := float64(got[i]) - float64(w)
		off, norm = off+d*d, norm+float64(w)*float64(w)
	}
	return off <= 2e-3*2e-3*norm
}

// subgroup is the size of subgroups that a tile's shader is written for, 0 for any.
func (s style) subgroup(t tile) int {
	if t.gemm == coop && s.matrix.fixed {
		return s.matrix.lanes
	}
	return 0
}
