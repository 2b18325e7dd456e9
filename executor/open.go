package executor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/turn"
	"github.com/glipvk/glipvk/vulkan"
)

// Open opens a device and loads the parameters of g from src, which is read again by the
// oracle later, and closed with the executor, or when Open fails, if it is an [io.Closer].
// The caller closes the executor.
//
// Errors wrap [ErrInput] for an unknown device or precision, or are those of src and of
// package engine.
func Open(ctx context.Context, g *graph.Graph, src Source, o Options) (*Executor, error) {
	precision, err := ParsePrecision(string(o.Precision))
	if err != nil {
		return nil, errors.Join(err, release(src))
	}
	o.Precision = precision
	if o.OnDeviceLost, err = ParseOnLost(string(o.OnDeviceLost)); err != nil {
		return nil, errors.Join(err, release(src))
	}
	e := &Executor{options: o, graph: g, source: src, programs: o.room(), moving: turn.New()}
	held := &values{held: map[*vulkan.Value]struct{}{}}
	b, fallback, err := e.choose(ctx, g, src, held)
	var lost string
	if errors.Is(err, engine.ErrDeviceLost) && o.OnDeviceLost == LostCPU && ctx.Err() == nil {
		why := err
		lost = why.Error()
		if b, err = newProcessor(ctx, g, src, o.progress("weights")); err == nil && o.Moved != nil {
			defer func() { o.Moved(why, e.Device()) }()
		}
	}
	if err != nil {
		return nil, errors.Join(err, release(src))
	}
	at := newPlace(b, held, o.Precision)
	at.device.Fallback, at.device.Lost = fallback, lost
	e.at.Store(at)
	if n := granted(at.device.Vulkan); o.ProgramMemory == 0 && n > 0 {
		e.programs.bytes = min(e.programs.bytes, n/2) // weights, values and other processes take theirs
	}
	e.result = sync.OnceValue(e.giveBack)
	return e, nil
}

// granted is what a device has left of its largest heap, 0 where that is not known.
func granted(info *engine.Info) (n int64) {
	if info == nil || info.Kind == "cpu" {
		return 0
	}
	for _, h := range info.Heaps {
		if h.DeviceLocal {
			n = max(n, h.Left)
		}
	}
	return n
}

// OpenDevice is Open without weights, to measure a device.
func OpenDevice(ctx context.Context, o Options) (*Executor, error) {
	b := graph.NewBuilder()
	b.Output(b.In("same").GELU(b.In("input").Input(1)))
	g, err := b.Build()
	if err != nil {
		return nil, err
	}
	return Open(ctx, g, inMemory{}, o)
}

// IsReference says whether a device, as [Options] name it, is the CPU reference.
func IsReference(device string) bool {
	return strings.EqualFold(strings.TrimSpace(device), "reference")
}

// choose opens the backend that the options ask for, with the weights of g. fallback is why it is the CPU after all.
func (e *Executor) choose(ctx context.Context, g *graph.Graph, src Source, held *values) (b backend, fallback string, err error) {
	o := e.options
	want := strings.ToLower(strings.TrimSpace(o.Device))
	switch want {
	case "reference":
		b, err = newReference(ctx, g, src, o.progress("weights"))
		return b, "", err
	case "cpu":
	case "", "auto":
		infos, why := Auto(engine.Devices())
		if b, fallback, err = e.first(ctx, infos, g, src, held); b != nil || err != nil {
			return b, "", err
		}
		fallback = cmp.Or(fallback, why)
	default:
		var infos []engine.Info
		if want == "vulkan" { // the best that can
			o.Device = ""
			infos, _ = engine.Devices() // whose error newGPU gives too
		}
		if infos = engine.Ranked(infos); len(infos) > 1 {
			var why string
			if b, why, err = e.first(ctx, infos, g, src, held); b == nil && err == nil {
				err = fmt.Errorf("%s: %w", why, engine.ErrNoDevice)
			}
		} else {
			b, err = named(newGPU(ctx, o, g, src, held.keep))
		}
		if errors.Is(err, errCannotRun) || errors.Is(err, engine.ErrNoDevice) && !broken(err) { // there is none of the name
			err = Blame(fmt.Errorf("%w; ask for another device, or for cpu", err))
		}
		return b, "", err
	}
	b, err = newProcessor(ctx, g, src, o.progress("weights"))
	return b, fallback, err
}

// first opens the first of some devices that can run g, and says why it was not one before it; why says so where none can.
func (e *Executor) first(ctx context.Context, infos []engine.Info, g *graph.Graph, src Source, held *values) (b backend, why string, err error) {
	var passed []string
	for _, info := range infos {
		o := e.options
		o.Device = fmt.Sprint(info.Index)
		v, err := newGPU(ctx, o, g, src, held.keep)
		if err == nil {
			if len(passed) > 0 {
				v.passed = "passed over: " + strings.Join(passed, "; ")
			}
			return v, "", nil
		}
		if ctx.Err() != nil || !deviceFailed(err) {
			return nil, "", err
		}
		passed = append(passed, err.Error())
	}
	return nil, strings.Join(passed, "; "), nil
}

// named is a backend, and none where there is an error.
func named(v *gpu, err error) (backend, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

// deviceFailed says whether an error is about the device, and not about the weights.
func deviceFailed(err error) bool {
	kinds := []error{engine.ErrNoDevice, engine.ErrUnsupported, engine.ErrOutOfMemory, engine.ErrDeviceLost}
	return slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) })
}

// Auto lists the devices that "auto" tries of those that [engine.Devices] found: the GPUs, the best first. A software driver is ten times
// slower than package cpu and is taken only when it is named. Where there is none, why says so and the CPU is taken.
func Auto(infos []engine.Info, err error) (gpus []engine.Info, why string) {
	if err != nil {
		return nil, err.Error()
	}
	software := 0
	for _, info := range engine.Ranked(infos) {
		if info.Kind == "cpu" {
			software++
		} else {
			gpus = append(gpus, info)
		}
	}
	switch {
	case len(gpus) > 0:
		return gpus, ""
	case software > 0:
		return nil, "no GPU: the Vulkan driver here runs on the CPU and is slower than package cpu; name it to use it (vulkan)"
	case len(infos) > 0:
		return nil, fmt.Sprintf("none of the %d Vulkan devices can be used", len(infos))
	}
	return nil, "there are no Vulkan devices"
}

// broken says whether a call of Vulkan failed, and not by saying that there is no driver.
func broken(err error) bool {
	var call *engine.Error
	return errors.As(err, &call) && call.Result != "VK_ERROR_INCOMPATIBLE_DRIVER"
}
