package executor

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/vulkan"
)

// gpu executes on a Vulkan device through package vulkan.
type gpu struct {
	device    *engine.Device
	weights   *vulkan.Weights
	source    Source // for graphs that read a weight in another way
	options   Options
	precision Precision
	reason    string // of the precision
	keep      func(*vulkan.Value) Value
	passed    string // devices that would have come first, and why they did not; "" for none
}

var errCannotRun = errors.New("it cannot run this model")

// Fits says whether a device can make what g needs, in 32 bits: the error names the place of the graph and the limit.
func Fits(g *graph.Graph, info engine.Info) error {
	return kernels.Fits(g, info, kernels.F32, kernels.Options{})
}

// newGPU opens a device and uploads the weights of g, unless the device cannot make the pipelines of g.
func newGPU(ctx context.Context, o Options, g *graph.Graph, src Source, keep func(*vulkan.Value) Value) (*gpu, error) {
	d, err := engine.Open(engine.Options{Device: o.Device, Validation: o.Validation, NoCache: o.NoCache})
	if err != nil {
		return nil, err
	}
	v := &gpu{device: d, source: src, options: o, keep: keep}
	settled, why, err := kernels.Settle(d.Info(), kernels.Precision(o.Precision))
	if err != nil {
		return nil, errors.Join(Blame(err), d.Close())
	}
	if err := kernels.Fits(g, d.Info(), settled, kernels.Options{NoFusion: o.NoFusion}); err != nil {
		return nil, errors.Join(fmt.Errorf("device %d (%s): %w: %w", d.Info().Index, d.Info().Name, errCannotRun, err), d.Close())
	}
	v.precision, v.reason = Precision(settled), why
	v.weights, err = vulkan.Upload(ctx, d, g, src, vulkan.UploadOptions{Precision: settled, Progress: o.progress("weights")})
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return v, nil
}

func (v *gpu) info() DeviceInfo {
	info := v.device.Info()
	if v.passed != "" {
		info.Note = strings.TrimSpace(info.Note + " " + v.passed)
	}
	return DeviceInfo{Name: info.Name, Vulkan: &info, Precision: v.precision, PrecisionReason: v.reason}
}

func (v *gpu) plan(ctx context.Context, g *graph.Graph, keep []graph.ID) (plan, error) {
	p, err := vulkan.Prepare(ctx, v.device, g, v.weights, vulkan.Options{
		Keep: keep, Source: v.source, NoFusion: v.options.NoFusion, Tuning: v.options.Tuning, Cut: v.cut(), Progress: v.progress(),
	})
	if err != nil {
		return plan{}, err
	}
	return plan{p.Bytes(), func(ctx context.Context) (program, error) {
		c, err := p.Compile(ctx)
		if err != nil {
			return nil, err
		}
		return &recorded{p: c, keep: v.keep}, nil
	}}, nil
}

// progress tells the caller how many kernels are compiled.
func (v *gpu) progress() func(done, total int) {
	tell := v.options.progress("compile")
	return func(done, total int) { tell(int64(done), int64(total)) }
}

// What a device is given at a time where the caller does not say, in floating-point operations: on Windows a device
// that works for two seconds is taken away, and what an integrated chip does in a quarter of that is some 50 G.
const (
	cutIntegrated = 50e9
	cutWindows    = 200e9
)

// cut is the work of a submission, 0 for no bound.
func (v *gpu) cut() int64 {
	kind := v.device.Info().Kind
	switch {
	case v.options.SubmissionWork < 0:
		return 0
	case v.options.SubmissionWork > 0:
		return v.options.SubmissionWork
	case kind == "integrated" || kind == "other":
		return cutIntegrated
	case runtime.GOOS == "windows" && kind != "cpu":
		return cutWindows
	}
	return 0
}

// large are squares, and products that take most of Swin's time.
func (v *gpu) large() [][3]int {
	return [][3]int{{768, 768, 768}, {1024, 1024, 1024}, {3136, 384, 96}, {784, 768, 192}, {784, 192, 768}}
}

func (v *gpu) product(ctx context.Context, mnk [3]int, budget time.Duration) (float64, error) {
	return vulkan.MatMulSpeed(ctx, v.device, mnk, vulkan.Measurement{Precision: kernels.Precision(v.precision), Tuning: v.options.Tuning, Budget: budget})
}

func (v *gpu) bandwidth(ctx context.Context, budget time.Duration) (speed float64, err error) {
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

func (v *gpu) place(ctx context.Context, data []float32) (Value, error) {
	x, err := vulkan.NewValue(ctx, v.device, data)
	if err != nil {
		return Value{}, err
	}
	return v.keep(x), nil
}

func (v *gpu) live() int { return v.device.Live() }

func (v *gpu) close() error { return errors.Join(v.weights.Close(), v.device.Close()) }

// recorded is a program of package vulkan.
type recorded struct {
	p      *vulkan.Program
	keep   func(*vulkan.Value) Value
	inputs sync.Pool // of *[]vulkan.Input, so that a run allocates nothing
}

// use calls f with inputs in the terms of package vulkan.
func (r *recorded) use(in []Value, f func([]vulkan.Input) error) error {
	list, _ := r.inputs.Get().(*[]vulkan.Input)
	if list == nil {
		list = new([]vulkan.Input)
	}
	for _, v := range in {
		*list = append(*list, vulkan.Input{Host: v.host, Value: v.device})
	}
	err := f(*list)
	clear(*list) // the pool holds no memory of the caller's
	*list = (*list)[:0]
	r.inputs.Put(list)
	return err
}

func (r *recorded) run(ctx context.Context, in []Value) (out []Value, err error) {
	err = r.use(in, func(in []vulkan.Input) error {
		list, err := r.p.Run(ctx, in...)
		for _, v := range list {
			out = append(out, r.keep(v))
		}
		return err
	})
	return out, err
}

func (r *recorded) runOver(ctx context.Context, out, in []Value) error {
	return r.use(in, func(in []vulkan.Input) error { return r.p.RunOver(ctx, devices(out), in...) })
}

func (r *recorded) profileOver(ctx context.Context, out, in []Value) (list []Timing, err error) {
	err = r.use(in, func(in []vulkan.Input) error {
		list, err = r.p.RunOverProfiled(ctx, devices(out), in...)
		return err
	})
	return list, err
}

// devices are values that are on the device.
func devices(values []Value) []*vulkan.Value {
	list := make([]*vulkan.Value, len(values))
	for i, v := range values {
		list[i] = v.device
	}
	return list
}

func (r *recorded) runInto(ctx context.Context, out [][]float32, in []Value) error {
	return r.use(in, func(in []vulkan.Input) error { return r.p.RunInto(ctx, out, in...) })
}

func (r *recorded) profile(ctx context.Context, in []Value) (out []Value, list []Timing, err error) {
	err = r.use(in, func(in []vulkan.Input) error {
		data, timings, err := r.p.RunProfiled(ctx, in...)
		out, list = Hosts(data), timings
		return err
	})
	return out, list, err
}

func (r *recorded) stats() Stats { return r.p.Stats() }

func (r *recorded) close() error { return r.p.Close() }
