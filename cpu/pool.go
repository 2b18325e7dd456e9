package cpu

import (
	"context"
	"sync"
	"sync/atomic"
)

// worker is one goroutine's own memory, kept between runs. Each slot grows to the most
// that a task has asked for, so that later runs take none.
type worker struct {
	slots [slotCount][]float32
	held  heldRows
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

// heldRows says which rows slotRows has, so that the next task need not fetch them again.
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

// spread runs the tasks 0 to count-1 on the workers, each task on the next that is free.
// The context is looked at before every task.
func spread(ctx context.Context, workers []*worker, count int, do func(w *worker, task int)) error {
	var next atomic.Int64
	work := func(w *worker) {
		w.held.valid = false
		for ctx.Err() == nil {
			task := int(next.Add(1)) - 1
			if task >= count {
				return
			}
			do(w, task)
		}
	}
	var wg sync.WaitGroup
	for i := 1; i < min(len(workers), count); i++ {
		wg.Go(func() { work(workers[i]) })
	}
	work(workers[0])
	wg.Wait()
	return ctx.Err()
}
