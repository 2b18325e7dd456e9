package queue

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// settings are the options, with jobs of any kind and without zeros.
type settings struct {
	queue, batch, devices, preparing int
	bytes                            int64
	delay, expect                    time.Duration

	prepare func(context.Context, any) (any, error)
	compute func(context.Context, int, []*task) ([]outcome, error)
	known   func(Key) bool
}

// outcome is what a computation made of one task.
type outcome struct {
	value any
	err   error
}

// reply is what became of one unit.
type reply struct {
	value                      any
	waited, prepared, computed time.Duration
	batch                      int
	shared                     bool
}

// call is one request whose units are in the queue.
type call struct {
	units   []*unit
	replies []reply
	left    int   // units that are not answered
	err     error // why the request fails
	done    chan struct{}
	over    bool // answered, failed or given up
}

// run is one batch on a device.
type run struct {
	device int
	batch  []*task
	begun  time.Time
	orphan bool // its device was lost
}

// flow moves tasks from the line through preparation and computation to the units that wait for them. All of it is behind one
// lock; the functions that do the work run without it, each in a goroutine of its own, so that an idle queue has none.
type flow struct {
	settings
	context context.Context // of what runs
	cancel  context.CancelFunc
	group   sync.WaitGroup

	mu       sync.Mutex
	line     line
	tasks    map[Key]*task // that a unit may share
	calls    map[*call]struct{}
	order    []*unit // kept for its memory
	number   uint64
	ahead    int   // tasks in the line, of which so many
	waiting  int   // wait
	ready    int   // are ready; the others are being prepared
	running  int   // preparations, those of tasks that were called off too
	idle     []int // devices
	runs     []*run
	timer    *time.Timer // for the delay
	stopped  api.Code    // why nothing is taken and nothing computed for now; "" when ready
	draining bool
	closed   bool
	reading  int           // requests
	held     int64         // bytes
	quiet    chan struct{} // closed when nothing is left; nil if nobody asked
	mean     time.Duration
	stats    Stats // the counters of it
}

// enter puts the units of a call, whose tasks are new, into the line, or beside those that ask the same.
func (f *flow) enter(c *call) {
	now := time.Now()
	f.calls[c] = struct{}{}
	c.left, c.done, c.replies = len(c.units), make(chan struct{}), make([]reply, len(c.units))
	for i, u := range c.units {
		u.call, u.at, u.entered, u.number = c, i, now, f.number
		f.number++
		if t := f.tasks[u.task.whole]; t != nil && (u.task.whole != Key{}) {
			u.task, u.shared = t, true
		} else {
			u.task.state = Waiting
			f.ahead++
			f.waiting++
			if (u.task.whole != Key{}) {
				f.tasks[u.task.whole] = u.task
			}
		}
		u.task.units = append(u.task.units, u)
		if u.task.state < Computing {
			f.line.push(u)
		}
	}
	f.advance()
}

// advance gives work to whatever is free. It is called after everything that happens.
func (f *flow) advance() {
	if f.line.length() > 0 {
		f.line.age(time.Now())
		for f.stopped == "" && len(f.idle) > 0 && f.ready > 0 {
			batch := f.choose()
			if batch == nil {
				break
			}
			f.start(batch)
		}
		f.plan()
	}
	if f.quiet != nil && f.empty() {
		close(f.quiet)
		f.quiet = nil
	}
}

// empty says whether nothing is left to do.
func (f *flow) empty() bool {
	return f.reading == 0 && len(f.calls) == 0 && len(f.runs) == 0 && f.running == 0
}

// ordered is the line, with what a choice needs to know of it.
func (f *flow) ordered() []*unit {
	clear(f.order)
	f.order = f.line.order(f.order[:0])
	for _, u := range f.order {
		u.passed = u.overtaken
		if u.task.units[0] == u {
			u.task.remembered = len(f.order) > 1 && f.remembers(u.task.picture)
		}
	}
	return f.order
}

// remembers asks whether a picture costs less than others.
func (f *flow) remembers(picture Key) (yes bool) {
	if f.known == nil || (picture == Key{}) {
		return false
	}
	defer func() {
		if recover() != nil {
			f.stats.Panics++
			yes = false
		}
	}()
	return f.known(picture)
}

// choose takes the next batch of ready tasks out of the line; nil if there is none, or if it should wait for more.
func (f *flow) choose() []*task {
	order := f.ordered()
	batch := pick(order, f.batch, func(t *task) bool { return t.state == Ready })
	if batch == nil || len(batch) < f.batch && f.wait(order, batch[0].extent) {
		return nil
	}
	for _, u := range order {
		u.overtaken = u.passed
	}
	for _, t := range batch {
		t.state = Computing
		t.priority = Low
		f.ahead--
		f.ready--
		for _, u := range t.units {
			f.line.serve(u)
			t.priority = min(t.priority, u.priority)
		}
	}
	return batch
}

// wait says whether a batch that is not full waits for others of its extent, and sees to it that the wait ends.
func (f *flow) wait(order []*unit, extent Extent) bool {
	if f.delay <= 0 {
		return false
	}
	var oldest time.Duration
	for _, u := range order {
		if u.task.extent == extent {
			oldest = max(oldest, time.Since(u.entered))
		}
	}
	if oldest >= f.delay {
		return false
	}
	if f.timer != nil {
		f.timer.Stop()
	}
	f.timer = time.AfterFunc(f.delay-oldest, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.advance()
	})
	return true
}

// plan prepares tasks ahead of the devices, in the order in which they would be computed. As many are prepared at a time as there
// are processors. What is ready is two batches for each device; beyond that the ended preparation keeps its processor's place.
// For a task of the next two batches a ready one that comes after these makes room.
func (f *flow) plan() {
	if f.waiting == 0 || !f.room() && f.ready <= f.shelf() {
		return
	}
	order := f.ordered()
	for _, r := range f.runs {
		f.recall(order, r.batch)
	}
	for planned := 0; f.waiting > 0; {
		batch := pick(order, f.batch, func(*task) bool { return true })
		if batch == nil {
			return
		}
		f.recall(order, batch)
		for _, t := range batch {
			t.picked = true
		}
		order = slices.DeleteFunc(order, func(u *unit) bool { return u.task.picked })
		for _, t := range batch {
			t.picked = false
		}
		for _, t := range batch {
			if t.state == Waiting {
				if !f.room() && planned < f.shelf() && f.ready > f.shelf() {
					f.drop(order)
				}
				if !f.room() {
					return
				}
				f.begin(t)
			}
			planned++
		}
	}
}

// recall marks the tasks whose pictures will be remembered once a batch is computed.
func (f *flow) recall(order []*unit, batch []*task) {
	if f.known == nil {
		return
	}
	for _, u := range order {
		for _, t := range batch {
			u.task.remembered = u.task.remembered || same(u.task.picture, t.picture)
		}
	}
}

// shelf is how many tasks may be ready.
func (f *flow) shelf() int { return 2 * f.batch * f.devices }

// room says whether another preparation may begin.
func (f *flow) room() bool { return f.running+max(0, f.ready-f.shelf()) < f.preparing }

// drop gives up the preparation of the ready task that comes last.
func (f *flow) drop(order []*unit) {
	for _, u := range slices.Backward(order) {
		if t := u.task; t.state == Ready {
			t.state, t.prepared, t.preparing = Waiting, nil, 0
			f.ready--
			f.waiting++
			f.stats.Dropped++
			return
		}
	}
}

// begin begins a preparation.
func (f *flow) begin(t *task) {
	ctx, stop := context.WithCancel(f.context)
	t.state, t.stop = Preparing, stop
	f.waiting--
	f.running++
	f.group.Go(func() {
		begun := time.Now()
		var prepared any
		err := f.guard(func() (err error) {
			prepared, err = f.prepare(ctx, t.job)
			return err
		})
		stop()
		f.mu.Lock()
		defer f.mu.Unlock()
		f.running--
		switch {
		case t.state != Preparing: // called off
		case err != nil:
			f.fail(t, err)
		default:
			t.state, t.prepared, t.preparing = Ready, prepared, time.Since(begun)
			f.ready++
		}
		f.advance()
	})
}

// start computes a batch on an idle device.
func (f *flow) start(batch []*task) {
	r := &run{device: f.idle[0], batch: batch, begun: time.Now()}
	f.idle = slices.Delete(f.idle, 0, 1)
	f.runs = append(f.runs, r)
	f.stats.Batches[bucket(len(batch))]++
	for _, t := range batch {
		f.stats.Computing[t.priority]++
	}
	f.group.Go(func() {
		var results []outcome
		err := f.guard(func() (err error) {
			results, err = f.compute(f.context, r.device, batch)
			return err
		})
		if err == nil && len(results) != len(batch) {
			err = fmt.Errorf("serve/queue: a computation of %d tasks has %d results", len(batch), len(results))
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.finish(r, results, err)
		f.advance()
	})
}

// finish answers the units of a batch.
func (f *flow) finish(r *run, results []outcome, err error) {
	if r.orphan {
		return // its units failed with their device
	}
	f.runs = slices.DeleteFunc(f.runs, func(o *run) bool { return o == r })
	f.idle = append(f.idle, r.device)
	took := time.Since(r.begun)
	if err == nil {
		f.observe(took / time.Duration(len(r.batch)))
		f.stats.Computed += uint64(len(r.batch))
	}
	for i, t := range r.batch {
		f.stats.Computing[t.priority]--
		t.prepared = nil
		fault := err
		if fault == nil {
			fault = results[i].err
		}
		if fault != nil {
			f.fail(t, fault)
			continue
		}
		units := t.units
		t.units = nil
		f.forget(t)
		for _, u := range units {
			waited := max(0, r.begun.Sub(u.entered)-t.preparing)
			f.answer(u, reply{results[i].value, waited, t.preparing, took, len(r.batch), u.shared})
		}
	}
}

// observe takes a task's time into the moving average: an eighth of it, and all of the first.
func (f *flow) observe(took time.Duration) {
	if f.mean == 0 {
		f.mean = took
	} else {
		f.mean += (took - f.mean) / 8
	}
}

// estimate is how long a unit waits that comes now.
func (f *flow) estimate() time.Duration {
	return time.Duration(f.ahead) * f.mean / time.Duration(f.devices)
}

// answer gives a unit its reply.
func (f *flow) answer(u *unit, r reply) {
	c := u.call
	c.replies[u.at] = r
	c.left--
	f.stats.Answered++
	if u.shared {
		f.stats.Shared++
	}
	if c.left == 0 {
		f.end(c, nil)
	}
}

// fail ends a task that cannot be done, and the calls that wait for it.
func (f *flow) fail(t *task, err error) {
	f.forget(t)
	for _, u := range slices.Clone(t.units) {
		if !u.call.over {
			f.stats.Failed++
			f.end(u.call, &UnitError{u.at, err})
		}
	}
}

// end ends a call; what its units wanted is called off where nobody else wants it.
func (f *flow) end(c *call, err error) {
	c.over, c.err = true, err
	delete(f.calls, c)
	for _, u := range c.units {
		f.leave(u)
	}
	close(c.done)
}

// leave takes a unit away from its task.
func (f *flow) leave(u *unit) {
	t := u.task
	i := slices.Index(t.units, u)
	if i < 0 {
		return // answered
	}
	t.units = slices.Delete(t.units, i, i+1)
	if u.queued {
		f.line.remove(u)
	}
	if len(t.units) == 0 && t.state < Computing {
		f.forget(t)
	}
}

// forget ends a task: nobody may share it any more, and what prepares it may stop.
func (f *flow) forget(t *task) {
	if t.state < Computing {
		f.ahead--
	}
	switch t.state {
	case Waiting:
		f.waiting--
	case Preparing:
		t.stop()
	case Ready:
		f.ready--
		t.prepared = nil
	}
	t.state = States
	if f.tasks[t.whole] == t {
		delete(f.tasks, t.whole)
	}
}

// guard runs a function that was given, and returns its panic as an error.
func (f *flow) guard(work func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.stats.Panics++
		}
	}()
	return work()
}
