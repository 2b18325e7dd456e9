package executor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/glipvk/glipvk/engine"
)

// Recover says whether a call that failed with err is worth another attempt, which it is once where the device was lost and
// [Options.OnDeviceLost] is [LostCPU]: the executor is on the CPU then, the same for all callers, and [Options.Moved] was told.
// What [Value]s held that were on the device is gone: calls with them fail with [engine.ErrDeviceLost]. Otherwise the error is err, with what
// kept the executor from going on. [Part]s whose inputs are of the host do that by themselves.
func (e *Executor) Recover(ctx context.Context, err error) (again bool, _ error) {
	if err == nil && e.never() {
		return false, unopened()
	}
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
	to := newPlace(b, nil, e.options.Precision)
	to.device.Lost = why.Error()
	e.at.Store(to)
	e.mu.Lock()
	rooms := append(slices.Collect(maps.Keys(e.rooms)), e.programs)
	e.mu.Unlock()
	for _, r := range rooms {
		r.renounce()
	}
	from.end(errLeft())
	_ = from.close() // of a lost device nothing is to be expected
	if e.options.Moved != nil {
		e.options.Moved(why, e.Device())
	}
	return nil
}
