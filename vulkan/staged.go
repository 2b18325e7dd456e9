package vulkan

import (
	"context"
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/kernels"
)

// runStaged computes with inputs and results in the lane's memory or in values.
func (p *Program) runStaged(ctx context.Context, l *lane, in []Input, to target) error {
	fill, err := p.bringsIn(l, in)
	if err != nil {
		return err
	}
	drain, err := p.bringsOut(l, to)
	if err != nil {
		return err
	}
	list, err := p.dispatches(ctx, l, to)
	if err != nil {
		return err
	}
	select {
	case <-p.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, some := range [...]commands{fill, list, drain} {
		if err == nil {
			err = some.start(ctx)
		}
	}
	p.turn <- struct{}{}
	if err != nil {
		return err
	}
	for _, some := range [...]commands{drain, list} { // the device takes them in order: all is over when the last is
		if err := some.wait(ctx); err != nil {
			return err
		}
	}
	var at int64
	for _, room := range to.host {
		bytes := floatBytes(room)
		copy(bytes, l.down.Bytes()[at:])
		at += int64(len(bytes))
	}
	if err := to.note(list); err != nil || len(l.once) == 0 {
		return err
	}
	return l.settle(ctx)
}

// bringsIn is what copies the inputs to the arena; those of the host are in the lane's
// memory then.
func (p *Program) bringsIn(l *lane, in []Input) (commands, error) {
	host := slices.IndexFunc(in, func(x Input) bool { return x.Value == nil }) >= 0
	if host && l.up == nil {
		b, err := p.device.NewBuffer(sum(p.plan.Inputs), engine.UploadMemory, "inputs")
		if err != nil {
			return nil, fmt.Errorf("upload buffer: %w", err)
		}
		p.keep(&l.up, b)
		if l.in, err = p.copies("inputs", p.plan.Inputs, func(i int, at int64) (*engine.Buffer, int64) { return b, at }, true); err != nil {
			return nil, err
		}
	}
	fill := l.in
	if slices.IndexFunc(in, func(x Input) bool { return x.Value != nil }) >= 0 {
		for _, x := range in {
			if v := x.Value; v != nil {
				if !v.hold() {
					return nil, errGone
				}
				l.held = append(l.held, v)
			}
		}
		var err error
		if fill, err = p.copies("inputs", p.plan.Inputs, func(i int, at int64) (*engine.Buffer, int64) {
			if v := in[i].Value; v != nil {
				return v.buffer, 0
			}
			return l.up, at
		}, true); err != nil {
			return nil, err
		}
		l.once = append(l.once, fill...)
	}
	var at int64
	for i, r := range p.plan.Inputs {
		if in[i].Value == nil {
			copy(l.up.Bytes()[at:], floatBytes(in[i].Host))
		}
		at += r.Bytes
	}
	return fill, nil
}

// bringsOut is what copies the results out of the arena.
func (p *Program) bringsOut(l *lane, to target) (commands, error) {
	if to.values != nil {
		c, err := p.copies("results", p.plan.Results, func(i int, _ int64) (*engine.Buffer, int64) { return (*to.values)[i].buffer, 0 }, false)
		if err != nil {
			return nil, err
		}
		l.once = append(l.once, c...)
		for _, v := range *to.values {
			l.held = append(l.held, v.Retain())
		}
		return c, nil
	}
	if l.down == nil && len(p.plan.Results) > 0 {
		b, err := p.device.NewBuffer(sum(p.plan.Results), engine.ReadbackMemory, "results")
		if err != nil {
			return nil, fmt.Errorf("readback buffer: %w", err)
		}
		p.keep(&l.down, b)
		if l.out, err = p.copies("results", p.plan.Results, func(i int, at int64) (*engine.Buffer, int64) { return b, at }, false); err != nil {
			return nil, err
		}
	}
	return l.out, nil
}

// keep stores a buffer of a lane, for Stats to see.
func (p *Program) keep(at **engine.Buffer, b *engine.Buffer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*at = b
}

// copies records the copying of ranges to or from other memory; place says where there,
// given how many bytes the ranges before take.
func (p *Program) copies(label string, list []kernels.Range, place func(i int, at int64) (*engine.Buffer, int64), in bool) (commands, error) {
	r, err := p.device.NewRecorder(label, engine.RecorderOptions{})
	if err != nil {
		return nil, err
	}
	defer r.Abandon()
	var at int64
	for i, x := range list {
		here, offset := p.memory(x)
		there, begin := place(i, at)
		if in {
			r.Copy(here, offset, there, begin, x.Bytes)
		} else {
			r.Copy(there, begin, here, offset, x.Bytes)
		}
		at += x.Bytes
	}
	c, err := r.Finish()
	if err != nil {
		return nil, err
	}
	return commands{c}, nil
}
