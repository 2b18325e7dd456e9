package executor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/vulkan"
)

// OnLost says what becomes of an executor whose device is lost.
type OnLost string

// What becomes of an executor whose device is lost.
const (
	LostStop OnLost = "stop" // calls fail with [engine.ErrDeviceLost] from then on
	LostCPU  OnLost = "cpu"  // it goes on on the CPU
)

// ParseOnLost reads one of them; "" is [LostStop]. The error wraps [ErrInput].
func ParseOnLost(s string) (OnLost, error) {
	switch o := OnLost(strings.ToLower(s)); o {
	case "":
		return LostStop, nil
	case LostStop, LostCPU:
		return o, nil
	}
	return "", Blame(fmt.Errorf("glipvk: %q on a lost device: want %s or %s", s, LostCPU, LostStop))
}

// errLeft is what values and calls of a device fail with that an executor has left.
func errLeft() error {
	return fmt.Errorf("glipvk: what was on the device is gone, and has to be computed again: %w", engine.ErrDeviceLost)
}

// Recover says whether a call that failed with err is worth another attempt, which it is once where the device was lost and
// [Options.OnDeviceLost] is [LostCPU]: the executor is on the CPU then, the same for all callers, and [Options.Moved] was told.
// What [Value]s held that were on the device is gone: calls with them fail with [engine.ErrDeviceLost]. Otherwise the error is err, with what
// kept the executor from going on. [Part]s whose inputs are of the host do that by themselves.
func (e *Executor) Recover(ctx context.Context, err error) (again bool, _ error) {
	if err == nil || e.never() || e.options.OnDeviceLost != LostCPU || !errors.Is(err, engine.ErrDeviceLost) {
		return false, err
	}
	if e.moving.Acquire(ctx) != nil {
		return false, err
	}
	defer e.moving.Release()
	from := e.at.Load()
	if from.device.Vulkan == nil {
		return true, nil // another caller was faster
	}
	if failed := e.move(ctx, from, err); failed != nil {
		return false, fmt.Errorf("%w; and it does not go on on the CPU: %w", err, failed)
	}
	return true, nil
}

// Again runs f, and a second time where [Executor.Recover] says that it is worth it: for what makes values on the device and uses them.
func Again[V any](ctx context.Context, e *Executor, f func() (V, error)) (V, error) {
	v, err := f()
	again, err := e.Recover(ctx, err)
	if !again {
		return v, err
	}
	return f()
}

// move takes the executor to the CPU. The lock of moves is held.
func (e *Executor) move(ctx context.Context, from *place, why error) error {
	ctx, cancel := from.join(ctx)
	defer cancel()
	b, err := newProcessor(ctx, e.graph, e.source, e.options.progress("weights"))
	if err != nil {
		return err
	}
	e.at.Store(e.placed(b, nil))
	e.mu.Lock()
	rooms := append(slices.Collect(maps.Keys(e.rooms)), e.programs)
	e.mu.Unlock()
	for _, r := range rooms {
		r.empty()
	}
	from.end(errLeft())
	_ = from.close() // of a lost device nothing is to be expected
	if e.options.Moved != nil {
		e.options.Moved(why, e.Device())
	}
	return nil
}

// placed is the place of a backend; v are the values that it began with, nil for none.
func (e *Executor) placed(b backend, v *values) *place {
	p := &place{life: newLife(), backend: b, values: v, device: b.info()}
	if v == nil {
		p.values = &values{held: map[*vulkan.Value]struct{}{}}
	}
	p.values.life = p.life
	if p.device.Precision == "" {
		p.device.Precision = F32
		if e.options.Precision == F16 {
			p.device.PrecisionReason = "f16 needs a Vulkan device; the CPU computes in f32"
		}
	}
	return p
}

// empty lets no key find any more what is in a room, or being made for it.
func (r *room) empty() {
	r.tidy(func() {
		for e := range r.entries {
			r.forget(e)
		}
	})
}

// here refuses values of a device that the executor has left.
func (p *place) here(list []Value) error {
	for _, v := range list {
		if v.of != nil && v.of != p.values {
			return errLeft()
		}
	}
	return nil
}
