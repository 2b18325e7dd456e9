package goldtrain_test

import (
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/internal/goldtrain"
)

// executors are those that users have.
func executors(t *testing.T, f func(t *testing.T, e difftest.Executor)) {
	t.Run("cpuref", func(t *testing.T) { f(t, difftest.CPU{}) })
	t.Run("cpu", func(t *testing.T) { f(t, difftest.FastCPU{Title: "cpu", Instructions: cpu.Available()[0]}) })
	t.Run("vulkan", func(t *testing.T) {
		f(t, difftest.Vulkan{Device: difftest.OpenDevice(t, engine.Options{}), Title: "vulkan"})
	})
}

// TestModulesGolden compares outputs and gradients of each module alone, and of those with random numbers.
func TestModulesGolden(t *testing.T) {
	executors(t, func(t *testing.T, e difftest.Executor) {
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
