package executor

import (
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
	if errors.Is(err, engine.ErrDeviceLost) && o.OnDeviceLost == LostCPU && ctx.Err() == nil {
		why := err
		if b, err = newProcessor(ctx, g, src, o.progress("weights")); err == nil && o.Moved != nil {
			defer func() { o.Moved(why, e.Device()) }()
		}
	}
	if err != nil {
		return nil, errors.Join(err, release(src))
	}
	at := newPlace(b, held, o.Precision)
	at.device.Fallback = fallback
	e.at.Store(at)
	e.result = sync.OnceValue(e.giveBack)
	return e, nil
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
		index, why := Auto(engine.Devices())
		if why == "" {
			o.Device = fmt.Sprint(index)
			b, err = newGPU(ctx, o, g, src, held.keep)
			if err == nil || ctx.Err() != nil || !deviceFailed(err) {
				return b, "", err
			}
			why = err.Error()
		}
		fallback = why
	default:
		if want == "vulkan" {
			o.Device = ""
		}
		b, err = newGPU(ctx, o, g, src, held.keep)
		if errors.Is(err, engine.ErrNoDevice) && !errors.As(err, new(*engine.Error)) { // there is none of the name
			err = Blame(fmt.Errorf("%w; ask for another device, or for cpu", err))
		}
		return b, "", err
	}
	b, err = newProcessor(ctx, g, src, o.progress("weights"))
	return b, fallback, err
}

// deviceFailed says whether an error is about the device, and not about the weights.
func deviceFailed(err error) bool {
	kinds := []error{engine.ErrNoDevice, engine.ErrUnsupported, engine.ErrOutOfMemory, engine.ErrDeviceLost}
	return slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) })
}

// Auto is the index of the device that "auto" takes of those that [engine.Devices] found: the
// best GPU. A software driver is ten times slower than package cpu and is taken only when it is
// named. Where there is none, why says so and the CPU is taken.
func Auto(infos []engine.Info, err error) (index int, why string) {
	if err != nil {
		return -1, err.Error()
	}
	software := 0
	for _, info := range infos {
		switch {
		case info.Auto && info.Kind != "cpu":
			return info.Index, ""
		case info.Kind == "cpu" && info.Unusable == "":
			software++
		}
	}
	switch {
	case software > 0:
		return -1, "no GPU: the Vulkan driver here runs on the CPU and is slower than package cpu; name it to use it (vulkan)"
	case len(infos) > 0:
		return -1, fmt.Sprintf("none of the %d Vulkan devices can be used", len(infos))
	}
	return -1, "there are no Vulkan devices"
}
