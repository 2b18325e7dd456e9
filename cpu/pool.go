package cpu

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/glipvk/glipvk/internal/clock"
)

// worker is one goroutine's own memory, kept between runs.
type worker struct {
	slots [slotCount][]float32 // as long as the crew's rooms
	held  heldRows
	list  []int       // of tokens
	best  []candidate // so far

	yielded time.Time
}

// slot names a use of a worker's memory.
type slot int

// The slots.
const (
	slotRows    slot = iota // rows of a left factor
	slotTile                // columns of a product that do not fill their group
	slotStart               // start of the sums where the bias is too short
	slotPanel               // panels of a right factor that is not a weight
	slotKeys                // keys of one head, packed
	slotValues              // values of one head, packed
	slotScores              // scores of a few queries
	slotResult              // rows of one head's result
	slotInner               // rows of a value between the products of one step
	slotContext             // rows of what attention gives
	slotCount
)

// rooms are the floats that tasks of a step use at most of each slot.
type rooms [slotCount]int

// heldRows says which rows slotRows has, or of a cross product which panels slotPanel has, so
// that the next task need not fetch them again.
type heldRows struct {
	valid bool
	first int
}

// room is n floats of the worker's own, with whatever was left in them. Its step told so many.
func (w *worker) room(s slot, n int) []float32 { return w.slots[s][:n] }

// crew are the workers of a program during one run. They go through the steps together: each
// takes the next task that is free, and nobody begins a step before all have ended the last.
type crew struct {
	workers []*worker
	rooms   rooms // of each worker
	steps   []step
	next    []atomic.Int64 // task of each step
	arrived atomic.Int64   // ends of steps, of all workers and steps

	ctx      context.Context
	deadline time.Time // of the context, which is looked at too: timers wait for a processor that is free
	values   [][]float32
	ends     []clock.Moment // of the steps, taken down by the last worker of each; empty if nobody asks
	closed   atomic.Bool    // the program is
	stopped  atomic.Bool    // failure is set

	mu      sync.Mutex
	waiting sync.Cond // for arrived or stopped
	failure error     // of the run, the first
}

func newCrew(workers int, steps []step) *crew {
	c := &crew{steps: steps, next: make([]atomic.Int64, len(steps))}
	for range workers {
		c.workers = append(c.workers, &worker{})
	}
	for _, s := range steps {
		for i, n := range s.rooms {
			c.rooms[i] = max(c.rooms[i], n)
		}
	}
	c.waiting.L = &c.mu
	return c
}

// bytes is the memory of all workers.
func (c *crew) bytes() int64 {
	sum := 0
	for _, n := range c.rooms {
		sum += n
	}
	return 4 * int64(sum) * int64(len(c.workers))
}

// equip gives the workers their memory, dismiss takes it away.
func (c *crew) equip() {
	for _, w := range c.workers {
		for s, n := range c.rooms {
			w.slots[s] = aligned(n)
		}
	}
}

func (c *crew) dismiss() {
	for _, w := range c.workers {
		*w = worker{}
	}
}

// run computes every step. The context is looked at before every task. ends, unless it is
// empty, receives the time at which each step ended. The error names the step that it ended in.
func (c *crew) run(ctx context.Context, values [][]float32, ends []clock.Moment) error {
	c.ctx, c.values, c.ends, c.failure = ctx, values, ends, nil
	c.deadline, _ = ctx.Deadline()
	defer func() { c.ctx, c.values, c.ends = nil, nil, nil }()
	c.arrived.Store(0)
	c.stopped.Store(false)
	for i := range c.next {
		c.next[i].Store(0)
	}
	var others sync.WaitGroup
	for _, w := range c.workers[1:] {
		others.Go(func() { c.work(w) })
	}
	c.work(c.workers[0])
	others.Wait()
	return c.failure
}

// work is one worker's way through the steps, until the run is stopped.
func (c *crew) work(w *worker) {
	for i := range c.steps {
		if !c.tasks(w, i) || !c.meet(i) {
			return
		}
	}
}

// tasks does tasks of step i as long as there are any. It returns false if the run is to stop,
// which a panic in a task does too.
func (c *crew) tasks(w *worker, i int) (ok bool) {
	s := &c.steps[i]
	defer func() {
		if v := recover(); v != nil {
			c.stop(fmt.Errorf("%s: %s: panic in a task: %v", s.path, s.name, v))
		}
	}()
	w.held.valid = false
	for {
		now := time.Now()
		if now.Sub(w.yielded) > politeness {
			runtime.Gosched()
			w.yielded = now
		}
		if err := c.over(now); err != nil {
			c.stop(fmt.Errorf("%s: %w", s.path, err))
			return false
		}
		task := int(c.next[i].Add(1)) - 1
		if task >= s.tasks {
			return true
		}
		s.run(w, c.values, task)
	}
}

// politeness is how long a worker computes before it lets other goroutines have its processor:
// those that wait for a context's end among them.
const politeness = 2 * time.Millisecond

// over is why the run is to end, nil if it is not.
func (c *crew) over(now time.Time) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	switch {
	case c.closed.Load():
		return ErrClosed
	case !c.deadline.IsZero() && !now.Before(c.deadline):
		return context.DeadlineExceeded
	case c.stopped.Load():
		return context.Canceled // told already what for
	}
	return nil
}

// stop ends the run with an error unless it has one, and wakes the workers that wait.
func (c *crew) stop(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure == nil {
		c.failure = err
	}
	c.stopped.Store(true)
	c.waiting.Broadcast()
}

// patience is how long a worker looks for the others before it goes to sleep: waking takes
// the system longer than most steps' ends are apart.
const patience = 200 * time.Microsecond

// meet waits until all workers have ended step i. It returns false if the run was stopped.
func (c *crew) meet(i int) bool {
	count := int64(i+1) * int64(len(c.workers))
	if c.arrived.Add(1) == count {
		if len(c.ends) > 0 {
			c.ends[i] = clock.Now()
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.waiting.Broadcast()
		return true
	}
	for i, began := 1, clock.Now(); i%16 != 0 || clock.Since(began) < patience; i++ {
		if c.arrived.Load() >= count {
			return true
		}
		runtime.Gosched()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.arrived.Load() < count && !c.stopped.Load() {
		c.waiting.Wait()
	}
	return c.arrived.Load() >= count
}
