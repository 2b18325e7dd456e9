package vulkan

import (
	"math"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
)

// TestTried: the first few of each family, in order.
func TestTried(t *testing.T) {
	b := graph.NewBuilder()
	b.Output(b.In("y").Linear(b.In("x").Input(784, 768), 192, graph.NoBias))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	card := kernels.Layout{Style: kernels.Style{Gemm: "tiled", Group: 64, Lanes: 32, Matrix: kernels.Matrix{M: 16, N: 16, K: 16, Lanes: 32}}, Precision: kernels.F16}
	info := engine.Info{Caps: engine.Caps{MaxStorageBufferRange: 1 << 30, StorageAlignment: 16, MaxWorkgroups: [3]int{65535, 65535, 65535}}}
	all := kernels.Rewrite(g, info, card, kernels.Options{}).Products()[0].Candidates
	got := tried(all)
	if len(got) != triedTiles+triedCoop || !slices.Equal(got[0].Constants(), all[0].Constants()) {
		t.Fatalf("%d of %d are tried: %+v", len(got), len(all), got)
	}
	sizes := map[[2]uint32]int{}
	for _, x := range got {
		if c := x.Constants(); x.Family() == coop {
			sizes[[2]uint32{c[0], c[1]}]++
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
