package kernels

import (
	"errors"
	"math"
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
		want matrix
	}{
		{"none", card, nil, matrix{}},
		{"unfit", card, unfit, matrix{}},
		{"one", card, append(slices.Clone(unfit), halvesProduct(8, 8, 8)), matrix{8, 8, 8, 32, false}},
		{"largest", card, []engine.CooperativeMatrix{halvesProduct(16, 8, 8), halvesProduct(16, 16, 16), halvesProduct(16, 8, 16)}, matrix{16, 16, 16, 32, false}},
		{"subgroups", amd, []engine.CooperativeMatrix{halvesProduct(16, 16, 16)}, matrix{16, 16, 16, 32, true}},
		{"no arithmetic", engine.Caps{SubgroupSize: 32}, []engine.CooperativeMatrix{halvesProduct(16, 16, 16)}, matrix{}},
		{"wide subgroups", engine.Caps{Float16: true, SubgroupSize: 256}, []engine.CooperativeMatrix{halvesProduct(16, 16, 16)}, matrix{}},
	} {
		c.caps.CooperativeMatrices = c.list
		if got := matrixOf(c.caps); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		for _, kind := range []string{"discrete", "cpu"} {
			info := engine.Info{Name: "it", Kind: kind, Caps: c.caps}
			s, err := styleOf(info, "coop")
			if (err == nil) != (c.want != matrix{}) || err != nil && (!errors.Is(err, engine.ErrUnsupported) || !strings.Contains(err.Error(), "it has none")) {
				t.Errorf("%s, %s: variant coop: %v", c.name, kind, err)
			}
			p := shape{m: 784, n: 192, k: 768, variant: "_fhf", mode: identity}
			if err == nil && s.tile(p, nil).gemm != coop {
				t.Errorf("%s, %s: variant coop multiplies with %+v", c.name, kind, s.tile(p, nil))
			}
			s, err = styleOf(info, "")
			if err != nil || s.tile(p, nil).gemm == coop {
				t.Errorf("%s, %s: untuned it multiplies with %+v (%v)", c.name, kind, s.tile(p, nil), err)
			}
			competes := slices.ContainsFunc(tried(s.tiles(p)), func(t tile) bool { return t.gemm == coop })
			if want := kind == "discrete" && c.want != (matrix{}); competes != want {
				t.Errorf("%s, %s: matrices are tried: %v, want %v", c.name, kind, competes, want)
			}
			p.variant = "" // 32-bit weights
			if slices.ContainsFunc(s.tiles(p), func(t tile) bool { return t.gemm == coop }) {
				t.Errorf("%s, %s: matrices for 32-bit weights", c.name, kind)
			}
		}
	}
}

// TestTried: the first few of each family, in order.
func TestTried(t *testing.T) {
	s := Styles()["tiled"]
	s.matrix = matrix{16, 16, 16, 32, false}
	all := s.tiles(shape{m: 784, n: 192, k: 768, variant: "_fhf", mode: identity})
	got := tried(all)
	if len(got) != triedTiles+triedCoop || !slices.Equal(got[0].constants, all[0].constants) {
		t.Fatalf("%d of %d are tried: %+v", len(got), len(all), got)
	}
	sizes := map[[2]int]int{}
	for _, x := range got {
		if x.gemm == coop {
			sizes[[2]int{x.rows, x.cols}]++
		}
	}
	for size, n := range sizes {
		if n != 2 {
			t.Errorf("size %v is tried %d times, want B by rows and by columns", size, n)
		}
	}
}

// TestAgree: roundings agree, anything else does not, NaN least of all.
func TestAgree(t *testing.T) {
	want := []float32{1, -2, 3}
	nan := float32(math.NaN())
	for _, c := range []struct {
		got  []float32
		same bool
	}{{want, true}, {[]float32{1.001, -2.001, 3.001}, true}, {[]float32{1, -2, 3.02}, false}, {[]float32{1, 2, 3}, false}, {[]float32{1, -2, nan}, false}} {
		if agree(c.got, want) != c.same {
			t.Errorf("%v and %v: %v", c.got, want, !c.same)
		}
	}
	if agree(want, []float32{nan, 0, 0}) {
		t.Error("nothing agrees with NaN")
	}
}
