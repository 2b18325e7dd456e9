package glipvk

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/glipvk/glipvk/graph"
)

// Device is where models run, opened without one, to be measured.
type Device struct{ m *Model }

// OpenDevice opens the device that o.Device names; of the other options it heeds
// Precision, Validation and NoCache. The caller closes it. The error wraps
// [ErrInput] for an unknown device or precision.
func OpenDevice(ctx context.Context, o Options) (_ *Device, err error) {
	if o.Precision, err = ParsePrecision(string(o.Precision)); err != nil {
		return nil, err
	}
	b := graph.NewBuilder()
	b.Output(b.In("same").GELU(b.In("input").Input(1)))
	g, err := b.Build()
	if err != nil {
		return nil, err
	}
	m := &Model{options: o, info: ModelInfo{Name: "device"}, release: func() error { return nil }}
	m.idle = sync.NewCond(&m.mu)
	m.programs = newPrograms(0, nil)
	if m.executor, err = m.choose(ctx, g, inMemory{}); err != nil {
		return nil, err
	}
	m.device.complete(o.Precision)
	return &Device{m}, nil
}

// Info describes the device.
func (d *Device) Info() DeviceInfo { return d.m.device }

// Close waits for calls under way, then gives the device back.
func (d *Device) Close() error { return d.m.Close() }

// CloseWithin is [Model.CloseWithin] for a device.
func (d *Device) CloseWithin(ctx context.Context, grace time.Duration) error {
	return d.m.CloseWithin(ctx, grace)
}

// Product measures a matrix product of M x K by K x N values, mnk in the order of
// the letters M, N, K, with the kernels that models use: the fastest run within the
// budget, in GFLOP/s. Memory must hold the operands; sizes below 1 are refused.
func (d *Device) Product(ctx context.Context, mnk [3]int, budget time.Duration) (float64, error) {
	if min(mnk[0], mnk[1], mnk[2]) < 1 {
		return 0, blame(fmt.Errorf("glipvk: product of %d x %d x %d: want sizes of at least 1", mnk[0], mnk[1], mnk[2]))
	}
	if err := d.m.enter(); err != nil {
		return 0, err
	}
	defer d.m.leave()
	if e, ok := d.m.executor.(multiplier); ok {
		return e.product(ctx, mnk, budget)
	}
	return d.hostProduct(ctx, mnk, budget)
}

// hostProduct measures a product on an executor that takes slices as they are, so
// that a run is the product and little else.
func (d *Device) hostProduct(ctx context.Context, mnk [3]int, budget time.Duration) (speed float64, err error) {
	m, n, k := mnk[0], mnk[1], mnk[2]
	b := graph.NewBuilder()
	b.Output(b.In("product").Linear(b.In("input").Input(m, k), n, graph.NoBias))
	g, err := b.Build()
	if err != nil {
		return 0, err
	}
	other := &Model{options: d.m.options} // the device keeps its own
	e, err := other.choose(ctx, g, inMemory{"product.weight": make([]float32, n*k)})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	p, err := e.compile(ctx, g, nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(p.close(), err) }()
	input, outputs := make([]float32, m*k), [][]float32{make([]float32, m*n)}
	return fastest(budget, 2*float64(m)*float64(n)*float64(k), func() error { return runInto(ctx, p, outputs, input) })
}

// Bandwidth measures how fast the device copies its own memory: bytes read and
// written in a second, divided by 1e9, of the fastest copy within the budget.
func (d *Device) Bandwidth(ctx context.Context, budget time.Duration) (float64, error) {
	return d.m.Bandwidth(ctx, budget)
}

// Bandwidth is [Device.Bandwidth] of the device that the model runs on.
func (m *Model) Bandwidth(ctx context.Context, budget time.Duration) (float64, error) {
	if err := m.enter(); err != nil {
		return 0, err
	}
	defer m.leave()
	if c, ok := m.executor.(copier); ok {
		return c.bandwidth(ctx, budget)
	}
	return hostBandwidth(ctx, budget)
}

// hostBandwidth measures copies by all cores together, of more than caches hold.
func hostBandwidth(ctx context.Context, budget time.Duration) (float64, error) {
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
	for start := time.Now(); best == 0 || time.Since(start) < budget; {
		begin := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		best = max(best, work/1e9/max(time.Since(begin), 1).Seconds())
	}
	return best, nil
}
