package vulkan

import (
	"context"
	"errors"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/clock"
	"github.com/glipvk/glipvk/kernels"
)

// ones is a source whose every weight is 1/K or so: its values do not matter.
type ones struct{}

// Tensor implements [Source].
func (ones) Tensor(_ string, shape []int) ([]float32, error) {
	data := make([]float32, graph.Shape(shape).Elements())
	for i := range data {
		data[i] = 1 / float32(i%7+1)
	}
	return data, nil
}

// Measurement says how products are measured.
type Measurement struct {
	Precision kernels.Precision
	Tuning    Tuning        // not part of the time
	Budget    time.Duration // for the runs
}

// MatMulSpeed measures one M x N x K product with the kernels that programs use: GFLOP/s of its
// fastest run within the budget.
func MatMulSpeed(ctx context.Context, d *engine.Device, mnk [3]int, m Measurement) (gflops float64, err error) {
	g, err := productGraph(mnk[0], mnk[1], mnk[2], false)
	if err != nil {
		return 0, err
	}
	w, err := Upload(ctx, d, g, ones{}, UploadOptions{Precision: m.Precision})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	best, _, err := fastest(ctx, d, g, w, Options{Tuning: m.Tuning}, func(_ int, spent time.Duration) bool { return spent < m.Budget })
	if err != nil {
		return 0, err
	}
	return 2 * float64(mnk[0]) * float64(mnk[1]) * float64(mnk[2]) / best.Seconds() / 1e9, nil
}

// productGraph is one M x N x K product, its rows normed first where wanted.
func productGraph(m, n, k int, norm bool) (*graph.Graph, error) {
	b := graph.NewBuilder()
	x := b.In("x").Input(m, k)
	if norm {
		x = b.In("norm").LayerNorm(x, 1e-5)
	}
	b.Output(b.In("y").Linear(x, n, graph.NoBias))
	return b.Build()
}

// fastest is the shortest of the runs of a graph while more says so, and its result. Nothing
// is copied meanwhile.
func fastest(ctx context.Context, d *engine.Device, g *graph.Graph, w *Weights, o Options, more func(runs int, spent time.Duration) bool) (best time.Duration, got []float32, err error) {
	p, err := Compile(ctx, d, g, w, o)
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	input, _ := ones{}.Tensor("x", g.Nodes[g.Inputs()[0]].Shape)
	got = make([]float32, g.Nodes[g.Outputs[0]].Shape.Elements())
	if err := p.RunInto(ctx, [][]float32{got}, Input{Host: input}); err != nil { // compiles whatever the driver left for later
		return 0, nil, err
	}
	for runs, start := 0, clock.Now(); runs == 0 || more(runs, clock.Since(start)); runs++ {
		began := clock.Now()
		if err := p.compute(ctx, p.first, target{}); err != nil {
			return 0, nil, err
		}
		if took := clock.Since(began); runs == 0 || took < best {
			best = took
		}
	}
	return best, got, nil
}
