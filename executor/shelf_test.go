package executor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// made is a shelf of numbers that are made of themselves.
type made struct {
	*Shelf[int, int]
	makings atomic.Int32
	gone    sync.Map // what was discarded
}

func newMade(limit int) *made {
	m := &made{}
	m.Shelf = newShelf(&room{limit: limit}, func(_ context.Context, n int, _ admission) (int, error) {
		m.makings.Add(1)
		return n, nil
	}, m.drop)
	return m
}

func (m *made) drop(n int) error {
	if _, twice := m.gone.LoadOrStore(n, true); twice {
		return errors.New("discarded twice")
	}
	return nil
}

// use requires success.
func (m *made) use(t *testing.T, n int) *Item[int] {
	t.Helper()
	it, err := m.acquire(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	if it.Value != n {
		t.Fatalf("asked for %d, got %d", n, it.Value)
	}
	return it
}

func (m *made) isGone(n int) bool {
	_, gone := m.gone.Load(n)
	return gone
}

// held lists what is kept.
func held[V any](s *Shelf[int, V]) (keys []int) {
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	for n := range s.held {
		keys = append(keys, n)
	}
	slices.Sort(keys)
	return keys
}

func closeRoom(t *testing.T, r *room) {
	t.Helper()
	if err := r.close(); err != nil {
		t.Errorf("closing the room: %v", err)
	}
	if r.using != 0 || len(r.entries) != 0 || len(r.waiting) != 0 {
		t.Errorf("closed, with %d bytes in use, %d entries, %d who wait", r.using, len(r.entries), len(r.waiting))
	}
}

func TestShelfKeepsTheLeastRecentlyUsed(t *testing.T) {
	m := newMade(2)
	for _, n := range []int{1, 2, 1, 3, 1} { // 2 is the oldest when 3 comes
		m.Release(m.use(t, n))
	}
	if keys := held(m.Shelf); m.makings.Load() != 3 || !slices.Equal(keys, []int{1, 3}) {
		t.Errorf("%d makings, %v are kept, want 3, and 1 and 3", m.makings.Load(), keys)
	}
	m.room.working.Wait() // the maker of 3 discards 2 after 3 was given out
	if m.isGone(1) || !m.isGone(2) || m.isGone(3) {
		t.Error("want 2 discarded and the others not")
	}
	closeRoom(t, m.room)
	if !m.isGone(1) || !m.isGone(3) {
		t.Error("close left something")
	}
	if _, err := m.acquire(t.Context(), 1); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestShelfKeepsWhatIsInUse(t *testing.T) {
	m := newMade(1)
	one, two := m.use(t, 1), m.use(t, 2)
	if m.isGone(1) || m.isGone(2) {
		t.Error("something in use was discarded")
	}
	m.Release(one)
	if !m.isGone(1) || m.isGone(2) {
		t.Error("want 1 discarded once it is given back, 2 still there")
	}
	m.Release(two)
	if m.isGone(2) {
		t.Error("2 is within the limit, it was discarded")
	}
	closeRoom(t, m.room)
}

func TestShelfMakesOnceForAll(t *testing.T) {
	m := newMade(1)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			it, err := m.acquire(t.Context(), 7)
			if err != nil {
				t.Error(err)
				return
			}
			m.Release(it)
		})
	}
	group.Wait()
	if m.makings.Load() != 1 {
		t.Errorf("%d makings for 16 callers of one key, want 1", m.makings.Load())
	}
	closeRoom(t, m.room)
}

// TestShelfKeepsWhatIsUnderWay: it stays however many results come in between, for those who
// wait for it and for those who come right after.
func TestShelfKeepsWhatIsUnderWay(t *testing.T) {
	s := newShelf[int](&room{limit: 1}, nil, func(int) error { return nil })
	begun, end := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		it, err := s.Get(t.Context(), 1, func(context.Context) (int, error) { close(begun); <-end; return 1, nil })
		if err != nil {
			t.Errorf("the slow one: %v", err)
			return
		}
		s.Release(it)
	})
	<-begun
	for key := 2; key < 5; key++ {
		it, err := s.Get(t.Context(), key, func(context.Context) (int, error) { return key, nil })
		if err != nil {
			t.Fatal(err)
		}
		s.Release(it)
	}
	group.Go(func() {
		it, err := s.Get(t.Context(), 1, func(context.Context) (int, error) { return 0, errors.New("computed again") })
		if err != nil || it.Value != 1 {
			t.Errorf("one that waits: %+v, %v", it, err)
			return
		}
		s.Release(it)
	})
	close(end)
	group.Wait()
	if keys := held(s); !slices.Equal(keys, []int{1}) {
		t.Errorf("%v are held, want what was slow alone", keys)
	}
	closeRoom(t, s.room)
}

// TestShelfCancelled walks through a making that its only caller gives up, and one whose first
// caller leaves and that a second still wants: a first caller's end does not kill it.
func TestShelfCancelled(t *testing.T) {
	noGoroutines(t)
	begun, finish := make(chan context.Context, 4), make(chan struct{})
	s := newShelf(&room{limit: 2}, func(ctx context.Context, n int, _ admission) (int, error) {
		begun <- ctx
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-finish:
			return n, nil
		}
	}, func(int) error { return nil })
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 2)
	ask := func(ctx context.Context) {
		it, err := s.acquire(ctx, 1)
		if err == nil {
			s.Release(it)
		}
		result <- err
	}
	go ask(ctx)
	making := <-begun
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled caller got %v", err)
	}
	eventually(t, "nobody waits for the making and it goes on", func() bool { return making.Err() != nil })

	ctx, cancel = context.WithCancel(t.Context())
	go ask(ctx)
	making = <-begun // a new one: the first was called off
	go ask(context.Background())
	eventually(t, "two do not wait", func() bool {
		s.room.mu.Lock()
		defer s.room.mu.Unlock()
		return s.held[1].users == 2
	})
	soon(t, "a third caller", func(ctx context.Context) error {
		_, err := s.acquire(ctx, 1)
		return err
	})
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled caller got %v", err)
	}
	if making.Err() != nil {
		t.Error("the making was called off although somebody waits for it")
	}
	close(finish)
	if err := <-result; err != nil {
		t.Errorf("the caller that stayed got %v", err)
	}
	closeRoom(t, s.room)
}

// TestShelfFailures are not kept: neither errors nor panics, before or after what is made was
// let in. All who wait are told, and the key works again.
func TestShelfFailures(t *testing.T) {
	noGoroutines(t)
	bad := errors.New("no luck")
	for name, fail := range map[string]func(admit func()) (int, error){
		"error":               func(func()) (int, error) { return 0, bad },
		"error once let in":   func(admit func()) (int, error) { admit(); return 0, bad },
		"a panic":             func(func()) (int, error) { panic("no luck") },
		"a panic once let in": func(admit func()) (int, error) { admit(); panic(bad) },
		"a defect":            func(func()) (int, error) { var none []int; return none[len(bad.Error())], nil },
	} {
		gate, tries := make(chan struct{}), 0
		s := newShelf(&room{limit: 2, bytes: 100}, func(ctx context.Context, n int, admit admission) (int, error) {
			if tries++; tries > 1 {
				return n, nil
			}
			<-gate
			return fail(func() {
				if err := admit(ctx, 70); err != nil {
					t.Error(err)
				}
			})
		}, func(int) error { return nil })
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				_, err := s.acquire(t.Context(), 1)
				if err == nil || !strings.Contains(err.Error(), "no luck") && !strings.Contains(err.Error(), "index out of range") {
					t.Errorf("%s: one who waits gets %v", name, err)
				}
			})
		}
		eventually(t, "three do not wait", func() bool {
			s.room.mu.Lock()
			defer s.room.mu.Unlock()
			return s.held[1] != nil && s.held[1].users == 3
		})
		close(gate)
		group.Wait()
		it, err := s.acquire(t.Context(), 1)
		if err != nil || it.Value != 1 {
			t.Fatalf("%s: the key does not work again: %v", name, err)
		}
		s.Release(it)
		if s.room.using != 0 {
			t.Errorf("%s: %d bytes are said to be in use", name, s.room.using)
		}
		closeRoom(t, s.room)
	}
}

// TestShelfForgets everything: what is not in use at once, what is in use when it is given back.
func TestShelfForgets(t *testing.T) {
	m := newMade(5)
	one := m.use(t, 1)
	m.Release(m.use(t, 2))
	m.Forget()
	if m.isGone(1) || !m.isGone(2) || len(held(m.Shelf)) != 0 {
		t.Error("want 2 gone and 1, which is in use, still there, both forgotten")
	}
	m.gone.Delete(2)
	again := m.use(t, 1)
	if m.makings.Load() != 3 {
		t.Error("what was forgotten is found")
	}
	m.Release(one)
	if !m.isGone(1) {
		t.Error("what was forgotten stays after its last user")
	}
	m.gone.Delete(1)
	m.Release(again)
	closeRoom(t, m.room)
}

// TestShelfCloses with makings under way, which are called off, and passes errors of discards on.
// One key is dropped: at once where nobody uses it, else once it is given back, and what is being made too.
func TestShelfDrops(t *testing.T) {
	m := newMade(4)
	m.Release(m.use(t, 1))
	two := m.use(t, 2)
	if !m.Has(1) || !m.Has(2) || m.Has(3) {
		t.Errorf("has 1 %v, 2 %v, 3 %v", m.Has(1), m.Has(2), m.Has(3))
	}
	for range 2 {
		m.Drop(1)
		m.Drop(2)
		m.Drop(3)
	}
	if m.Has(1) || m.Has(2) || !m.isGone(1) || m.isGone(2) {
		t.Errorf("dropped: has 1 %v, 2 %v; gone 1 %v, 2 %v", m.Has(1), m.Has(2), m.isGone(1), m.isGone(2))
	}
	m.Release(two)
	if !m.isGone(2) {
		t.Error("2 was given back and not discarded")
	}
	begun, end := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		it, err := m.Get(t.Context(), 5, func(context.Context) (int, error) {
			close(begun)
			<-end
			return 5, nil
		})
		if err == nil {
			m.Release(it)
		}
		done <- err
	}()
	<-begun
	if !m.Has(5) {
		t.Error("what is being made is not there")
	}
	m.Drop(5)
	if m.Has(5) {
		t.Error("what is being made was not dropped")
	}
	close(end)
	if err := <-done; err != nil || !m.isGone(5) {
		t.Errorf("its caller got %v; gone: %v", err, m.isGone(5))
	}
	m.Get(t.Context(), 6, func(context.Context) (int, error) { return 0, errors.New("none") })
	if m.Has(6) {
		t.Error("what failed is there")
	}
	closeRoom(t, m.room)
}

func TestShelfCloses(t *testing.T) {
	noGoroutines(t)
	bad := errors.New("stuck")
	s := newShelf(&room{limit: 5}, func(ctx context.Context, n int, _ admission) (int, error) {
		if n == 1 {
			<-ctx.Done()
			return 0, ctx.Err()
		}
		return n, nil
	}, func(int) error { return bad })
	result := make(chan error)
	go func() {
		_, err := s.acquire(t.Context(), 1)
		result <- err
	}()
	it, err := s.acquire(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	s.Release(it)
	eventually(t, "nothing is made", func() bool { return len(held(s)) == 2 })
	if err := s.room.close(); !errors.Is(err, bad) {
		t.Errorf("close: %v, want the discard's error", err)
	}
	if err := <-result; !errors.Is(err, ErrClosed) {
		t.Errorf("who waited for what was called off got %v, want ErrClosed", err)
	}
}
