package goldtrain

import (
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/internal/difftest"
)

// Executors runs f with the oracle and the programs that users get on the CPU and by Vulkan.
func Executors(t *testing.T, f func(t *testing.T, e difftest.Executor)) {
	t.Run("cpuref", func(t *testing.T) { f(t, difftest.CPU{}) })
	t.Run("cpu", func(t *testing.T) { f(t, difftest.FastCPU{Title: "cpu", Instructions: cpu.Available()[0]}) })
	t.Run("vulkan", func(t *testing.T) {
		f(t, difftest.Vulkan{Device: difftest.OpenDevice(t, engine.Options{}), Title: "vulkan"})
	})
}
