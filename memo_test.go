package glipvk

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func TestMemoComputesOnce(t *testing.T) {
	m := newMemo[int, int](2)
	var calls atomic.Int32
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			v, _, err := m.get(t.Context(), 7, func() (int, error) { calls.Add(1); return 49, nil })
			if v != 49 || err != nil {
				t.Errorf("%d, %v", v, err)
			}
		})
	}
	group.Wait()
	if calls.Load() != 1 {
		t.Errorf("computed %d times", calls.Load())
	}
}

// TestMemoForgets the result that was used longest ago.
func TestMemoForgets(t *testing.T) {
	m := newMemo[int, int](2)
	fresh := func(key int) bool {
		_, fresh, err := m.get(t.Context(), key, func() (int, error) { return key, nil })
		if err != nil {
			t.Fatal(err)
		}
		return fresh
	}
	for i, c := range []struct {
		key   int
		fresh bool
	}{{1, true}, {2, true}, {1, false}, {3, true}, {1, false}, {2, true}} {
		if got := fresh(c.key); got != c.fresh {
			t.Errorf("step %d, key %d: fresh %v", i, c.key, got)
		}
	}
}

// TestMemoKeepsWhatIsUnderWay: it stays however many results come in between, for those
// who wait for it and for those who come right after.
func TestMemoKeepsWhatIsUnderWay(t *testing.T) {
	m := newMemo[int, int](1)
	begun, end := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		v, fresh, err := m.get(t.Context(), 1, func() (int, error) { close(begun); <-end; return 1, nil })
		if v != 1 || !fresh || err != nil {
			t.Errorf("the slow one: %d, %v, %v", v, fresh, err)
		}
	})
	<-begun
	for key := 2; key < 5; key++ {
		if _, _, err := m.get(t.Context(), key, func() (int, error) { return key, nil }); err != nil {
			t.Fatal(err)
		}
	}
	group.Go(func() {
		if v, fresh, err := m.get(t.Context(), 1, func() (int, error) { return 0, errors.New("computed again") }); v != 1 || fresh || err != nil {
			t.Errorf("one that waits: %d, %v, %v", v, fresh, err)
		}
	})
	close(end)
	group.Wait()
	if m.held[1] == nil || len(m.held) != 1 {
		t.Errorf("%d results are held, want that of the slow one alone", len(m.held))
	}
}

func TestMemoErrors(t *testing.T) {
	m := newMemo[int, int](1)
	bad := errors.New("bad")
	if _, _, err := m.get(t.Context(), 1, func() (int, error) { return 0, bad }); !errors.Is(err, bad) {
		t.Errorf("error %v", err)
	}
	if v, fresh, err := m.get(t.Context(), 1, func() (int, error) { return 5, nil }); v != 5 || !fresh || err != nil {
		t.Errorf("after an error: %d, %v, %v", v, fresh, err)
	}

	// One computes until it is cancelled; another waits, then computes itself.
	m = newMemo[int, int](1)
	ctx, cancel := context.WithCancel(t.Context())
	begun, waiting := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		_, _, err := m.get(ctx, 1, func() (int, error) { close(begun); <-ctx.Done(); return 0, ctx.Err() })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the cancelled one: %v", err)
		}
	})
	<-begun
	group.Go(func() {
		close(waiting)
		if v, _, err := m.get(t.Context(), 1, func() (int, error) { return 6, nil }); v != 6 || err != nil {
			t.Errorf("the one that waited: %d, %v", v, err)
		}
	})
	<-waiting
	if _, _, err := m.get(ended(), 1, func() (int, error) { return 0, nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting under a context that has ended: %v", err)
	}
	cancel()
	group.Wait()
}

// ended has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
