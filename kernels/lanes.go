package kernels

import (
	"context"
	"errors"
	"fmt"

	"github.com/glipvk/glipvk/engine"
)

// lane is a way through a program for one submission: its own memory for inputs and
// results, so that the host fills or reads one lane while the device works for the other.
type lane struct {
	up, down *engine.Buffer
	commands *engine.Commands
}

// lanes are how many submissions may be under way.
const lanes = 2

// Ticket is a submission that is under way. Collect it once, from one goroutine.
type Ticket struct {
	p    *Program
	lane *lane
	done bool
}

// Submit copies inputs in and hands the work to the device. It waits while two earlier
// tickets are not collected. Every ticket must be collected, in the order of submission.
func (p *Program) Submit(ctx context.Context, inputs ...[]float32) (*Ticket, error) {
	t, err := p.submit(ctx, inputs)
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// submit is Submit without an allocation, for runs.
func (p *Program) submit(ctx context.Context, inputs [][]float32) (Ticket, error) {
	if len(inputs) != len(p.inputs) {
		return Ticket{}, p.miscounted(len(inputs), len(p.results))
	}
	if err := p.checkSizes(p.inputs, inputs); err != nil {
		return Ticket{}, err
	}
	l, err := p.takeLane(ctx)
	if err != nil {
		return Ticket{}, err
	}
	var at int64
	for i, id := range p.inputs {
		copy(l.up.Bytes()[at:], floatBytes(inputs[i]))
		at += p.bytes(id)
	}
	if err := l.commands.Start(ctx); err != nil {
		p.free <- l
		return Ticket{}, fmt.Errorf("kernels: submit: %w", err)
	}
	return Ticket{p: p, lane: l}, nil
}

// takeLane waits for a free lane, making one while there are fewer than there may be.
func (p *Program) takeLane(ctx context.Context) (*lane, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, fmt.Errorf("kernels: submit: %w", ErrClosed)
	}
	if p.free == nil {
		p.free = make(chan *lane, lanes)
	}
	if len(p.free) == 0 && len(p.lanes) < lanes {
		l, err := p.newLane(engine.RecorderOptions{})
		if err == nil {
			p.lanes = append(p.lanes, l)
		}
		p.mu.Unlock()
		return l, err
	}
	free := p.free
	p.mu.Unlock()
	select {
	case l := <-free:
		// Work that a cancelled Collect left behind still uses its memory.
		if err := l.commands.Wait(ctx); err != nil {
			free <- l
			return nil, fmt.Errorf("kernels: submit: %w", err)
		}
		return l, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("kernels: submit: %w", ctx.Err())
	}
}

func (p *Program) newLane(o engine.RecorderOptions) (*lane, error) {
	l := &lane{}
	var err error
	if l.up, l.down, err = p.staging(); err != nil {
		return nil, err
	}
	if l.commands, err = p.record(o, l); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *lane) close() error {
	var errs []error
	if l.commands != nil {
		errs = append(errs, l.commands.Close())
	}
	return errors.Join(append(errs, l.up.Close(), l.down.Close())...)
}

// Collect waits for the ticket's work and copies the results. On cancellation it returns the
// context's error at once; the device finishes by itself.
func (t *Ticket) Collect(ctx context.Context, outputs [][]float32) error {
	if t.done {
		return errors.New("kernels: collect: the ticket was collected already")
	}
	if len(outputs) != len(t.p.results) {
		return t.p.miscounted(len(t.p.inputs), len(outputs))
	}
	if err := t.p.checkSizes(t.p.results, outputs); err != nil {
		return err
	}
	t.done = true
	defer func() { t.p.free <- t.lane }()
	if err := t.lane.commands.Wait(ctx); err != nil {
		return fmt.Errorf("kernels: collect: %w", err)
	}
	var at int64
	for i, id := range t.p.results {
		n := t.p.bytes(id)
		copy(floatBytes(outputs[i]), t.lane.down.Bytes()[at:at+n])
		at += n
	}
	return nil
}
