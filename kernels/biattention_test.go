package kernels_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/vulkan"
)

// rising fills uniformly, positions the larger the later they come, so that most blocks have a largest
// score of their own.
func rising(rng *rand.Rand, path string, data []float32) {
	uniform(rng, path, data)
	if strings.HasPrefix(path, "v") {
		for i := range data {
			data[i] *= float32(i+1) / float32(len(data))
		}
	}
}

// TestBiattentionBlocks takes positions in blocks, the last perhaps smaller, in every style that the device can
// run, with panels and without. What was summed before the largest score rose is rescaled; without
// that, or with scores that are not clamped, the bound is missed by far.
func TestBiattentionBlocks(t *testing.T) {
	d := device(t)
	for _, c := range []struct{ pictures, positions, tokens, c, heads, block int }{
		{1, 301, 5, 12, 3, 64}, {1, 130, 20, 64, 8, 48}, {1, 33, 3, 10, 1, 16}, {1, 301, 20, 64, 8, 112}, {1, 700, 20, 128, 8, 304}, {1, 700, 256, 32, 2, 352},
		{3, 130, 20, 64, 8, 48}, {2, 301, 20, 64, 8, 112},
	} {
		for name, style := range kernels.Styles() {
			t.Run(fmt.Sprintf("%+v %s", c, name), func(t *testing.T) {
				if !style.Runs(d.Info()) {
					t.Skip("this style needs what the device does not have (Style.Runs)")
				}
				g, s := build(t, biattended(c.pictures, c.positions, c.tokens, c.c, c.heads)), tensors{rising, seed}
				want := oracle(t, g, s)
				p := compileAs(t, d, g, s, styled(vulkan.UploadOptions{}, style), vulkan.Options{Block: c.block})
				for range 2 { // what one run leaves behind is not read by the next
					got := run(t, p, s.inputs(g)...)
					for i := range want {
						if err := joinedBound.times(4).check(got[i], want[i]); err != nil {
							t.Errorf("seed %d, output %d: %v", s.seed, i, err)
						}
					}
				}
			})
		}
	}
}
