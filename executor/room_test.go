package executor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// sizes makes a shelf in a room of 100 bytes where everything takes ten times its number.
func sizes(limit, atLeast int) *Shelf[int, int] {
	return newShelf(&room{limit: limit, bytes: 100, atLeast: atLeast}, func(ctx context.Context, n int, admit admission) (int, error) {
		return n, admit(ctx, 10*int64(n))
	}, func(int) error { return nil })
}

func acquire(t *testing.T, s *Shelf[int, int], n int) *Item[int] {
	t.Helper()
	it, err := s.acquire(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return it
}

// TestRoomMemory gives up the least recently used beyond the bytes, before what takes their
// place is made, but not the latest two, and none that is in use.
func TestRoomMemory(t *testing.T) {
	s := sizes(9, 2)
	one := acquire(t, s, 1)
	for _, step := range []struct {
		use  int
		kept []int
	}{
		{2, []int{1, 2}}, {3, []int{1, 2, 3}}, {4, []int{1, 2, 3, 4}}, // 100 bytes
		{2, []int{1, 2, 3, 4}}, {5, []int{1, 2, 5}}, // without 3 it is 120
		{9, []int{1, 9}}, {20, []int{9, 20}}, {1, []int{1, 20}},
	} {
		if step.use == 20 {
			s.Release(one) // it can only be in use alone
		}
		s.Release(acquire(t, s, step.use))
		if keys := held(s); !slices.Equal(keys, step.kept) {
			t.Errorf("after %d, %v are kept, want %v", step.use, keys, step.kept)
		}
	}
	closeRoom(t, s.room)
}

// waiters counts who waits for room.
func waiters(r *room) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.waiting)
}

// line asks for things one after the other, each when the one before waits, and says in what order they were let in.
type line struct {
	s     *Shelf[int, int]
	group sync.WaitGroup
	mu    sync.Mutex
	in    []*Item[int]
}

func (l *line) ask(t *testing.T, n int) {
	t.Helper()
	before := waiters(l.s.room)
	l.group.Go(func() {
		it, err := l.s.acquire(t.Context(), n)
		if err != nil {
			t.Errorf("%d: %v", n, err)
			return
		}
		l.mu.Lock()
		l.in = append(l.in, it)
		l.mu.Unlock()
	})
	eventually(t, "nobody waits who should", func() bool { return waiters(l.s.room) > before })
}

// release gives back what has been let in and says what it was, in order.
func (l *line) release(t *testing.T, want ...int) {
	t.Helper()
	var got []int
	eventually(t, "who fits was not let in", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.in) >= len(want)
	})
	time.Sleep(10 * time.Millisecond) // and nobody else
	l.mu.Lock()
	in := l.in
	l.in = nil
	l.mu.Unlock()
	for _, it := range in {
		got = append(got, it.Value)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("let in were %v, want %v", got, want)
	}
	for _, it := range in {
		l.s.Release(it)
	}
}

// TestRoomIsFirstInFirstOut: what comes later does not pass what waits, though it would fit.
func TestRoomIsFirstInFirstOut(t *testing.T) {
	noGoroutines(t)
	s := sizes(20, 0)
	l := &line{s: s}
	first := acquire(t, s, 6)
	l.ask(t, 10) // does not fit beside 6
	l.ask(t, 2)  // would
	l.ask(t, 3)
	soon(t, "one behind others", func(ctx context.Context) error {
		_, err := s.acquire(ctx, 1)
		return err
	})
	eventually(t, "who left is still in the line", func() bool { return waiters(s.room) == 3 })
	s.Release(first)
	l.release(t, 10)
	l.release(t, 2, 3)
	l.group.Wait()
	closeRoom(t, s.room)
}

// TestRoomWhoLeavesLetsOthersIn: when the first in the line gives up, those behind who fit go in.
func TestRoomWhoLeavesLetsOthersIn(t *testing.T) {
	noGoroutines(t)
	s := sizes(20, 0)
	l := &line{s: s}
	first := acquire(t, s, 6)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := s.acquire(ctx, 10)
		left <- err
	}()
	eventually(t, "nobody waits", func() bool { return waiters(s.room) == 1 })
	l.ask(t, 4)
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v", err)
	}
	l.release(t, 4)
	l.group.Wait()
	s.Release(first)
	closeRoom(t, s.room)
}

// TestRoomLargerThanTheBound lets in what takes more than there is, alone.
func TestRoomLargerThanTheBound(t *testing.T) {
	noGoroutines(t)
	s := sizes(20, 0)
	l := &line{s: s}
	first := acquire(t, s, 1)
	l.ask(t, 50)
	l.ask(t, 1)
	s.Release(first)
	l.release(t, 50)
	l.release(t, 1)
	l.group.Wait()
	closeRoom(t, s.room)
}

// TestRoomStarvesNobody: two who take turns with what is in use do not keep out who waits.
func TestRoomStarvesNobody(t *testing.T) {
	noGoroutines(t)
	s := sizes(20, 0)
	ctx, stop := context.WithCancel(t.Context())
	var turns sync.WaitGroup
	for range 3 {
		turns.Go(func() {
			for ctx.Err() == nil {
				it, err := s.acquire(t.Context(), 6)
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(2 * time.Millisecond) // the others hold it when it is given back
				s.Release(it)
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		it, err := s.acquire(ctx, 7)
		cancel()
		if err != nil {
			t.Fatalf("who does not fit beside others is kept out: %v", err)
		}
		s.Release(it)
	}
	stop()
	turns.Wait()
	closeRoom(t, s.room)
}

// TestRoomShares: what is in use already takes no more room for a second user.
func TestRoomShares(t *testing.T) {
	s := sizes(20, 0)
	one, two := acquire(t, s, 9), acquire(t, s, 9)
	if s.room.using != 90 {
		t.Errorf("%d bytes are in use, want 90", s.room.using)
	}
	s.Release(one)
	if s.room.using != 90 {
		t.Errorf("%d bytes are in use by the second, want 90", s.room.using)
	}
	s.Release(two)
	closeRoom(t, s.room)
}

// TestRoomNeverPassesTheBound under many callers at once.
func TestRoomNeverPassesTheBound(t *testing.T) {
	noGoroutines(t)
	s := sizes(4, 0)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for round := range 50 {
				n := 1 + (worker*7+round*3)%12
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+round%4)*time.Millisecond)
				it, err := s.acquire(ctx, n)
				cancel()
				if err != nil {
					continue
				}
				s.room.mu.Lock()
				if using := s.room.using; using > 100 && using != 10*int64(n) {
					t.Errorf("%d bytes are in use of 100", using)
				}
				s.room.mu.Unlock()
				s.Release(it)
			}
		})
	}
	group.Wait()
	closeRoom(t, s.room)
}

// TestOptionsRoom: the defaults, and what is below 0.
func TestOptionsRoom(t *testing.T) {
	for _, c := range []struct {
		o     Options
		limit int
		bytes int64
	}{
		{Options{}, 16, 1 << 30}, {Options{Programs: -3, ProgramMemory: -1}, 16, 0}, {Options{Programs: 2, ProgramMemory: 77}, 2, 77},
	} {
		if r := c.o.room(); r.limit != c.limit || r.bytes != c.bytes || r.atLeast != 3 {
			t.Errorf("%+v: %d programs, %d bytes, %d whatever they take", c.o, r.limit, r.bytes, r.atLeast)
		}
	}
}
