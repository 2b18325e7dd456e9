package executor

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/glipvk/glipvk/vulkan"
)

// Value is a tensor where its executor keeps it: a slice of the host on the CPU, a buffer of
// the device on Vulkan. Who gets one closes it, before or after the executor.
type Value struct {
	host   []float32
	device *vulkan.Value
	of     *values // of device
}

// Host is a value in memory of the host, row-major, which is read and never changed.
func Host(data []float32) Value { return Value{host: data} }

// Hosts are several.
func Hosts(data [][]float32) []Value {
	list := make([]Value, len(data))
	for i, d := range data {
		list[i] = Host(d)
	}
	return list
}

// Download copies a value of that many elements to the host.
func (v Value) Download(ctx context.Context, into []float32) (err error) {
	if v.device == nil {
		if len(v.host) != len(into) {
			return fmt.Errorf("glipvk: a value of %d elements, room for %d", len(v.host), len(into))
		}
		copy(into, v.host)
		return nil
	}
	c, err := v.of.enter(ctx)
	if err != nil {
		return err
	}
	defer func() { err = c.leave(err) }()
	return v.device.Download(c.ctx, into)
}

// Read is the value in memory of the host: its own, which is not to be changed, where it is there.
func (v Value) Read(ctx context.Context) ([]float32, error) {
	if v.device == nil {
		return v.host, nil
	}
	data := make([]float32, v.Bytes()/4)
	return data, v.Download(ctx, data)
}

// Bytes is what the value takes.
func (v Value) Bytes() int64 {
	if v.device != nil {
		return v.device.Bytes()
	}
	return 4 * int64(len(v.host))
}

// Close gives the memory back. Closing again does nothing.
func (v Value) Close() error {
	if v.device == nil {
		return nil
	}
	return v.of.drop(v.device)
}

// values are those on the device, so that Close finds them.
type values struct {
	*life
	mu   sync.Mutex
	held map[*vulkan.Value]struct{}
}

// keep notes a value.
func (l *values) keep(device *vulkan.Value) Value {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[device] = struct{}{}
	return Value{device: device, of: l}
}

// drop closes a value unless that was done. The lock is held meanwhile: who closes the device
// waits for it.
func (l *values) drop(device *vulkan.Value) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, there := l.held[device]; !there {
		return nil
	}
	delete(l.held, device)
	return device.Close()
}

// close closes all that are left, and returns when what others drop is closed too.
func (l *values) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for v := range l.held {
		errs = append(errs, v.Close())
	}
	clear(l.held)
	return errors.Join(errs...)
}
