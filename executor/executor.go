package executor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/vulkan"
)

// Executor is a device with one set of weights. All its methods may be called from several
// goroutines.
type Executor struct {
	options  Options
	device   DeviceInfo
	source   Source // for the oracle: tensors are read again when it runs
	backend  backend
	programs *room
	rooms    []*room // of shelves besides programs

	base context.Context // ends when Close begins
	end  context.CancelFunc

	mu     sync.Mutex
	active int                        // calls under way
	idle   chan struct{}              // closed when the last call has left after Close began
	closed bool                       //
	values map[*vulkan.Value]struct{} // on the device
	result func() error               // what Close returns, once it has done its work
}

// DeviceInfo says where a model runs.
type DeviceInfo struct {
	Name     string       `json:"name"`
	Vulkan   *engine.Info `json:"vulkan,omitempty"`   // nil on the CPU
	Fallback string       `json:"fallback,omitempty"` // why it is the CPU, where "auto" looked for a GPU

	Precision       Precision `json:"precision"`                  // in use: F32 or F16
	PrecisionReason string    `json:"precision_reason,omitempty"` // why it is not the one asked for, or what "auto" went by
}

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
	e := &Executor{options: o, source: src, programs: o.room(), idle: make(chan struct{})}
	if e.backend, e.device, err = e.choose(ctx, g, src); err != nil {
		return nil, errors.Join(err, release(src))
	}
	if e.device.Precision == "" {
		e.device.Precision = F32
		if o.Precision == F16 {
			e.device.PrecisionReason = "f16 needs a Vulkan device; the CPU computes in f32"
		}
	}
	e.base, e.end = context.WithCancel(context.Background())
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

// choose opens the backend that the options ask for, with the weights of g.
func (e *Executor) choose(ctx context.Context, g *graph.Graph, src Source) (backend, DeviceInfo, error) {
	o := e.options
	want := strings.ToLower(strings.TrimSpace(o.Device))
	var fallback string
	switch want {
	case "reference":
		b, err := newReference(ctx, g, src, o.progress("weights"))
		return opened(b, err)
	case "cpu":
	case "", "auto":
		index, why := Auto(engine.Devices())
		if why == "" {
			o.Device = fmt.Sprint(index)
			b, err := newGPU(ctx, o, g, src, e.keep)
			if err == nil || ctx.Err() != nil || !deviceFailed(err) {
				return opened(b, err)
			}
			why = err.Error()
		}
		fallback = why
	default:
		if want == "vulkan" {
			o.Device = ""
		}
		b, err := newGPU(ctx, o, g, src, e.keep)
		if errors.Is(err, engine.ErrNoDevice) {
			err = Blame(fmt.Errorf("%w; ask for another device, or for cpu", err))
		}
		return opened(b, err)
	}
	b, err := newProcessor(ctx, g, src, o.progress("weights"))
	if err != nil {
		return nil, DeviceInfo{}, err
	}
	info := b.info()
	info.Fallback = fallback
	return b, info, nil
}

// opened is a backend with its description, or none with the error.
func opened[B backend](b B, err error) (backend, DeviceInfo, error) {
	if err != nil {
		return nil, DeviceInfo{}, err
	}
	return b, b.info(), nil
}

// deviceFailed says whether an error is about the device, and not about the weights.
func deviceFailed(err error) bool {
	for _, kind := range []error{engine.ErrNoDevice, engine.ErrUnsupported, engine.ErrOutOfMemory, engine.ErrDeviceLost} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
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

// Device says where the model runs.
func (e *Executor) Device() DeviceInfo { return e.device }

// Live is the number of Vulkan objects that exist because of the executor: 0 on the CPU
// and after Close. It is how tests see leaks.
func (e *Executor) Live() int { return e.backend.live() }

// call is one call under way.
type call struct {
	ctx    context.Context // ends with the caller's, and when the executor closes
	caller context.Context
	cancel context.CancelFunc // nil where ctx is the executor's own
	e      *Executor
}

// enter begins a call, leave ends it. A context that cannot end costs no memory.
func (e *Executor) enter(ctx context.Context) (call, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return call{}, closed()
	}
	e.active++
	if ctx.Done() == nil {
		return call{ctx: e.base, caller: ctx, e: e}, nil
	}
	joined, cancel := e.join(ctx)
	return call{ctx: joined, caller: ctx, cancel: cancel, e: e}, nil
}

// join is a context that ends with ctx and when Close begins.
func (e *Executor) join(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(e.base, cancel)
	return ctx, func() { stop(); cancel() }
}

// leave ends a call and says of an error what it was: Close is told from the caller's leaving.
func (c call) leave(err error) error {
	if c.cancel != nil {
		c.cancel()
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	c.e.active--
	if c.e.closed && c.e.active == 0 {
		close(c.e.idle)
	}
	if err != nil && c.e.closed && c.caller.Err() == nil && (errors.Is(err, context.Canceled) || errors.Is(err, ErrClosed)) {
		return closed()
	}
	return err
}

func closed() error { return fmt.Errorf("glipvk: %w; open it again", ErrClosed) }

// Close ends the calls under way, then gives back programs, values, weights and device. Later
// calls fail with [ErrClosed]; a second Close returns what the first did.
func (e *Executor) Close() error {
	e.mu.Lock()
	if !e.closed {
		e.closed = true
		e.end()
		if e.active == 0 {
			close(e.idle)
		}
	}
	e.mu.Unlock()
	<-e.idle
	return e.result()
}

// giveBack is the work of Close.
func (e *Executor) giveBack() error {
	var errs []error
	for _, r := range append(e.rooms, e.programs) {
		errs = append(errs, r.close())
	}
	for v := range e.values {
		errs = append(errs, e.drop(v))
	}
	return errors.Join(append(errs, e.backend.close(), release(e.source))...)
}

// release closes what is there to be closed.
func release(src Source) error {
	if c, ok := src.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// CloseWithin is Close for the end of a program: once ctx is done it waits for the
// grace only, since a device cannot be told to drop submitted work, which may take
// minutes. What it leaves behind then, the system takes back when the process ends.
func (e *Executor) CloseWithin(ctx context.Context, grace time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- e.Close() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(grace):
		return nil
	}
}
