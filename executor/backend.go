package executor

import (
	"context"
	"time"

	"github.com/glipvk/glipvk/graph"
)

// Source supplies parameters by the paths of the recorded graph, row-major, of exactly the
// shape asked for.
type Source interface {
	Tensor(name string, shape []int) ([]float32, error)
}

// backend computes graphs of one model on one device, with its weights loaded.
type backend interface {
	info() DeviceInfo
	// plan readies a graph but for what takes memory. Runs of the program return g.Outputs, then keep.
	plan(ctx context.Context, g *graph.Graph, keep []graph.ID) (plan, error)
	// large are products M, N, K of which one is as fast as any; product measures one, in GFLOP/s.
	large() [][3]int
	product(ctx context.Context, mnk [3]int, budget time.Duration) (float64, error)
	// bandwidth measures copies within the device's memory, in bytes read and written per second / 1e9.
	bandwidth(ctx context.Context, budget time.Duration) (float64, error)
	// place copies data to where values are.
	place(ctx context.Context, data []float32) (Value, error)
	// live is the number of Vulkan objects that exist.
	live() int
	// close gives everything back; programs and values are closed before.
	close() error
}

// plan is a program to be, and the bytes that it will take apart from weights.
type plan struct {
	bytes   int64
	compile func(context.Context) (program, error)
}

// program is a graph made ready. Runs may come from several goroutines.
type program interface {
	run(ctx context.Context, in []Value) ([]Value, error)
	// runOver runs into values of earlier runs.
	runOver(ctx context.Context, out, in []Value) error
	// profileOver is runOver with a clock on every dispatch.
	profileOver(ctx context.Context, out, in []Value) ([]Timing, error)
	// runInto runs into memory of the caller's and allocates nothing where it can.
	runInto(ctx context.Context, out [][]float32, in []Value) error
	// profile is run with a clock on every dispatch.
	profile(ctx context.Context, in []Value) ([]Value, []Timing, error)
	stats() Stats
	close() error
}

// hosts are values that are in memory of the host.
func hosts(values []Value) [][]float32 {
	list := make([][]float32, len(values))
	for i, v := range values {
		list[i] = v.host
	}
	return list
}
