package vulkan_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/vulkan"
)

// order is what decides in which order a tile adds up: nothing in families where an invocation goes through all of K by itself, in
// that of graphics cards how many invocations share a sum.
func order(tile vulkan.Kept) string {
	if tile.Shader == "tiled" {
		return fmt.Sprint(tile.Shader, " shared by ", tile.Constants[5])
	}
	return string(tile.Shader)
}

// TestTilesKeepBits tries every tile of every family: which is taken changes no bit where the order of sums is the same. What follows
// from it is in docs/library.md; [vulkan.Tuning] promises it.
func TestTilesKeepBits(t *testing.T) {
	d := device(t)
	g := build(t, func(b *graph.Builder) {
		x := b.In("x").Input(61, 776)
		b.Output(b.In("b").Linear(b.In("g").GELU(b.In("a").Linear(x, 200, graph.WithBias)), 96, graph.NoBias))
	})
	s := tensors{seed}
	in := s.inputs(g)
	for _, variant := range []string{"direct", "tiled", "uniform"} {
		t.Run(variant, func(t *testing.T) {
			w, err := vulkan.Upload(t.Context(), d, g, s, vulkan.UploadOptions{Variant: variant})
			if errors.Is(err, engine.ErrUnsupported) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			closing(t, w)
			want := map[string][][]float32{}
			for key, list := range w.Candidates(g) {
				for i, tile := range list {
					p, err := vulkan.Compile(t.Context(), d, g, w, vulkan.Options{Tuning: vulkan.Tuning{Off: true}, Tiles: w.Tile(g, key, i)})
					if err != nil {
						t.Fatal(err)
					}
					closing(t, p)
					got, of := run(t, p, in...), key+order(tile)
					if want[of] == nil {
						want[of] = got
					}
					same(t, fmt.Sprint(key, " by ", tile), got, want[of])
				}
			}
			if orders := len(want); variant == "tiled" && orders < 4 || variant != "tiled" && orders != 2 {
				t.Errorf("orders %q", slices.Sorted(maps.Keys(want)))
			}
		})
	}
}

// TestTuningKeepsBits: of one file, whatever it says, every program has the same bits; it is what makes those of a tuned device last.
func TestTuningKeepsBits(t *testing.T) {
	u := newTuner(t)
	in := u.s.inputs(u.g)
	first := run(t, u.compile(u.weights(), nil), in...) // measured
	if len(u.trials) == 0 {
		t.Fatal("nothing was measured")
	}
	for range 3 {
		again := u.compile(u.weights(), nil)
		if len(u.trials) != 0 {
			t.Errorf("measured what the file says: %+v", u.trials)
		}
		same(t, "the same file", run(t, again, in...), first)
	}
}
