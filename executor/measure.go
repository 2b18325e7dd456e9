package executor

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/clock"
)

// Peak measures what the device reaches in large products with the kernels that models use,
// in GFLOP/s: the fastest run of the fastest product, each given its share of the budget.
func (e *Executor) Peak(ctx context.Context, budget time.Duration) (float64, error) {
	return e.measure(ctx, func(ctx context.Context, b backend) (peak float64, err error) {
		list := b.large()
		for _, mnk := range list {
			speed, err := b.product(ctx, mnk, budget/time.Duration(len(list)))
			if err != nil {
				return 0, err
			}
			peak = max(peak, speed)
		}
		return peak, nil
	})
}

// Product measures a matrix product of M x K by K x N values, mnk in the order of
// the letters M, N, K, with the kernels that models use: the fastest run within the
// budget, in GFLOP/s. Memory must hold the operands; sizes below 1 are refused.
func (e *Executor) Product(ctx context.Context, mnk [3]int, budget time.Duration) (float64, error) {
	if min(mnk[0], mnk[1], mnk[2]) < 1 {
		return 0, Blame(fmt.Errorf("glipvk: product of %d x %d x %d: want sizes of at least 1", mnk[0], mnk[1], mnk[2]))
	}
	return e.measure(ctx, func(ctx context.Context, b backend) (float64, error) { return b.product(ctx, mnk, budget) })
}

// product is a graph of one.
type product struct {
	graph   *graph.Graph
	weights inMemory
	input   []float32
	work    float64 // floating-point operations
}

// newProduct records one of M, N, K, with small numbers: what they are does not matter.
func newProduct(mnk [3]int) (product, error) {
	m, n, k := mnk[0], mnk[1], mnk[2]
	b := graph.NewBuilder()
	b.Output(b.In("product").Linear(b.In("input").Input(m, k), n, graph.NoBias))
	g, err := b.Build()
	x := product{g, inMemory{"product.weight": make([]float32, n*k)}, make([]float32, m*k), 2 * float64(m) * float64(n) * float64(k)}
	for _, data := range [][]float32{x.input, x.weights["product.weight"]} {
		for i := range data {
			data[i] = 1 / float32(i%7+1)
		}
	}
	return x, err
}

// Bandwidth measures how fast the device copies its own memory: bytes read and
// written in a second, divided by 1e9, of the fastest copy within the budget.
func (e *Executor) Bandwidth(ctx context.Context, budget time.Duration) (float64, error) {
	return e.measure(ctx, func(ctx context.Context, b backend) (float64, error) { return b.bandwidth(ctx, budget) })
}

// measure is a call that returns a figure.
func (e *Executor) measure(ctx context.Context, f func(context.Context, backend) (float64, error)) (float64, error) {
	if e.never() {
		return 0, e.Close()
	}
	c, at, err := e.enter(ctx)
	if err != nil {
		return 0, err
	}
	speed, err := f(c.ctx, at.backend)
	return speed, c.leave(err)
}

// onHost is what backends without a device have in common.
type onHost struct{}

func (onHost) live() int    { return 0 }
func (onHost) close() error { return nil }

func (onHost) place(_ context.Context, data []float32) (Value, error) {
	return Host(slices.Clone(data)), nil
}

// bandwidth measures copies by all cores together, of more than caches hold.
func (onHost) bandwidth(ctx context.Context, budget time.Duration) (float64, error) {
	const values = 16 << 20
	from, to := make([]float32, values), make([]float32, values)
	parts := runtime.GOMAXPROCS(0)
	return fastest(budget, 2*4*values, func() error {
		var group sync.WaitGroup
		for i := range parts {
			a, b := i*values/parts, (i+1)*values/parts
			group.Go(func() { copy(to[a:b], from[a:b]) })
		}
		group.Wait()
		return ctx.Err()
	})
}

// fastest repeats f for the budget, at least twice, the first for warming up, and
// returns work / 1e9 over the seconds of the fastest other run.
func fastest(budget time.Duration, work float64, f func() error) (float64, error) {
	if err := f(); err != nil {
		return 0, err
	}
	best := 0.0
	for start := clock.Now(); best == 0 || clock.Since(start) < budget; {
		begin := clock.Now()
		if err := f(); err != nil {
			return 0, err
		}
		best = max(best, work/1e9/clock.Since(begin).Seconds())
	}
	return best, nil
}
