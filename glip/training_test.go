package glip_test

import (
	"math"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/grad"
	"github.com/glipvk/glipvk/internal/goldtrain"
)

// TestTinyGolden compares losses and the gradients of all weights of a small detector.
func TestTinyGolden(t *testing.T) {
	for _, c := range goldtrain.Wholes(t) {
		t.Run(c.ID, func(t *testing.T) {
			s, inputs := c.Inputs(t, c.Config)
			g, err := glip.RecordTraining(c.Config, s)
			if err != nil {
				t.Fatal(err)
			}
			weights := goldtrain.Weights(t, c.Config, c.Seed, c.Overrides)
			var paths []string
			for _, id := range g.Params() {
				paths = append(paths, g.Nodes[id].Path)
			}
			r, err := grad.Reverse(g, glip.LossPath, paths...)
			if err != nil {
				t.Fatal(err)
			}
			out, err := cpuref.Run(t.Context(), r, weights, cpuref.Options{}, inputs...)
			if err != nil {
				t.Fatal(err)
			}
			if d := math.Abs(float64(out[0][0]) - c.Total); !(d <= 1e-5*c.Total) {
				t.Errorf("loss %g, want %g", out[0][0], c.Total)
			}
			official := goldtrain.Official(c.Config, paths, out[1:])
			for _, x := range c.Tensors {
				name, ok := strings.CutPrefix(x.Name, "grad.")
				if !ok {
					continue
				}
				got, ok := official[name]
				if !ok {
					if x.AbsMax != 0 {
						t.Errorf("no gradient of %s", name)
					}
					continue
				}
				c.Near(t, x, got)
			}
		})
	}
}
