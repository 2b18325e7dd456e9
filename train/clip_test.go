package train_test

import (
	"math"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/train"
)

// TestClip: gradients are as long as the bound at most; with one that is no number or infinite the factor is nothing to multiply
// with, bound or not.
func TestClip(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		clip float64
		g    [2]float32
		want float32 // 0 for none that is above 0
	}{
		{0, [2]float32{30, 40}, 1}, {1, [2]float32{30, 40}, 0.02}, {100, [2]float32{30, 40}, 1}, {0, [2]float32{0, 0}, 1}, {1, [2]float32{0, 0}, 1},
		{0, [2]float32{1, inf}, 0}, {1, [2]float32{1, inf}, 0}, {0, [2]float32{nan, 1}, 0}, {1, [2]float32{nan, 1}, 0},
	} {
		b := graph.NewBuilder()
		loss, x, y := b.In("loss").Input(1), b.In("x").Input(1), b.In("y").Input(1)
		for _, v := range []graph.Value{loss, x, y} {
			b.Output(v)
		}
		g, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		b = graph.Continue(g)
		b.Output(train.Clipped(b.In("clip"), g.Outputs[1:], c.clip))
		if g, err = b.Build(); err != nil {
			t.Fatal(err)
		}
		out, err := cpuref.Run(t.Context(), g, nil, cpuref.Options{}, []float32{0}, c.g[:1], c.g[1:])
		if err != nil {
			t.Fatal(err)
		}
		got := out[len(out)-1][0]
		if c.want == 0 && got > 0 || c.want > 0 && !(math.Abs(float64(got-c.want)) <= 1e-6) {
			t.Errorf("clip %g of %v: %g, want %g", c.clip, c.g, got, c.want)
		}
	}
}
