package train_test

import (
	"math"
	"testing"

	"github.com/glipvk/glipvk/internal/goldtrain"
)

// TestRunsAlike takes two steps thrice on each executor, from the beginning: the weights have the same bits.
func TestRunsAlike(t *testing.T) {
	for _, c := range goldtrain.Cases(t, "optim") {
		if c.ID != "full" {
			continue
		}
		of := stepsCase{}
		c.Into(t, &of)
		for _, device := range []string{"reference", "cpu", "vulkan"} {
			t.Run(device, func(t *testing.T) {
				var first map[string][]float32
				for run := range 3 {
					tr := of.open(t, device)
					for k := range 2 {
						if _, err := tr.Step(t.Context(), samples(t, of.Batches[k])...); err != nil {
							t.Fatal(err)
						}
					}
					now, err := tr.Weights(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if run == 0 {
						first = now
					}
					for path, want := range first {
						for i, v := range now[path] {
							if math.Float32bits(v) != math.Float32bits(want[i]) {
								t.Fatalf("run %d: %s, element %d is %g, before it was %g", run+1, path, i, v, want[i])
							}
						}
					}
				}
			})
		}
	}
}
