package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// place is a request that was taken.
type place struct {
	flow  *flow
	ctx   context.Context
	bytes int64
	state State // Reading, Checked; Waiting once its units are in the line; States when it has left
}

// admit takes a request before its body is read, or says why not.
func (f *flow) admit(ctx context.Context, bytes int64) (*place, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	bytes = max(bytes, 0)
	switch {
	case f.draining:
		return nil, f.refuse(Draining, api.Draining)
	case f.stopped != "":
		return nil, f.refuse(NotReady, f.stopped)
	case f.reading+f.line.length() >= f.queue+f.spare:
		return nil, f.refuse(Full, api.Overloaded)
	case bytes > f.bytes-f.held:
		return nil, f.heavy(bytes)
	case f.late(ctx):
		return nil, f.refuse(TooLate, api.Overloaded)
	}
	f.reading++
	f.held += bytes
	return &place{flow: f, ctx: ctx, bytes: bytes}, nil
}

// resize says how many bytes a request really has.
func (p *place) resize(bytes int64) error {
	f := p.flow
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.state == States {
		return errLeft
	}
	bytes = max(bytes, 0)
	if bytes-p.bytes > f.bytes-f.held {
		return f.heavy(bytes)
	}
	f.held += bytes - p.bytes
	p.bytes = bytes
	return nil
}

// checked says that the body was read.
func (p *place) checked() {
	p.flow.mu.Lock()
	defer p.flow.mu.Unlock()
	if p.state == Reading {
		p.state = Checked
	}
}

// leave gives the place back. A request that has not come to the line is counted by what its context says.
func (p *place) leave() {
	f := p.flow
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.state == Reading || p.state == Checked {
		f.gone(p.ctx, p.state)
	}
	p.release()
	f.advance()
}

// release takes a place out of what is counted.
func (p *place) release() {
	if p.state == Reading || p.state == Checked {
		p.flow.reading--
	}
	p.flow.held -= p.bytes
	p.bytes, p.state = 0, States
}

var (
	errLeft = errors.New("serve/queue: the place was given back already")
	errNone = errors.New("serve/queue: a request without units")
)

// do has a call answered: it waits until all of its units are, or one fails, or the context ends.
func (p *place) do(ctx context.Context, c *call) error {
	f := p.flow
	if err := p.enter(ctx, c); err != nil {
		return err
	}
	select {
	case <-c.done:
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !c.over {
		state := Computing
		for _, u := range c.units {
			state = min(state, u.task.state) // that of an answered one is beyond
		}
		f.end(c, f.gone(ctx, state))
	}
	p.release()
	f.advance()
	return c.err
}

// enter puts a call's units into the line; where that cannot be, the place is given back.
func (p *place) enter(ctx context.Context, c *call) error {
	f := p.flow
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.state >= Waiting {
		return errLeft
	}
	if err := p.refused(ctx, c); err != nil {
		p.release()
		f.advance()
		return err
	}
	f.reading--
	p.state = Waiting
	f.enter(c)
	return nil
}

// refused is why a call has no place in the line; nil if it has.
func (p *place) refused(ctx context.Context, c *call) error {
	f := p.flow
	fresh, lined := 0, 0 // units whose task is new, and those that will be in the line
	for _, u := range c.units {
		if t := f.tasks[u.task.whole]; t == nil {
			fresh++
			lined++
		} else if t.state < Computing {
			lined++
		}
	}
	switch n := len(c.units); {
	case n == 0:
		return errNone
	case ctx.Err() != nil:
		return f.gone(ctx, p.state)
	case f.closed:
		return f.refuse(Draining, api.Draining)
	case n > f.queue:
		f.stats.Rejected[Full]++
		return api.Refuse(api.TooLarge, "the request has %d pictures, and %d may wait: send fewer at a time", n, f.queue)
	case f.line.length()+lined > f.queue:
		return f.refuse(Full, api.Overloaded)
	case fresh > 0 && f.late(ctx):
		return f.refuse(TooLate, api.Overloaded)
	}
	return nil
}

// late says whether a deadline passes before a unit that comes now is computed.
func (f *flow) late(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < f.estimate()
}

// gone counts a request whose context has ended, and is the refusal for it; nil for one that has not.
func (f *flow) gone(ctx context.Context, state State) error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		f.stats.Expired[state]++
		return api.Refuse(api.Deadline, "the request's time passed while it was %s: allow more, or ask for less at a time", state)
	default:
		f.stats.Cancelled[state]++
		return api.Refuse(api.Cancelled, "the client left while its request was %s", state)
	}
}

// refuse counts a request that is not taken, and is the refusal: with a second until all is well again, or with what the line
// will take, within a second and a minute.
func (f *flow) refuse(reason Reason, code api.Code) error {
	f.stats.Rejected[reason]++
	r := &api.Refusal{Code: code, Retry: time.Second}
	switch code {
	case api.Draining:
		r.Text = "the server is shutting down: ask again in a moment"
		return r
	case api.Loading:
		r.Text = "the model is being loaded: ask again in a moment"
		return r
	case api.DeviceLost:
		r.Text = "the device was lost and is opened again: ask again in a moment"
		return r
	}
	r.Retry = min(max(f.estimate(), time.Second), time.Minute)
	switch reason {
	case TooLate:
		r.Text = fmt.Sprintf("%d pictures are computed first, which takes longer than the request has: allow it more time, or ask again in %d s", f.ahead, r.Seconds())
	case Heavy:
		r.Text = fmt.Sprintf("requests of %d bytes are under way, of %d that may: ask again in %d s", f.held, f.bytes, r.Seconds())
	default:
		r.Text = fmt.Sprintf("the queue is full, %d pictures wait: ask again in %d s", f.line.length(), r.Seconds())
	}
	return r
}

// heavy refuses a request of so many bytes.
func (f *flow) heavy(bytes int64) error {
	if bytes > f.bytes {
		f.stats.Rejected[Heavy]++
		return api.Refuse(api.TooLarge, "the request has %d bytes, and all requests together may have %d: send fewer or smaller pictures", bytes, f.bytes)
	}
	return f.refuse(Heavy, api.Overloaded)
}
