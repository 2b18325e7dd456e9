package queue

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// Options say how a queue works and with what. J is a job, what a caller wants of one unit; P what a job becomes when it is
// prepared; R its result. The functions are called from several goroutines at a time. What one of them panics with fails the
// jobs that it was called for, and those alone.
type Options[J, P, R any] struct {
	Queue     int           // units that may wait: 64
	Spare     int           // requests that may be read beyond Queue: 16; none if negative
	Bytes     int64         // of all requests under way: 256 MiB
	Batch     int           // units that are computed together at most: 1
	Delay     time.Duration // for which a batch that is not full waits for more, counted from when its oldest unit came
	Devices   int           // 1
	Preparing int           // preparations at a time: GOMAXPROCS
	Expect    time.Duration // what a unit takes, as long as none was computed: 0

	// Prepare decodes one job. Its context ends when nobody waits for the job any more. It may be called again for a job whose
	// prepared form was given up.
	Prepare func(context.Context, J) (P, error)

	// Compute does a batch of one extent on a device, from 0; never two at a time on one. Items of one picture are side by side.
	// There is a result for each item; an error instead fails them all. The context ends when the queue is closed, never for a
	// caller who left.
	Compute func(ctx context.Context, device int, batch []Item[J, P]) ([]Result[R], error)

	// Known says whether what is expensive of a picture is remembered, so that its units go first. It is asked often, behind the
	// queue's lock: it must be quick, and wait for no lock that is held while the queue is called. Nil remembers nothing.
	Known func(picture Key) bool
}

// Item is one job of a batch.
type Item[J, P any] struct {
	Job      J
	Prepared P
	Picture  Key
}

// Result is what a computation made of one item.
type Result[R any] struct {
	Value R
	Err   error // fails this item's units alone
}

// Unit is one picture and one prompt: what is computed, shared and counted.
type Unit[J any] struct {
	Job     J // may be used until its computation has ended, also after its caller left
	Extent  Extent
	Picture Key   // of the picture; zero for one that is like no other
	Whole   Key   // of picture, prompt and options: units of one such key have one result; zero for one that is shared with nobody
	Bytes   int64 // that it keeps in memory, encoded
}

// Request is units that are answered together.
type Request[J any] struct {
	Client   string // who asks, by token or address: clients take turns
	Priority int    // [api.Default], which is high for one unit and low for several, [api.High] or [api.Low]
	Units    []Unit[J]
}

// Answer is the result of one unit.
type Answer[R any] struct {
	Value    R             // which others may have as well
	Waited   time.Duration // from its place in the line to its computation, without the preparation
	Prepared time.Duration
	Computed time.Duration // of the whole batch
	Batch    int           // units computed together
	Shared   bool          // the computation was another's already, which came first
}

// Queue orders the work of a server. Make one with [New].
type Queue[J, P, R any] struct{ flow *flow }

// New is a queue that takes nothing until [Queue.Ready]: requests are refused as [api.Loading].
func New[J, P, R any](o Options[J, P, R]) (*Queue[J, P, R], error) {
	s := settings{
		queue: cmp.Or(o.Queue, 64), batch: cmp.Or(o.Batch, 1), devices: cmp.Or(o.Devices, 1), preparing: cmp.Or(o.Preparing, runtime.GOMAXPROCS(0)),
		spare: max(cmp.Or(o.Spare, 16), 0), bytes: cmp.Or(o.Bytes, 256<<20), delay: o.Delay, expect: o.Expect, known: o.Known,
	}
	if o.Prepare == nil || o.Compute == nil {
		return nil, fmt.Errorf("serve/queue: a queue needs both Prepare and Compute")
	}
	if min(s.queue, s.batch, s.devices, s.preparing) < 1 || s.bytes < 1 || min(s.delay, s.expect) < 0 {
		return nil, fmt.Errorf("serve/queue: want no option below 0, have queue %d, bytes %d, batch %d, delay %v, devices %d, preparing %d, expected %v",
			o.Queue, o.Bytes, o.Batch, o.Delay, o.Devices, o.Preparing, o.Expect)
	}
	s.prepare = func(ctx context.Context, job any) (any, error) { return o.Prepare(ctx, as[J](job)) }
	s.compute = func(ctx context.Context, device int, batch []*task) ([]outcome, error) {
		items := make([]Item[J, P], len(batch))
		for i, t := range batch {
			items[i] = Item[J, P]{Job: as[J](t.job), Prepared: as[P](t.prepared), Picture: t.picture}
		}
		results, err := o.Compute(ctx, device, items)
		list := make([]outcome, len(results))
		for i, r := range results {
			list[i] = outcome{r.Value, r.Err}
		}
		return list, err
	}
	return &Queue[J, P, R]{newFlow(s)}, nil
}

// as is a value by its type; nil of an interface, which no longer has one, is nil.
func as[T any](v any) T {
	t, _ := v.(T)
	return t
}

// Ready says that there is a detector: requests are taken, and what waits is computed.
func (q *Queue[J, P, R]) Ready() { q.flow.resume() }

// Together sets how many units are computed together at most, from 1, for batches that are begun from now on.
func (q *Queue[J, P, R]) Together(batch int) {
	q.flow.mu.Lock()
	defer q.flow.mu.Unlock()
	q.flow.batch = max(batch, 1)
	q.flow.advance()
}

// Lost says that the device was lost. What is being computed fails as [api.DeviceLost], at once, and so does what comes, until
// [Queue.Ready]; what waits goes on waiting, as long as its callers do. Compute may call it.
func (q *Queue[J, P, R]) Lost() { q.flow.lose() }

// Drain takes nothing any more, as [api.Draining], and waits until all that was taken is answered or has left. The error is the
// context's.
func (q *Queue[J, P, R]) Drain(ctx context.Context) error { return q.flow.drain(ctx) }

// Close refuses all that is under way as [api.Draining], at once, and waits for the functions that run to return.
func (q *Queue[J, P, R]) Close() { q.flow.close() }

// Stats is how the queue stands. It costs less than a microsecond.
func (q *Queue[J, P, R]) Stats() Stats { return q.flow.snapshot() }

// Admit takes a request whose body is still to be read, or refuses it with an [*api.Refusal] and when to ask again. Bytes is
// what its body has: 0 where that is unknown, see [Place.Resize]. The context is that of the request, its deadline too.
func (q *Queue[J, P, R]) Admit(ctx context.Context, bytes int64) (*Place[J, P, R], error) {
	p, err := q.flow.admit(ctx, bytes)
	if err != nil {
		return nil, err
	}
	return &Place[J, P, R]{p}, nil
}

// Place is a request that was taken, before and while its units are in the queue. Who has one calls Leave or Do.
type Place[J, P, R any] struct{ place *place }

// Resize says how many bytes the request keeps, where that is not what Admit was told: while a body of unknown length is read,
// before the memory is taken, and when it turns out otherwise. The error is a refusal; the place is kept.
func (p *Place[J, P, R]) Resize(bytes int64) error { return p.place.resize(bytes) }

// Checked says that the body is there and is being looked through.
func (p *Place[J, P, R]) Checked() { p.place.checked() }

// Leave gives the place back, of a request that does not come to Do. After Do it does nothing, so it can be deferred. If the
// context that Admit was given has ended, the request is counted as left by its client or as late.
func (p *Place[J, P, R]) Leave() { p.place.leave() }

// Do has a request answered: answers are in the order of its units. It returns as soon as all are there, one has failed or the
// context has ended. The error is an [*api.Refusal], or a [*UnitError] with what Prepare or Compute said. The place is given back.
func (p *Place[J, P, R]) Do(ctx context.Context, r Request[J]) ([]Answer[R], error) {
	priority := High
	if r.Priority == api.Low || r.Priority != api.High && len(r.Units) > 1 {
		priority = Low
	}
	c := &call{units: make([]*unit, len(r.Units))}
	for i, u := range r.Units {
		t := &task{whole: u.Whole, picture: u.Picture, extent: u.Extent, job: u.Job}
		c.units[i] = &unit{task: t, client: r.Client, priority: priority, size: max(u.Bytes, 0)}
	}
	if err := p.place.do(ctx, c); err != nil {
		return nil, err
	}
	answers := make([]Answer[R], len(c.replies))
	for i, a := range c.replies {
		answers[i] = Answer[R]{as[R](a.value), a.waited, a.prepared, a.computed, a.batch, a.shared}
	}
	return answers, nil
}
