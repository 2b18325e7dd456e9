package kernels_test

import (
	"slices"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/vulkan"
)

// sumsCase is a graph of one product, and in which styles of [kernels.Roomy] it gets the tile of most sums unasked.
type sumsCase struct {
	name   string
	record func(b *graph.Builder)
	own    []string
}

func sumsCases() []sumsCase {
	list := []sumsCase{
		{"convolution", func(b *graph.Builder) {
			b.Output(b.In("y").Conv(b.In("x").Input(1, 33, 2, 64), 100, 3, graph.Conv{Stride: 1, Pad: 1}, graph.WithBias))
		}, nil},
		{"large convolution", func(b *graph.Builder) {
			b.Output(b.In("y").Conv(b.In("x").Input(1, 64, 96, 32), 96, 3, graph.Conv{Stride: 1, Pad: 1}, graph.WithBias))
		}, []string{"some sums"}},
	}
	for _, c := range [][3]int{{1, 4, 4}, {63, 124, 36}, {64, 128, 16}, {65, 100, 20}, {130, 260, 100}, {129, 96, 64}} {
		m, n, k := c[0], c[1], c[2]
		list = append(list, sumsCase{"plain", func(b *graph.Builder) {
			b.Output(b.In("gelu").GELU(b.In("y").Linear(b.In("x").Input(m, k), n, graph.WithBias)))
		}, nil}, sumsCase{"normed", func(b *graph.Builder) {
			b.Output(b.In("y").Linear(b.In("norm").LayerNorm(b.In("x").Input(m, k), 1e-5), n, graph.NoBias))
		}, nil})
	}
	return list
}

// TestManySums multiplies awkward sizes with the tiles of most sums, which such small products would not get.
func TestManySums(t *testing.T) {
	d := device(t)
	for _, c := range sumsCases() {
		g := build(t, c.record)
		s := tensors{uniform, seed}
		want := oracle(t, g, s)
		for name, style := range kernels.Roomy() {
			for _, precision := range []kernels.Precision{kernels.F32, kernels.F16} {
				u := styled(vulkan.UploadOptions{Precision: precision}, style)
				near := joinedBound.times(4)
				if precision == kernels.F16 {
					near = halfBound.times(4)
				}
				tiles := map[string]kernels.Tile{}
				if c.name == "convolution" && name == "some sums" {
					continue // it is measured as a plain product, whose tile it has no registers for
				}
				if !slices.Contains(c.own, name) {
					tiles = mostSums(t, kernels.Rewrite(g, d.Info(), *u.Layout, kernels.Options{}).Products())
				}
				p := compileAs(t, d, g, s, u, vulkan.Options{Tuning: vulkan.Tuning{Off: true}, Tiles: tiles})
				if !slices.ContainsFunc(p.Plan().Dispatches, func(x kernels.Dispatch) bool { return hasManySums(x.Pipeline.Constants) }) {
					t.Errorf("%s of %d, %s, %s: the tile is not taken", c.name, len(want[0]), name, precision)
				}
				if err := near.check(run(t, p, s.inputs(g)...)[0], want[0]); err != nil {
					t.Errorf("%s of %d, %s, %s: %v", c.name, len(want[0]), name, precision, err)
				}
			}
		}
	}
}

// hasManySums reads a dispatch's constants: BN of gemm_tiled is the eighth.
func hasManySums(constants []uint32) bool { return len(constants) == 12 && constants[7] > 64 }

// mostSums chooses the candidate with the widest tile for every product.
func mostSums(t *testing.T, products []kernels.Product) map[string]kernels.Tile {
	tiles := map[string]kernels.Tile{}
	for _, p := range products {
		i := slices.IndexFunc(p.Candidates, func(x kernels.Tile) bool { return x.Constants()[1] > 64 })
		if i < 0 {
			t.Fatalf("no tile of many sums for %s", p.Key)
		}
		tiles[p.Key] = p.Candidates[i]
	}
	return tiles
}
