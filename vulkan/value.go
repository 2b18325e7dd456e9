package vulkan

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// Value is a tensor in device memory. It is counted: who makes it has it once, Retain has
// it once more, and the memory is freed when it was closed as often, after the runs
// that use it. Nothing but [Program.RunOver] ever writes a value again.
type Value struct {
	device *engine.Device
	buffer *engine.Buffer
	users  atomic.Int64
}

// NewValue brings data to the device.
func NewValue(ctx context.Context, d *engine.Device, data []float32) (*Value, error) {
	v, err := newValue(d, 4*int64(len(data)))
	if err != nil {
		return nil, err
	}
	if err := d.Upload(ctx, v.buffer, 0, floatBytes(data)); err != nil {
		return nil, errors.Join(fmt.Errorf("vulkan: value: %w", err), v.Close())
	}
	return v, nil
}

func newValue(d *engine.Device, bytes int64) (*Value, error) {
	b, err := d.NewBuffer(bytes, engine.DeviceMemory, "value")
	if err != nil {
		return nil, fmt.Errorf("vulkan: value of %d bytes: %w", bytes, err)
	}
	v := &Value{device: d, buffer: b}
	v.users.Store(1)
	return v, nil
}

// Bytes is the device memory that the value takes.
func (v *Value) Bytes() int64 { return v.buffer.Size() }

// Download copies the value into the caller's memory, which has exactly its elements.
func (v *Value) Download(ctx context.Context, into []float32) error {
	if 4*int64(len(into)) != v.Bytes() {
		return fmt.Errorf("vulkan: download: %w: room for %d elements, the value has %d", graph.ErrShape, len(into), v.Bytes()/4)
	}
	if !v.hold() {
		return fmt.Errorf("vulkan: download: value: %w", ErrClosed)
	}
	return errors.Join(v.device.Download(ctx, floatBytes(into), v.buffer, 0), v.Close())
}

// Retain has the value once more: it must be closed once more. It must not be closed already.
func (v *Value) Retain() *Value {
	v.hold()
	return v
}

// hold retains the value unless it is gone.
func (v *Value) hold() bool {
	for {
		n := v.users.Load()
		if n <= 0 {
			return false
		}
		if v.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Close gives the value up once. [ErrClosed] says that it was closed more often than retained.
func (v *Value) Close() error {
	switch n := v.users.Add(-1); {
	case n > 0:
		return nil
	case n < 0:
		v.users.Store(0)
		return fmt.Errorf("vulkan: value: %w", ErrClosed)
	}
	return v.buffer.Close()
}
