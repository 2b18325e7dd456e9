package executor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
)

// vulkan executes on a Vulkan device through package kernels.
type vulkan struct {
	device    *engine.Device
	weights   *kernels.Weights
	options   Options
	precision Precision
	reason    string // of the precision
}

// newVulkan opens a device and uploads the weights of g.
func newVulkan(ctx context.Context, o Options, g *graph.Graph, src source, progress func(done, total int64)) (*vulkan, error) {
	d, err := engine.Open(engine.Options{Device: o.Device, Validation: o.Validation, NoCache: o.NoCache})
	if err != nil {
		return nil, err
	}
	v := &vulkan{device: d, options: o}
	settled, why, err := kernels.Settle(d.Info(), kernels.Precision(o.Precision))
	if err != nil {
		return nil, errors.Join(blame(err), d.Close())
	}
	v.precision, v.reason = Precision(settled), why
	v.weights, err = kernels.Upload(ctx, d, g, src, kernels.UploadOptions{Precision: settled, Progress: progress})
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return v, nil
}

// info describes the device for callers.
func (v *vulkan) info() DeviceInfo {
	info := v.device.Info()
	return DeviceInfo{Name: info.Name, Vulkan: &info, Precision: v.precision, PrecisionReason: v.reason}
}

func (v *vulkan) compile(ctx context.Context, g *graph.Graph, keep []graph.ID) (program, error) {
	p, err := kernels.Compile(ctx, v.device, g, v.weights, kernels.Options{Keep: keep, NoFusion: v.options.NoFusion, Tuning: v.tuning()})
	if err != nil {
		return nil, err
	}
	return recorded{p}, nil
}

// tuning is that of the options in the terms of package kernels.
func (v *vulkan) tuning() kernels.Tuning {
	t := v.options.Tuning
	k := kernels.Tuning{Off: t.Off, Dir: t.Dir, Budget: t.Budget}
	if t.Observe != nil {
		k.Observe = func(x kernels.Trial) { t.Observe(Trial(x)) }
	}
	return k
}

func (v *vulkan) peak(ctx context.Context, d time.Duration) (float64, error) {
	return kernels.Peak(ctx, v.device, v.measurement(d))
}

// measurement is how products are measured that models run.
func (v *vulkan) measurement(d time.Duration) kernels.Measurement {
	return kernels.Measurement{Precision: kernels.Precision(v.precision), Tuning: v.tuning(), Budget: d}
}

// product implements multiplier.
func (v *vulkan) product(ctx context.Context, mnk [3]int, d time.Duration) (float64, error) {
	return kernels.MatMulSpeed(ctx, v.device, mnk, v.measurement(d))
}

// bandwidth implements copier.
func (v *vulkan) bandwidth(ctx context.Context, budget time.Duration) (speed float64, err error) {
	const bytes = 32 << 20
	var buffers [2]*engine.Buffer
	for i := range buffers {
		if buffers[i], err = v.device.NewBuffer(bytes, engine.DeviceMemory, fmt.Sprintf("copy %d", i)); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, buffers[i].Close()) }()
	}
	r, err := v.device.NewRecorder("copy", engine.RecorderOptions{})
	if err != nil {
		return 0, err
	}
	defer r.Abandon()
	r.Copy(buffers[1], 0, buffers[0], 0, bytes)
	c, err := r.Finish()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(c.Close(), err) }()
	return fastest(budget, 2*bytes, func() error { return c.Run(ctx) })
}

func (v *vulkan) live() int { return v.device.Live() }

func (v *vulkan) close() error { return errors.Join(v.weights.Close(), v.device.Close()) }

// recorded is a program of package kernels.
type recorded struct{ p *kernels.Program }

func (r recorded) run(ctx context.Context, inputs ...[]float32) ([][]float32, error) {
	return r.p.Run(ctx, inputs...)
}

// runInto implements filler.
func (r recorded) runInto(ctx context.Context, outputs [][]float32, input []float32) error {
	return r.p.RunInto(ctx, outputs, input)
}

// submit implements submitter.
func (r recorded) submit(ctx context.Context, input []float32) (ticket, error) {
	t, err := r.p.Submit(ctx, input)
	if err != nil {
		return nil, err
	}
	return submitted{t}, nil
}

// submitted is a run under way on the device.
type submitted struct{ t *kernels.Ticket }

func (s submitted) collect(ctx context.Context, outputs [][]float32) error {
	return s.t.Collect(ctx, outputs)
}

func (r recorded) profile(ctx context.Context, inputs ...[]float32) ([][]float32, []Timing, error) {
	values, timings, err := r.p.RunProfiled(ctx, inputs...)
	list := make([]Timing, len(timings))
	for i, t := range timings {
		list[i] = Timing(t)
	}
	return values, list, err
}

func (r recorded) stats() Stats { return Stats(r.p.Stats()) }

func (r recorded) close() error { return r.p.Close() }
