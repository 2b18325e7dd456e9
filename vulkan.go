package glipvk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	vk "github.com/glipvk/glipvk/vulkan"
)

// vulkan executes on a Vulkan device through package vulkan.
type vulkan struct {
	device    *engine.Device
	weights   *vk.Weights
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
	v.weights, err = vk.Upload(ctx, d, g, src, vk.UploadOptions{Precision: settled, Progress: progress})
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
	p, err := vk.Compile(ctx, v.device, g, v.weights, vk.Options{Keep: keep, NoFusion: v.options.NoFusion, Tuning: v.tuning()})
	if err != nil {
		return nil, err
	}
	return recorded{p}, nil
}

// tuning is that of the options in the terms of package kernels.
func (v *vulkan) tuning() vk.Tuning {
	t := v.options.Tuning
	k := vk.Tuning{Off: t.Off, Dir: t.Dir, Budget: t.Budget}
	if t.Observe != nil {
		k.Observe = func(x vk.Trial) { t.Observe(Trial(x)) }
	}
	return k
}

func (v *vulkan) peak(ctx context.Context, d time.Duration) (float64, error) {
	return vk.Peak(ctx, v.device, v.measurement(d))
}

// measurement is how products are measured that models run.
func (v *vulkan) measurement(d time.Duration) vk.Measurement {
	return vk.Measurement{Precision: kernels.Precision(v.precision), Tuning: v.tuning(), Budget: d}
}

// product implements multiplier.
func (v *vulkan) product(ctx context.Context, mnk [3]int, d time.Duration) (float64, error) {
	return vk.MatMulSpeed(ctx, v.device, mnk, v.measurement(d))
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

// recorded is a program of package vulkan.
type recorded struct{ p *vk.Program }

func (r recorded) run(ctx context.Context, inputs ...[]float32) ([][]float32, error) {
	values, err := r.p.Run(ctx, given(inputs)...)
	if err != nil {
		return nil, err
	}
	outputs := make([][]float32, len(values))
	for i, v := range values {
		outputs[i] = make([]float32, v.Bytes()/4)
		err = errors.Join(err, v.Download(ctx, outputs[i]), v.Close())
	}
	return outputs, err
}

// given are inputs of the host.
func given(inputs [][]float32) []vk.Input {
	list := make([]vk.Input, len(inputs))
	for i, x := range inputs {
		list[i].Host = x
	}
	return list
}

// runInto implements filler.
func (r recorded) runInto(ctx context.Context, outputs [][]float32, input []float32) error {
	return r.p.RunInto(ctx, outputs, vk.Input{Host: input})
}

func (r recorded) profile(ctx context.Context, inputs ...[]float32) ([][]float32, []Timing, error) {
	values, timings, err := r.p.RunProfiled(ctx, given(inputs)...)
	list := make([]Timing, len(timings))
	for i, t := range timings {
		list[i] = Timing(t)
	}
	return values, list, err
}

func (r recorded) stats() Stats {
	s := r.p.Stats()
	return Stats{Dispatches: s.Dispatches, Barriers: s.Barriers, ArenaBytes: s.ArenaBytes, LiveBytes: s.LiveBytes, WeightBytes: s.WeightBytes,
		StagingBytes: s.StagingBytes, FLOPs: s.FLOPs, BytesMoved: s.BytesMoved}
}

func (r recorded) close() error { return r.p.Close() }
