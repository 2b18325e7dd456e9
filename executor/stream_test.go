package executor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// streamed computes ten times its elements, and notes what it sees.
type streamed struct {
	fail error         // of every second batch
	gate chan struct{} // if set, batches wait for it
	pair bool          // whether a batch waits until another is there

	mu      sync.Mutex
	open    int
	most    int
	batches int
	readied int
}

func (q *streamed) streaming(batch, loaders int) Streaming[int, int] {
	return Streaming[int, int]{
		Batch: batch, Loaders: loaders,
		Check: func(n int) error {
			if n < 0 {
				return Blame(fmt.Errorf("%d is below 0", n))
			}
			return nil
		},
		Joins:   func(a, b int) bool { return a/100 == b/100 && a%100 != 99 && b%100 != 99 },
		Ready:   q.ready,
		Compute: q.compute,
	}
}

func (q *streamed) ready(ctx context.Context, _ []int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.readied++
	return ctx.Err()
}

func (q *streamed) compute(ctx context.Context, batch []int) ([]int, error) {
	q.mu.Lock()
	q.batches++
	number := q.batches
	q.open++
	q.most = max(q.most, q.open)
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		q.open--
		q.mu.Unlock()
	}()
	if q.gate != nil {
		select {
		case <-q.gate:
		case <-ctx.Done():
		}
	}
	for deadline := time.Now().Add(time.Second); q.pair && q.alone() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if q.fail != nil && number%2 == 0 {
		return nil, q.fail
	}
	out := make([]int, len(batch))
	for i, n := range batch {
		out[i] = 10 * n
	}
	return out, nil
}

func (q *streamed) alone() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.most < inFlight
}

// loads are elements that load as they are; some take a while.
func loads(list ...int) iter.Seq[Load[int]] {
	return func(yield func(Load[int]) bool) {
		for i, n := range list {
			if !yield(func(context.Context) (int, error) {
				time.Sleep(time.Duration(i%3) * time.Millisecond)
				return n, nil
			}) {
				return
			}
		}
	}
}

func count(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i % 50
	}
	return list
}

// TestStreamComputes requires two batches at a time and no more, results in order and of the
// right element, each batch made ready, and failures that stay with their batch.
func TestStreamComputes(t *testing.T) {
	noGoroutines(t)
	for _, fail := range []error{nil, errors.New("the device hiccuped")} {
		q := &streamed{fail: fail, pair: true}
		n, failed := 0, 0
		for r, err := range q.streaming(4, 3).Run(t.Context(), loads(count(40)...)) {
			switch {
			case r.Index != n:
				t.Errorf("result %d comes as number %d", r.Index, n)
			case err == nil && (r.Input != n || r.Output != 10*n || r.Elapsed < 0):
				t.Errorf("element %d: %+v", n, r)
			case err != nil && !errors.Is(err, fail):
				t.Errorf("element %d: %v", n, err)
			case err != nil:
				failed++
			}
			n++
		}
		wantFailed := 0
		if fail != nil {
			wantFailed = 20
		}
		if n != 40 || failed != wantFailed || q.batches != 10 || q.readied != 10 || q.most != inFlight {
			t.Errorf("%d results, %d failed, %d batches, %d made ready, at most %d at a time", n, failed, q.batches, q.readied, q.most)
		}
	}
}

// TestStreamJoins: neighbours share a batch as far as they join; one that does not join itself is alone.
func TestStreamJoins(t *testing.T) {
	noGoroutines(t)
	for _, c := range []struct {
		list    []int
		batches int
	}{
		{[]int{1, 2, 3, 101, 102, 4}, 3}, {[]int{1, 99, 2, 3}, 3}, {[]int{99, 99}, 2}, {[]int{1, -1, 2, 3, 4}, 1}, {[]int{-1, -2}, 0}, {nil, 0},
		{[]int{1, 2, 3, 4, 5, 6, 7}, 2},
	} {
		q := &streamed{}
		n := 0
		for r, err := range q.streaming(4, 2).Run(t.Context(), loads(c.list...)) {
			if bad := c.list[n] < 0; bad != errors.Is(err, ErrInput) || !bad && (err != nil || r.Output != 10*c.list[n]) || r.Index != n {
				t.Errorf("%v: element %d is %+v, %v", c.list, n, r, err)
			}
			n++
		}
		if n != len(c.list) || q.batches != c.batches {
			t.Errorf("%v: %d results of %d batches, want %d", c.list, n, q.batches, c.batches)
		}
	}
	for _, s := range []Streaming[int, int]{(&streamed{}).streaming(-1, 0), (&streamed{}).streaming(0, -1)} {
		n := 0
		for _, err := range s.Run(t.Context(), loads(1)) {
			if n++; !errors.Is(err, ErrInput) || n > 1 {
				t.Errorf("result %d: %v", n, err)
			}
		}
		if n != 1 {
			t.Errorf("%d results, want one refusal", n)
		}
	}
}

// TestStreamPanics: one in a load is its element's error, one in computing its batch's; the others go on.
func TestStreamPanics(t *testing.T) {
	noGoroutines(t)
	q := &streamed{}
	s := q.streaming(2, 2)
	s.Compute = func(ctx context.Context, batch []int) ([]int, error) {
		if batch[0] == 2 {
			panic("a broken device")
		}
		return q.compute(ctx, batch)
	}
	list := func(yield func(Load[int]) bool) {
		for i := range 6 {
			if !yield(func(context.Context) (int, error) {
				if i == 5 {
					panic("a broken loader")
				}
				return i, nil
			}) {
				return
			}
		}
	}
	n := 0
	for r, err := range s.Run(t.Context(), list) {
		want := map[int]string{2: "a broken device", 3: "a broken device", 5: "a broken loader"}[r.Index]
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) || err == nil && r.Output != 10*r.Index {
			t.Errorf("element %d: %+v, %v, want %q", n, r, err, want)
		}
		n++
	}
	if n != 6 {
		t.Errorf("%d results", n)
	}
}

// TestStreamEnds: however the loop ends, nothing goes on after it, and elements are not taken far ahead.
func TestStreamEnds(t *testing.T) {
	noGoroutines(t)
	var taken atomic.Int32
	endless := func(yield func(Load[int]) bool) {
		for taken.Add(1); yield(func(context.Context) (int, error) { return 1, nil }); taken.Add(1) {
		}
	}
	for r := range (&streamed{}).streaming(2, 3).Run(t.Context(), endless) {
		if r.Index == 5 {
			time.Sleep(20 * time.Millisecond) // time to run ahead
			break
		}
	}
	if most := int32(6 + 4*2 + 3 + 1); taken.Load() > most {
		t.Errorf("%d elements are taken, want at most %d", taken.Load(), most)
	}
	q := &streamed{gate: make(chan struct{})} // the device never ends
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	n := 0
	for _, err := range q.streaming(2, 2).Run(ctx, endless) {
		if n++; !errors.Is(err, context.Canceled) || n > 1 {
			t.Errorf("result %d: %v", n, err)
		}
	}
	if n != 1 || q.open != 0 {
		t.Errorf("%d results, want one last error, and %d batches are under way", n, q.open)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a panic in the loop was swallowed")
			}
		}()
		for range (&streamed{}).streaming(1, 1).Run(t.Context(), endless) {
			panic("in the loop")
		}
	}()
}

// TestStreamElapsed: shares of the elements never add up to more than the stream took, though batches overlap.
func TestStreamElapsed(t *testing.T) {
	noGoroutines(t)
	q := &streamed{}
	s := q.streaming(1, 4)
	s.Compute = func(ctx context.Context, batch []int) ([]int, error) {
		time.Sleep(time.Duration(1+9*(batch[0]%2)) * time.Millisecond) // the second ends before the first
		return q.compute(ctx, batch)
	}
	var sum time.Duration
	begin := time.Now()
	for r, err := range s.Run(t.Context(), loads(count(20)...)) {
		if err != nil {
			t.Fatal(err)
		}
		sum += r.Elapsed
	}
	if took := time.Since(begin); sum <= 0 || sum > took {
		t.Errorf("elements of %v in a stream that took %v", sum, took)
	}
}
