package executor

import (
	"errors"
	"fmt"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/vulkan"
)

// place is where an executor computes: a device with the weights, and what is on it.
type place struct {
	*life
	backend backend
	values  *values
	device  DeviceInfo
}

// newPlace is the place of a backend; v are the values that it began with, nil for none.
func newPlace(b backend, v *values, asked Precision) *place {
	p := &place{life: newLife(), backend: b, values: v, device: b.info()}
	if v == nil {
		p.values = &values{held: map[*vulkan.Value]struct{}{}}
	}
	p.values.life = p.life
	if p.device.Precision == "" {
		p.device.Precision = F32
		if asked == F16 {
			p.device.PrecisionReason = "f16 needs a Vulkan device; the CPU computes in f32"
		}
	}
	return p
}

// close gives values, weights and device back.
func (p *place) close() error { return errors.Join(p.values.close(), p.backend.close()) }

// errLeft is what values and calls of a device fail with that an executor has left.
func errLeft() error {
	return fmt.Errorf("glipvk: what was on the device is gone, and has to be computed again: %w", engine.ErrDeviceLost)
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
