package glipvk

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/swin"
)

// queue is an executor whose programs take submissions. It notes what it sees.
type queue struct {
	executor
	fail error // of every second batch, when it is collected

	mu       sync.Mutex
	open     int // tickets
	most     int
	batches  int
	overlaps int           // batches submitted while another was open
	gate     chan struct{} // if set, collect waits for it
	pair     int           // if set, collect waits until two tickets are open or so many batches came
}

func (q *queue) compile(context.Context, *graph.Graph, []graph.ID) (program, error) {
	return queued{q: q}, nil
}
func (q *queue) close() error { return nil }

type queued struct {
	program
	q *queue
}

func (p queued) close() error { return nil }

// entry is a ticket. Its outputs begin with the first value of each picture.
type entry struct {
	q     *queue
	first []float32
	err   error
}

func (p queued) submit(ctx context.Context, input []float32) (ticket, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.q.mu.Lock()
	defer p.q.mu.Unlock()
	e := &entry{q: p.q}
	const size = 3 * 128 * 128
	for i := range len(input) / size {
		e.first = append(e.first, input[i*size])
	}
	if p.q.batches++; p.q.fail != nil && p.q.batches%2 == 0 {
		e.err = p.q.fail
	}
	if p.q.open++; p.q.open > 1 {
		p.q.overlaps++
	}
	p.q.most = max(p.q.most, p.q.open)
	return e, nil
}

func (e *entry) collect(ctx context.Context, outputs [][]float32) error {
	defer func() {
		e.q.mu.Lock()
		e.q.open--
		e.q.mu.Unlock()
	}()
	if e.q.gate != nil {
		select {
		case <-e.q.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for deadline := time.Now().Add(10 * time.Second); e.q.waiting() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	for _, o := range outputs {
		for i, v := range e.first {
			o[i*len(o)/len(e.first)] = v
		}
	}
	return errors.Join(ctx.Err(), e.err)
}

// waiting says whether another batch is to come before one is collected.
func (q *queue) waiting() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.pair > 0 && q.open < onDevice && q.batches < q.pair
}

// onQueue is a model that runs on a queue.
func onQueue(t *testing.T, q *queue) *Model {
	t.Helper()
	m, err := Open(t.Context(), "", Options{Device: "cpu", Arch: &swin.Config{
		EmbedDims: 8, Depths: []int{2, 2, 2, 2}, NumHeads: []int{1, 2, 4, 8}, WindowSize: 4, OutIndices: []int{1, 2, 3},
		ImageSize: 128, PatchSize: 4, MLPRatio: 4, Eps: 1e-5, QKVBias: true,
	}})
	if err != nil {
		t.Fatal(err)
	}
	m.executor = q
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if q.open != 0 {
			t.Errorf("%d tickets were not collected", q.open)
		}
	})
	return m
}

// numbered gives n pictures whose first value is their number.
func numbered(n int) iter.Seq[Load] {
	return func(yield func(Load) bool) {
		for i := range n {
			load := func(context.Context) (picture.Tensor, error) {
				x := picture.Tensor{Batch: 1, Height: 128, Width: 128, Data: make([]float32, 3*128*128)}
				x.Data[0] = float32(i)
				return x, nil
			}
			if !yield(load) {
				return
			}
		}
	}
}

// TestStreamSubmits requires two batches on the device at a time and no more, results
// in order and of the right picture, and failures that stay with their batch.
func TestStreamSubmits(t *testing.T) {
	for _, fail := range []error{nil, errors.New("the device hiccuped")} {
		q := &queue{fail: fail, pair: 10}
		m := onQueue(t, q)
		n := 0
		for r, err := range m.Stream(t.Context(), numbered(40), StreamOptions{Batch: 4}) {
			failing := fail != nil && n/4%2 == 1
			if r.Index != n || failing != errors.Is(err, fail) && fail != nil || !failing && err != nil {
				t.Errorf("result %d as number %d: %v", r.Index, n, err)
			}
			if err == nil && r.Features[2].Data[0] != float32(n) {
				t.Errorf("element %d has the features of %v", n, r.Features[2].Data[0])
			}
			n++
		}
		if n != 40 || q.batches != 10 || q.most != onDevice || q.overlaps < 8 {
			t.Errorf("%d results, %d batches, at most %d at a time, %d submitted while another was there", n, q.batches, q.most, q.overlaps)
		}
	}
}

// TestStreamCollects requires that every ticket is collected however the loop ends.
func TestStreamCollects(t *testing.T) {
	before := runtime.NumGoroutine()
	q := &queue{}
	m := onQueue(t, q)
	for r := range m.Stream(t.Context(), numbered(100), StreamOptions{Batch: 2}) {
		if r.Index == 5 {
			break
		}
	}
	q.gate = make(chan struct{}) // the device never ends
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	n := 0
	for _, err := range m.Stream(ctx, numbered(100), StreamOptions{Batch: 2}) {
		if n++; !errors.Is(err, context.Canceled) || n > 1 {
			t.Errorf("result %d: %v", n, err)
		}
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a panic in the loop was swallowed")
			}
		}()
		q.gate = nil
		for range m.Stream(t.Context(), numbered(100), StreamOptions{}) {
			panic("in the loop")
		}
	}()
	closing := onQueue(t, q)
	for r, err := range closing.Stream(t.Context(), numbered(100), StreamOptions{}) {
		if r.Index > 20 && !errors.Is(err, ErrClosed) {
			t.Errorf("element %d after Close: %v", r.Index, err)
		}
		if r.Index == 3 {
			time.Sleep(5 * time.Millisecond) // submissions are under way that nobody has asked for
			if err := closing.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}
