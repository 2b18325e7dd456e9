package goldtrain_test

import (
	"testing"

	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/internal/goldtrain"
)

// TestModulesGolden compares outputs and gradients of each module alone, and of those with random numbers.
func TestModulesGolden(t *testing.T) {
	goldtrain.Executors(t, func(t *testing.T, e difftest.Executor) {
		for _, group := range []string{"modules", "stochastic"} {
			for _, m := range goldtrain.Modules(t, group) {
				t.Run(group+"/"+m.ID, func(t *testing.T) {
					m.Record(t)
					m.Compare(t, m.Compute(t, e))
				})
			}
		}
	})
}
