package cpu

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// worker is one goroutine's own memory, kept between runs. Each slot grows to the most
// that a task has asked for, so that later runs take none.
type worker struct {
	slots [slotCount][]float32
	held  heldRows
	ends  []int       // of the lists of labels
	list  []int       // of tokens
	heap  []candidate // the best so far
}

// count is n integers of the worker's own.
func (w *worker) count(n int) []int {
	if len(w.ends) < n {
		w.ends = make([]int, n)
	}
	return w.ends[:n]
}

// slot names a use of a worker's memory.
type slot int

// The slots.
const (
	slotRows   slot = iota // rows of a left factor
	slotTile               // columns of a product that do not fill their group
	slotStart              // start of the sums where the bias is too short
	slotPanel              // a panel of a matrix that is not a weight
	slotKeys               // keys of one head, packed
	slotValues             // values of one head, packed
	slotScores             // scores of a few queries
	slotResult             // rows of one head's result
	slotCount
)

// heldRows says which rows slotRows has, or of a cross product which panels slotPanel has, so
// that the next task need not fetch them again.
type heldRows struct {
	valid bool
	first int
}

// room is n floats of the worker's own, with whatever was left in them.
func (w *worker) room(s slot, n int) []float32 {
	if len(w.slots[s]) < n {
		w.slots[s] = aligned(n)
	}
	return w.slots[s][:n]
}

// crew are the workers of a program during one run. They go through the steps together: each
// takes the next task that is free, and nobody begins a step before all have ended the last.
type crew struct {
	workers []*worker
	steps   []step
	next    []atomic.Int64 // task of each step
	arrived atomic.Int64   // ends of steps, of all workers and steps

	ctx     context.Context
	values  [][]float32
	ends    []time.Time // of the steps, taken down by the last worker of each; empty if nobody asks
	stopped atomic.Bool // the context has ended

	mu      sync.Mutex
	waiting sync.Cond // for arrived or stopped
}

func newCrew(workers int, steps []step) *crew {
	c := &crew{steps: steps, next: make([]atomic.Int64, len(steps))}
	for range workers {
		c.workers = append(c.workers, &worker{})
	}
	c.waiting.L = &c.mu
	return c
}

// run computes every step. The context is looked at before every task. ends, unless it is
// empty, receives the time at which each step ended.
func (c *crew) run(ctx context.Context, values [][]float32, ends []time.Time) error {
	c.ctx, c.values, c.ends = ctx, values, ends
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
	at := c.work(c.workers[0])
	others.Wait()
	if at < len(c.steps) {
		return fmt.Errorf("%s: %w", c.steps[at].path, ctx.Err())
	}
	return nil
}

// work is one worker's way through the steps. It returns the step that the end of the context
// stopped it in.
func (c *crew) work(w *worker) int {
	for i, s := range c.steps {
		w.held.valid = false
		for task := 0; ; {
			if c.ctx.Err() != nil {
				c.stop()
				return i
			}
			if task = int(c.next[i].Add(1)) - 1; task >= s.tasks {
				break
			}
			s.run(w, c.values, task)
		}
		if !c.meet(i) {
			return i
		}
	}
	return len(c.steps)
}

// stop tells workers that wait that there will be no more.
func (c *crew) stop() {
	c.stopped.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting.Broadcast()
}

// patience is how often a worker looks for the others before it goes to sleep: waking takes
// the system longer than most steps' ends are apart.
const patience = 100

// meet waits until all workers have ended step i. It returns false if the run was stopped.
func (c *crew) meet(i int) bool {
	count := int64(i+1) * int64(len(c.workers))
	if c.arrived.Add(1) == count {
		if len(c.ends) > 0 {
			c.ends[i] = time.Now()
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.waiting.Broadcast()
		return true
	}
	for range patience {
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
