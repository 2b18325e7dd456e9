package glipvk

import (
	"context"
	"time"

	"github.com/glipvk/glipvk/graph"
)

// executor computes graphs of one model on one device. Its weights are loaded.
type executor interface {
	// compile prepares a graph. Runs of the program return g.Outputs, then keep.
	compile(ctx context.Context, g *graph.Graph, keep []graph.ID) (program, error)
	// peak measures the speed of a large product, in GFLOP/s.
	peak(ctx context.Context, d time.Duration) (float64, error)
	// close gives everything back; programs are closed before.
	close() error
}

// program is a graph made ready. Runs may come from several goroutines.
type program interface {
	run(ctx context.Context, inputs ...[]float32) ([][]float32, error)
	// profile is run with a clock on every dispatch.
	profile(ctx context.Context, inputs ...[]float32) ([][]float32, []Timing, error)
	stats() Stats
	close() error
}

// What an executor or program may also do; others get by without.
type (
	// copier measures how fast the device copies memory, in bytes read and written per second / 1e9.
	copier interface {
		bandwidth(ctx context.Context, d time.Duration) (float64, error)
	}
	// multiplier measures one M x N x K product, in GFLOP/s.
	multiplier interface {
		product(ctx context.Context, mnk [3]int, d time.Duration) (float64, error)
	}
	// submitter starts a run and leaves the waiting to the ticket. It has read the input
	// when it returns; two tickets may be open. Every ticket is collected, if need be with
	// a context that has ended.
	submitter interface {
		submit(ctx context.Context, input []float32) (ticket, error)
	}
	ticket interface {
		collect(ctx context.Context, outputs [][]float32) error
	}
	// filler runs into memory of the caller's and allocates nothing.
	filler interface {
		runInto(ctx context.Context, outputs [][]float32, input []float32) error
	}
)

// runInto runs p into memory of the caller's.
func runInto(ctx context.Context, p program, outputs [][]float32, input []float32) error {
	if f, ok := p.(filler); ok {
		return f.runInto(ctx, outputs, input)
	}
	values, err := p.run(ctx, input)
	if err != nil {
		return err
	}
	for i := range outputs {
		copy(outputs[i], values[i])
	}
	return nil
}

// Timing is what one dispatch of a program took.
type Timing struct {
	Path     string // of the graph node
	Kernel   string // shader variant, or the step and instructions of package cpu
	Duration time.Duration
	FLOPs    int64 // floating-point operations of products, two for a multiply-add
	Bytes    int64 // read and written at least
}

// Stats says what a program is made of. Sizes are bytes. On the CPU there are no
// barriers and no staging; on the CPU reference everything about memory is 0.
type Stats struct {
	Dispatches   int   `json:"dispatches"`
	Barriers     int   `json:"barriers"`
	ArenaBytes   int64 `json:"arena_bytes"`   // memory for intermediate values
	LiveBytes    int64 `json:"live_bytes"`    // the least any arena could take
	WeightBytes  int64 `json:"weight_bytes"`  // shared by all programs of a model
	StagingBytes int64 `json:"staging_bytes"` // host-visible copies of inputs and results, 0 where memory is unified
	FLOPs        int64 `json:"flops"`         // of products, two for a multiply-add
	BytesMoved   int64 `json:"bytes_moved"`   // every operand of every dispatch once
}
