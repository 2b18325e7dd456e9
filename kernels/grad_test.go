package kernels_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/gradrows"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/vulkan"
)

// TestGradients compares operations of training with the oracle, in the device's own style and in those of others; runs give
// the same bits.
func TestGradients(t *testing.T) {
	d := device(t)
	for i, r := range gradrows.Rows() {
		if !slices.Contains(kernels.Kinds(), graph.Kind(r.Op)) {
			continue
		}
		t.Run(fmt.Sprintf("%d %s %v", i, graph.Kind(r.Op), r.In), func(t *testing.T) {
			against(t, d, build(t, func(b *graph.Builder) {
				var values []graph.Value
				for k, s := range r.In {
					values = append(values, b.In("x", k).Input(s...))
				}
				b.Output(b.In("y").Record(r.Op, values...))
			}), r.Operands(i))
		})
	}
}

// against compares a graph without parameters with the oracle in every style that a device has.
func against(t *testing.T, d *engine.Device, g *graph.Graph, in [][]float32) {
	t.Helper()
	want, err := cpuref.Run(t.Context(), g, nil, cpuref.Options{}, in...)
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range []string{"", "direct", "tiled"} {
		p := compileAs(t, d, g, nil, vulkan.UploadOptions{Variant: way}, vulkan.Options{})
		first := run(t, p, in...)
		for k := range want {
			if off := apart(first[k], want[k]); !(off <= 2e-5) {
				t.Errorf("%q: result %d is off by %g of the largest", way, k, off)
			}
		}
		for k, again := range run(t, p, in...) {
			if !slices.EqualFunc(first[k], again, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
				t.Errorf("%q: other bits in the second run", way)
			}
		}
	}
}

// apart is the largest difference over the largest value wanted; NaN where one has it and the other not.
func apart(got, want []float32) float64 {
	largest, worst := 1e-30, 0.0
	for i, w := range want {
		if w != w && got[i] != got[i] {
			continue
		}
		largest = max(largest, math.Abs(float64(w)))
		if worst = max(worst, math.Abs(float64(got[i])-float64(w))); worst != worst {
			break
		}
	}
	return worst / largest
}
