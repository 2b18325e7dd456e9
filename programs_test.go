package glipvk

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fake is a program that notes its end.
type fake struct {
	program
	extent
	closed *sync.Map
}

func (f fake) close() error {
	if _, twice := f.closed.LoadOrStore(f.extent, true); twice {
		return errors.New("closed twice")
	}
	return nil
}

// cache makes a cache of fakes that counts compilations.
func cache(limit int) (p *programs, compiled *atomic.Int32, closed *sync.Map) {
	compiled, closed = &atomic.Int32{}, &sync.Map{}
	return newPrograms(limit, func(_ context.Context, e extent) (program, Features, error) {
		compiled.Add(1)
		return fake{extent: e, closed: closed}, nil, nil
	}), compiled, closed
}

func size(n int) extent { return extent{batch: 1, height: n, width: n} }

func use(t *testing.T, p *programs, e extent) *slot {
	t.Helper()
	s, err := p.acquire(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	if s.program.(fake).extent != e {
		t.Fatalf("asked for %v, got the program for %v", e, s.program.(fake).extent)
	}
	return s
}

func gone(closed *sync.Map, n int) bool {
	_, ok := closed.Load(size(n))
	return ok
}

func TestCacheKeepsTheLeastRecentlyUsed(t *testing.T) {
	p, compiled, closed := cache(2)
	for _, n := range []int{1, 2, 1, 3, 1} { // 2 is the oldest when 3 comes
		p.release(use(t, p, size(n)))
	}
	if compiled.Load() != 3 || p.count() != 2 {
		t.Errorf("%d compilations and %d programs, want 3 and 2", compiled.Load(), p.count())
	}
	if gone(closed, 1) || !gone(closed, 2) || gone(closed, 3) {
		t.Error("want program 2 closed and the others not")
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
	if !gone(closed, 1) || !gone(closed, 3) {
		t.Error("close left a program open")
	}
}

func TestCacheKeepsWhatIsInUse(t *testing.T) {
	p, _, closed := cache(1)
	one, two := use(t, p, size(1)), use(t, p, size(2))
	if gone(closed, 1) || gone(closed, 2) {
		t.Error("a program in use was closed")
	}
	p.release(one)
	if !gone(closed, 1) || gone(closed, 2) {
		t.Error("want program 1 closed once it is given back, 2 still open")
	}
	p.release(two)
	if gone(closed, 2) {
		t.Error("program 2 is within the limit, it was closed")
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
}

// sized is a fake that works in that many bytes.
type sized struct {
	fake
	bytes int64
}

func (s sized) stats() Stats { return Stats{ArenaBytes: s.bytes - 1, StagingBytes: 1} }

// TestCacheMemory gives up the least recently used programs beyond the bytes, but not the
// latest two, and none that is in use. Programs take ten times their number.
func TestCacheMemory(t *testing.T) {
	closed := &sync.Map{}
	p := newPrograms(9, func(_ context.Context, e extent) (program, Features, error) {
		return sized{fake{extent: e, closed: closed}, 10 * int64(e.height)}, nil, nil
	})
	p.memory, p.atLeast = 100, 2
	acquire := func(n int) *slot {
		s, err := p.acquire(context.Background(), size(n))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	one := acquire(1)
	for _, step := range []struct {
		use  int
		open []int
	}{
		{2, []int{1, 2}}, {3, []int{1, 2, 3}}, {4, []int{1, 2, 3, 4}}, // 100 bytes
		{2, []int{1, 2, 3, 4}}, {5, []int{1, 2, 5}}, // without 3 it is 120
		{9, []int{1, 9}}, {20, []int{1, 20}}, {1, []int{1, 20}},
	} {
		p.release(acquire(step.use))
		for n := 1; n <= 20; n++ {
			if compiled := p.held[size(n)] != nil; compiled != slices.Contains(step.open, n) {
				t.Errorf("after %d, program %d is held: %v", step.use, n, compiled)
			}
		}
	}
	p.release(one)
	if err := p.close(); err != nil {
		t.Error(err)
	}
	if !gone(closed, 1) || !gone(closed, 20) {
		t.Error("close left a program open")
	}
}

func TestCacheCompilesOnceForAll(t *testing.T) {
	p, compiled, _ := cache(1)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			s, err := p.acquire(context.Background(), size(7))
			if err != nil {
				t.Error(err)
				return
			}
			p.release(s)
		})
	}
	group.Wait()
	if compiled.Load() != 1 {
		t.Errorf("%d compilations for 16 callers of one size, want 1", compiled.Load())
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
}

// TestCacheCancelled walks through a compilation that its only caller gives up, and
// one that a second caller still wants.
func TestCacheCancelled(t *testing.T) {
	begun, finish := make(chan context.Context, 4), make(chan struct{})
	closed := &sync.Map{}
	p := newPrograms(2, func(ctx context.Context, e extent) (program, Features, error) {
		begun <- ctx
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-finish:
			return fake{extent: e, closed: closed}, nil, nil
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 2)
	ask := func(ctx context.Context) {
		s, err := p.acquire(ctx, size(1))
		if err == nil {
			p.release(s)
		}
		result <- err
	}
	go ask(ctx)
	compiling := <-begun
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled caller got %v", err)
	}
	select {
	case <-compiling.Done():
	case <-time.After(10 * time.Second):
		t.Error("nobody waits for the compilation and it goes on")
	}

	ctx, cancel = context.WithCancel(context.Background())
	go ask(context.Background())
	compiling = <-begun // a new one: the first was called off
	go ask(ctx)
	for waiting := 0; waiting < 2; time.Sleep(time.Millisecond) {
		p.mu.Lock()
		waiting = p.held[size(1)].users
		p.mu.Unlock()
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled caller got %v", err)
	}
	if compiling.Err() != nil {
		t.Error("the compilation was called off although somebody waits for it")
	}
	close(finish)
	if err := <-result; err != nil {
		t.Errorf("the caller that stayed got %v", err)
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
}

func TestCacheForgetsFailures(t *testing.T) {
	fail := errors.New("no luck")
	tries := 0
	p := newPrograms(2, func(_ context.Context, e extent) (program, Features, error) {
		if tries++; tries == 1 {
			return nil, nil, fail
		}
		return fake{extent: e, closed: &sync.Map{}}, nil, nil
	})
	if _, err := p.acquire(context.Background(), size(1)); !errors.Is(err, fail) {
		t.Errorf("got %v, want the compiler's error", err)
	}
	p.release(use(t, p, size(1)))
	if err := p.close(); err != nil {
		t.Error(err)
	}
}
