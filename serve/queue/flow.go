package queue

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// enter puts the units of a call, whose tasks are new, into the line, or beside those that ask the same.
func (f *flow) enter(c *call) {
	now := time.Now()
	f.calls[c] = struct{}{}
	c.left, c.done, c.replies = len(c.units), make(chan struct{}), make([]reply, len(c.units))
	for i, u := range c.units {
		u.call, u.at, u.entered, u.number = c, i, now, f.number
		f.number++
		if t := f.tasks[u.task.whole]; t != nil {
			u.task, u.shared = t, true
		} else {
			u.task.state = Waiting
			f.ahead++
			f.waiting++
			f.keep(u.task)
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

// choose takes the next batch of ready tasks out of the line; nil if there is none, or if it should wait for more.
func (f *flow) choose() []*task {
	c := f.ordered()
	defer c.end()
	batch := c.pick(f.batch, func(t *task) bool { return t.state == Ready })
	if batch == nil || len(batch) < f.batch && f.wait(c.order, batch[0].extent) {
		return nil
	}
	for _, u := range c.order {
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
// For a task of the next two batches a ready one that comes after these makes room, if a device waits for it or its priority is higher.
func (f *flow) plan() {
	crowded := f.ready > f.shelf() && (len(f.idle) > 0 || f.line.mixed())
	if f.waiting == 0 || !f.room() && !crowded {
		return
	}
	c := f.ordered()
	defer c.end()
	for _, r := range f.runs {
		f.recall(c, r.batch)
	}
	for planned := 0; f.waiting > 0; {
		batch := c.pick(f.batch, func(*task) bool { return true })
		if batch == nil {
			return
		}
		f.recall(c, batch)
		for _, t := range batch {
			if t.state == Waiting {
				if !f.room() && crowded && planned < f.shelf() && f.ready > f.shelf() {
					f.drop(c.order)
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

// recall marks the pictures that will be remembered once a batch is computed.
func (f *flow) recall(c *choice, batch []*task) {
	for _, t := range batch {
		if f.known != nil && t.sight != nil && t.sight.tasks > 1 {
			t.sight.remembered, c.near = true, true
		}
	}
}

// drop gives up the preparation of the ready task that comes last.
func (f *flow) drop(order []*unit) {
	for _, u := range slices.Backward(order) {
		if t := u.task; t.state == Ready && !t.picked {
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
