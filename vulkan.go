package glipvk

import (
	"context"
	"errors"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
)

// vulkan executes on a Vulkan device through package kernels.
type vulkan struct {
	device  *engine.Device
	weights *kernels.Weights
}

// newVulkan opens a device and uploads the weights of g.
func newVulkan(ctx context.Context, o Options, g *graph.Graph, src source, progress func(done, total int64)) (*vulkan, error) {
	d, err := engine.Open(engine.Options{Device: o.Device, Validation: o.Validation, NoCache: o.NoCache})
	if err != nil {
		return nil, err
	}
	w, err := kernels.Upload(ctx, d, g, src, kernels.UploadOptions{Progress: progress})
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return &vulkan{d, w}, nil
}

// info describes the device for callers.
func (v *vulkan) info() DeviceInfo {
	info := v.device.Info()
	return DeviceInfo{Name: info.Name, Vulkan: &info}
}

func (v *vulkan) compile(ctx context.Context, g *graph.Graph, keep []graph.ID) (program, error) {
	p, err := kernels.Compile(ctx, v.device, g, v.weights, kernels.Options{Keep: keep})
	if err != nil {
		return nil, err
	}
	return recorded{p}, nil
}

func (v *vulkan) peak(ctx context.Context, d time.Duration) (float64, error) {
	return kernels.Peak(ctx, v.device, kernels.F32, d)
}

func (v *vulkan) live() int { return v.device.Live() }

func (v *vulkan) close() error { return errors.Join(v.weights.Close(), v.device.Close()) }

// recorded is a program of package kernels.
type recorded struct{ p *kernels.Program }

func (r recorded) run(ctx context.Context, input []float32) ([][]float32, error) {
	return r.p.Run(ctx, input)
}

func (r recorded) profile(ctx context.Context, input []float32) ([]Timing, error) {
	timings, err := r.p.Profile(ctx, input)
	list := make([]Timing, len(timings))
	for i, t := range timings {
		list[i] = Timing(t)
	}
	return list, err
}

func (r recorded) stats() Stats { return Stats(r.p.Stats()) }

func (r recorded) close() error { return r.p.Close() }
