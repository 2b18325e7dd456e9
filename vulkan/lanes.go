package vulkan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/glipvk/glipvk/engine"
)

// lane is a way through a program for one run: its commands, and memory for inputs and results,
// so that the host fills or reads one lane while the device works for the other.
//
// A caller that is alone on memory that the host shares needs no such memory: its run is direct,
// the host reads and writes the arena itself. Whoever comes meanwhile waits for the end of
// that with inputs at hand, and then none is direct until both are gone. Nor is one direct while the
// device may still be at work for a cancelled run of the other lane.
type lane struct {
	body  commands       // the dispatches
	timed commands       // the same with timestamps; made when first needed
	up    *engine.Buffer // inputs of the host; these four are made when first needed
	down  *engine.Buffer // results for the host
	in    commands       // copy up to the arena
	out   commands       // copy the arena down

	once commands // copies of the last run alone
	held []*Value // that these use

	left bool // the last run failed or was called off, and the device may be at work for it; guarded by Program.mu
}

// target is where the results of a run go: to the host, or to values.
type target struct {
	host   [][]float32
	values *[]*Value        // new ones are made if there are none
	times  *[]time.Duration // of each dispatch, if wanted
}

// errGone is for an input that nobody has any more.
var errGone = fmt.Errorf("an input is a value that was closed: %w", ErrClosed)

// run is one execution.
func (p *Program) run(ctx context.Context, in []Input, to target) (err error) {
	if err := p.checkInputs(in); err != nil {
		return err
	}
	l, direct, err := p.take(ctx)
	if err != nil {
		return fmt.Errorf("vulkan: run: %w", err)
	}
	defer func() { p.give(l, direct, err != nil) }()
	if err := l.settle(ctx); err != nil {
		return fmt.Errorf("vulkan: run: %w", err)
	}
	if to.values != nil && len(*to.values) == 0 {
		for _, r := range p.plan.Results {
			v, err := newValue(p.device, r.Bytes)
			if err != nil {
				return err
			}
			*to.values = append(*to.values, v)
		}
	}
	if direct {
		err = p.runDirect(ctx, l, in, to)
	} else {
		err = p.runStaged(ctx, l, in, to)
	}
	if err != nil {
		return fmt.Errorf("vulkan: run: %w", err)
	}
	return nil
}

// take waits for a free lane. The run on it is direct if nobody else has one, or left one at work.
func (p *Program) take(ctx context.Context) (l *lane, direct bool, err error) {
	if l, err = p.takeLane(ctx); err != nil {
		return nil, false, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if direct = p.mapped && p.users == 0 && !p.other(l).left; direct {
		<-p.turn // it is there: who had it was a user
	}
	p.users++
	return l, direct, nil
}

// takeLane takes the second lane where the first is not free.
func (p *Program) takeLane(ctx context.Context) (*lane, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case <-p.closing:
		return nil, ErrClosed
	default:
	}
	select {
	case l := <-p.free:
		return l, nil
	default:
	}
	select {
	case l := <-p.free:
		return l, nil
	case l := <-p.spare:
		body, err := p.record(ctx, engine.RecorderOptions{})
		if err != nil {
			p.spare <- l
			return nil, err
		}
		l.body = body
		return l, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.closing:
		return nil, ErrClosed
	}
}

// other is the other lane.
func (p *Program) other(l *lane) *lane {
	if l == p.first {
		return p.second
	}
	return p.first
}

// give hands a lane back. left says that the device may be at work for it.
func (p *Program) give(l *lane, direct, left bool) {
	if direct {
		p.turn <- struct{}{}
	}
	p.mu.Lock()
	l.left = left
	p.users--
	p.mu.Unlock()
	p.free <- l
}

// settle waits for what a cancelled run left behind and still uses the lane's memory.
func (l *lane) settle(ctx context.Context) error {
	for _, list := range [...]commands{l.in, l.body, l.timed, l.out, l.once} {
		if err := list.wait(ctx); err != nil {
			return err
		}
	}
	return l.forget()
}

// forget closes what only the last run used.
func (l *lane) forget() error {
	if len(l.once) == 0 {
		return nil
	}
	err := l.once.close()
	for _, v := range l.held {
		err = errors.Join(err, v.Close())
	}
	l.once, l.held = l.once[:0], l.held[:0]
	return err
}

// runDirect computes in an arena that the host sees and nobody else uses.
func (p *Program) runDirect(ctx context.Context, l *lane, in []Input, to target) error {
	for i, r := range p.plan.Inputs {
		b, offset := p.memory(r)
		v := in[i].Value
		if v == nil {
			copy(b.Bytes()[offset:], floatBytes(in[i].Host))
			continue
		}
		if !v.hold() {
			return errGone
		}
		copy(b.Bytes()[offset:], v.buffer.Bytes())
		if err := v.Close(); err != nil {
			return err
		}
	}
	if err := p.compute(ctx, l, to); err != nil {
		return err
	}
	for i, r := range p.plan.Results {
		b, offset := p.memory(r)
		var room []byte
		if to.values != nil {
			room = (*to.values)[i].buffer.Bytes()
		} else {
			room = floatBytes(to.host[i])
		}
		copy(room, b.Bytes()[offset:offset+r.Bytes])
	}
	return nil
}

// compute runs the dispatches and waits.
func (p *Program) compute(ctx context.Context, l *lane, to target) error {
	list, err := p.dispatches(ctx, l, to)
	if err != nil {
		return err
	}
	if err := list.start(ctx); err != nil {
		return err
	}
	if err := list.wait(ctx); err != nil {
		return err
	}
	return to.note(list)
}

// dispatches are the commands of a run.
func (p *Program) dispatches(ctx context.Context, l *lane, to target) (commands, error) {
	if to.times == nil {
		return l.body, nil
	}
	var err error
	if l.timed == nil {
		l.timed, err = p.record(ctx, engine.RecorderOptions{Timestamps: true})
	}
	return l.timed, err
}

// note keeps how long the dispatches of commands took.
func (t target) note(list commands) error {
	if t.times == nil {
		return nil
	}
	for _, c := range list {
		times, err := c.Times()
		if err != nil {
			return err
		}
		*t.times = append(*t.times, times...)
	}
	return nil
}

// close waits for the device and frees what the lane has.
func (l *lane) close() error {
	errs := []error{l.body.close(), l.timed.close(), l.in.close(), l.out.close(), l.forget()}
	for _, b := range [...]*engine.Buffer{l.up, l.down} {
		if b != nil {
			errs = append(errs, b.Close())
		}
	}
	return errors.Join(errs...)
}
