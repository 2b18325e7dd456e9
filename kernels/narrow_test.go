package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/vulkan"
)

// TestFewRegistersReported: who is thought to have few registers, by what is reported.
func TestFewRegistersReported(t *testing.T) {
	for name, c := range map[string]struct {
		kind         string
		size, widest int
		shared       int
		want         int
	}{
		"RADV": {"discrete", 64, 64, 64 << 10, 0}, "NVK": {"discrete", 32, 32, 48 << 10, 0}, "Turnip": {"integrated", 128, 128, 32 << 10, 0},
		"ANV": {"integrated", 32, 32, 64 << 10, 0}, "ANV without a choice of sizes": {"integrated", 32, 0, 64 << 10, 0}, "Honeykrisp": {"integrated", 32, 0, 32 << 10, 0},
		"panvk": {"integrated", 16, 16, 32 << 10, 64}, "V3DV": {"integrated", 16, 16, 32 << 10, 64}, "PowerVR": {"integrated", 32, 0, 16 << 10, 128},
		"lavapipe": {"cpu", 8, 8, 32 << 10, 0},
	} {
		s, err := kernels.StyleOf(engine.Info{Kind: c.kind, Caps: engine.Caps{SubgroupSize: c.size, SubgroupMax: c.widest, MaxSharedMemory: c.shared}}, "tiled")
		if err != nil || s.Registers != c.want {
			t.Errorf("%s: %d registers, %v; want %d", name, s.Registers, err, c.want)
		}
	}
}

// notANumber is uniform with one NaN.
func notANumber(rng *rand.Rand, path string, data []float32) {
	uniform(rng, path, data)
	data[len(data)/7] = float32(math.NaN())
}

// TestDealtAttention compares attentions whose queries are dealt out to several invocations with the oracle: by 2, 4 and 8, over several
// workgroups, with a mask and not a number among the operands; and heads that cannot be dealt out.
func TestDealtAttention(t *testing.T) {
	d := device(t)
	style := kernels.Styles()["few registers"]
	for _, c := range []struct {
		window, shift, heads, size int
		split                      uint32
		fill                       fill
	}{
		{7, 3, 2, 32, 4, uniform}, {12, 0, 1, 32, 4, uniform}, {6, 3, 2, 24, 2, uniform}, {4, 1, 1, 64, 8, uniform}, {12, 6, 1, 16, 2, uniform},
		{7, 3, 1, 32, 4, notANumber}, {4, 2, 3, 12, 1, uniform}, {4, 0, 3, 8, 1, uniform},
	} {
		t.Run(fmt.Sprintf("%d heads of %d, windows of %d shifted by %d, dealt out to %d", c.heads, c.size, c.window, c.shift, c.split), func(t *testing.T) {
			g, s := build(t, attended(1, 2*c.window, 2*c.window, c.window, c.shift, c.heads, c.size)), tensors{c.fill, seed}
			p := compileAs(t, d, g, s, styled(vulkan.UploadOptions{}, style), vulkan.Options{})
			list, err := kernels.LowerAs(g, style, d.Info().Caps, kernels.F32, kernels.Options{})
			if err != nil || len(list) != 1 {
				t.Fatalf("%d dispatches, %v; want one", len(list), err)
			}
			x := list[0]
			if dealt := strings.HasSuffix(x.Shader(), "_dealt"); dealt != (c.split > 1) || dealt && x.Constants()[8] != c.split {
				t.Errorf("%s %v, want %d invocations for a query", x.Shader(), x.Constants(), c.split)
			}
			if err := joinedBound.check(run(t, p, s.inputs(g)...)[0], oracle(t, g, s)[0]); err != nil {
				t.Error(err)
			}
		})
	}
}
