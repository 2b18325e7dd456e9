package goldtrain

import (
	"slices"
	"testing"

	"github.com/glipvk/glipvk/internal/difftest"
)

// TestModulesGolden compares outputs and gradients of each module alone, and of those with random numbers.
func TestModulesGolden(t *testing.T) {
	Executors(t, func(t *testing.T, e difftest.Executor) {
		for _, group := range []string{"modules", "stochastic"} {
			for _, m := range Modules(t, group) {
				t.Run(group+"/"+m.ID, func(t *testing.T) {
					if _, oracle := e.(difftest.CPU); oracle && difftest.Race && large(m) {
						t.Skip("the race detector makes the oracle take a minute: go test without -race, as make golden does, runs it")
					}
					m.Record(t)
					m.Compare(t, m.Compute(t, e))
				})
			}
		}
	})
}

// large says whether a module is of a real detector's width.
func large(m *Module) bool {
	return slices.ContainsFunc(m.Tensors, func(x Tensor) bool { return x.Shape.Elements() > 1<<19 })
}
