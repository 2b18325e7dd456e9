package executor

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// TestRunOver: results come in place of what values hold, an input among them, with a clock and without; values of other sizes
// are refused.
func TestRunOver(t *testing.T) {
	double := Recording[int]{Name: "double", Record: func(n int) (*graph.Graph, error) {
		b := graph.NewBuilder()
		x := b.In("x").Input(n)
		b.Output(b.In("sum").Add(x, x))
		return b.Build()
	}}
	for _, device := range []string{"reference", "cpu", "vulkan"} {
		t.Run(device, func(t *testing.T) {
			e, err := OpenDevice(t.Context(), Options{Device: device, NoCache: true})
			if device == "vulkan" && os.Getenv("REQUIRE_VULKAN") != "1" && (errors.Is(err, engine.ErrNoDevice) || errors.Is(err, engine.ErrUnsupported)) {
				t.Skipf("%v; install a driver, such as mesa-vulkan-drivers", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := e.Close(); err != nil {
					t.Error(err)
				}
			}()
			p := NewPart(e, double)
			x, err := e.Place(t.Context(), []float32{1, 2, 3})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.RunOver(t.Context(), 3, []Value{x}, x); err != nil {
				t.Fatal(err)
			}
			list, err := p.ProfileOver(t.Context(), 3, []Value{x}, x)
			if err != nil || len(list) == 0 || list[0].Part != "double" {
				t.Fatalf("profile %+v, %v", list, err)
			}
			if got, err := x.Read(t.Context()); err != nil || !slices.Equal(got, []float32{4, 8, 12}) {
				t.Errorf("twice over itself it is %v, %v", got, err)
			}
			for _, over := range [][]Value{nil, {x, x}, {of(2, 1)}} {
				if err := p.RunOver(t.Context(), 3, over, x); !errors.Is(err, ErrInput) {
					t.Errorf("%d values: %v", len(over), err)
				}
				if _, err := p.ProfileOver(t.Context(), 3, over, x); !errors.Is(err, ErrInput) {
					t.Errorf("%d values, with a clock: %v", len(over), err)
				}
			}
		})
	}
}
