package glip_test

import (
	"testing"

	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/internal/goldtrain"
)

// TestTinyGolden compares losses and the gradients of all weights of a small detector, and of what goes from part to part.
func TestTinyGolden(t *testing.T) {
	cases := goldtrain.Wholes(t, "tiny")
	goldtrain.Executors(t, func(t *testing.T, e difftest.Executor) {
		for _, c := range cases {
			t.Run(c.ID, func(t *testing.T) {
				if difftest.Race && len(c.Pictures)*c.Padded[0]*c.Padded[1] > 1<<13 {
					t.Skip("the race detector makes the oracle take a minute: go test without -race, as make golden does, runs it")
				}
				c.Compare(t, e)
			})
		}
	})
}

// TestFullGolden is the same of a detector of real size.
func TestFullGolden(t *testing.T) {
	if !goldtrain.Full() {
		t.Skip("full-size case: set GLIPVK_GOLDEN=full to run it")
	}
	cases := goldtrain.Wholes(t, "full")
	goldtrain.Executors(t, func(t *testing.T, e difftest.Executor) {
		for _, c := range cases {
			t.Run(c.ID, func(t *testing.T) { c.Compare(t, e) })
		}
	})
}
