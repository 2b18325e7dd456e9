package kernels

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/engine"
)

// halvesProduct is a product of 16-bit floats with 32-bit sums.
func halvesProduct(m, n, k int) engine.CooperativeMatrix {
	return engine.CooperativeMatrix{M: m, N: n, K: k, A: "float16", B: "float16", C: "float32", Result: "float32", Scope: "subgroup"}
}

// TestMatrixOf: the largest product that the shader can use, in subgroups of 32 where they can
// be chosen and would be larger.
func TestMatrixOf(t *testing.T) {
	integers := engine.CooperativeMatrix{M: 64, N: 64, K: 64, A: "uint8", B: "uint8", C: "uint32", Result: "uint32", Scope: "subgroup"}
	sums16, workgroup := halvesProduct(64, 64, 64), halvesProduct(64, 64, 64)
	sums16.C, sums16.Result = "float16", "float16"
	workgroup.Scope = "workgroup"
	narrow := halvesProduct(64, 4, 64)
	unfit := []engine.CooperativeMatrix{integers, sums16, workgroup, narrow}
	card := engine.Caps{Float16: true, SubgroupSize: 32}
	amd := engine.Caps{Float16: true, SubgroupSize: 64, SubgroupMin: 32, SubgroupMax: 64, SubgroupSizeControl: true}
	for _, c := range []struct {
		name string
		caps engine.Caps
		list []engine.CooperativeMatrix
		want Matrix
	}{
		{"none", card, nil, Matrix{}},
		{"unfit", card, unfit, Matrix{}},
		{"one", card, append(slices.Clone(unfit), halvesProduct(8, 8, 8)), Matrix{8, 8, 8, 32, false}},
		{"largest", card, []engine.CooperativeMatrix{halvesProduct(16, 8, 8), halvesProduct(16, 16, 16), halvesProduct(16, 8, 16)}, Matrix{16, 16, 16, 32, false}},
		{"subgroups", amd, []engine.CooperativeMatrix{halvesProduct(16, 16, 16)}, Matrix{16, 16, 16, 32, true}},
		{"no arithmetic", engine.Caps{SubgroupSize: 32}, []engine.CooperativeMatrix{halvesProduct(16, 16, 16)}, Matrix{}},
		{"wide subgroups", engine.Caps{Float16: true, SubgroupSize: 256}, []engine.CooperativeMatrix{halvesProduct(16, 16, 16)}, Matrix{}},
	} {
		c.caps.CooperativeMatrices = c.list
		if got := matrixOf(c.caps); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		for _, kind := range []string{"discrete", "cpu"} {
			info := engine.Info{Name: "it", Kind: kind, Caps: c.caps}
			s, err := StyleOf(info, "coop")
			if (err == nil) != (c.want != Matrix{}) || err != nil && (!errors.Is(err, engine.ErrUnsupported) || !strings.Contains(err.Error(), "it has none")) {
				t.Errorf("%s, %s: variant coop: %v", c.name, kind, err)
			}
			p := shape{m: 784, n: 192, k: 768, variant: "_fhf", mode: identity}
			if err == nil && s.tile(p, nil).gemm != coop {
				t.Errorf("%s, %s: variant coop multiplies with %+v", c.name, kind, s.tile(p, nil))
			}
			s, err = StyleOf(info, "")
			if err != nil || s.tile(p, nil).gemm == coop {
				t.Errorf("%s, %s: untuned it multiplies with %+v (%v)", c.name, kind, s.tile(p, nil), err)
			}
			competes := slices.ContainsFunc(s.tiles(p), func(t Tile) bool { return t.gemm == coop })
			if want := kind == "discrete" && c.want != (Matrix{}); competes != want {
				t.Errorf("%s, %s: matrices are tried: %v, want %v", c.name, kind, competes, want)
			}
			p.variant = "" // 32-bit weights
			if slices.ContainsFunc(s.tiles(p), func(t Tile) bool { return t.gemm == coop }) {
				t.Errorf("%s, %s: matrices for 32-bit weights", c.name, kind)
			}
		}
	}
}
