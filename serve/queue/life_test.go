package queue

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glipvk/glipvk/serve/api"
)

// Options that cannot be are refused.
func TestNew(t *testing.T) {
	f := &fake{}
	for _, o := range []options{
		{}, {Prepare: f.prepare}, {Compute: f.compute},
		{Prepare: f.prepare, Compute: f.compute, Queue: -1}, {Prepare: f.prepare, Compute: f.compute, Bytes: -1},
		{Prepare: f.prepare, Compute: f.compute, Batch: -1}, {Prepare: f.prepare, Compute: f.compute, Devices: -1},
		{Prepare: f.prepare, Compute: f.compute, Preparing: -1}, {Prepare: f.prepare, Compute: f.compute, Delay: -1},
		{Prepare: f.prepare, Compute: f.compute, Expect: -1},
	} {
		if q, err := New(o); err == nil || q != nil {
			t.Errorf("%+v makes a queue", o)
		}
	}
}

// Nothing is taken before there is a detector, nor once the server ends.
func TestNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{t: t, known: map[Key]bool{}, busy: map[int]bool{}, size: 1}
		q, err := New(options{Prepare: f.prepare, Compute: f.compute})
		if err != nil {
			t.Fatal(err)
		}
		f.queue = q
		refused := func(code api.Code) {
			t.Helper()
			if a := f.ask(one("a", "x")); a.code() != code || a.err.(*api.Refusal).Seconds() != 1 || a.err.(*api.Refusal).Retry != time.Second {
				t.Errorf("%v, want %s", a.err, code)
			}
		}
		refused(api.Loading)
		q.Ready()
		if a := f.ask(one("a", "x")); a.over.Load() {
			t.Error(a.err)
		}
		settle()
		q.Lost()
		refused(api.DeviceLost)
		q.Ready()
		if err := q.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		refused(api.Draining)
		q.Ready()
		refused(api.Draining)
		q.Close()
		q.Close()
		refused(api.Draining)
		if got := q.Stats().Rejected; got != [Reasons]uint64{NotReady: 2, Draining: 3} {
			t.Errorf("%v", got)
		}
	})
}

// Drain finishes all that was taken, also what is still being read, and says so when its context ends first.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{})
		place, err := f.queue.Admit(t.Context(), 5)
		if err != nil {
			t.Fatal(err)
		}
		var asked []*asking
		for _, n := range []string{"1", "2", "3"} {
			asked = append(asked, f.ask(one("a", n)))
		}
		begun := time.Now()
		drained := make(chan time.Duration, 2)
		for range 2 {
			go func() {
				if err := f.queue.Drain(context.Background()); err != nil {
					t.Error(err)
				}
				drained <- time.Since(begun)
			}()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		if err := f.queue.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if a := f.ask(one("a", "late")); a.code() != api.Draining {
			t.Error(a.err)
		}
		pass(3 * time.Second)
		if _, err := place.Do(t.Context(), one("a", "read")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		for range 2 {
			if took := <-drained; took != 4500*time.Millisecond {
				t.Errorf("drained after %v", took)
			}
		}
		for _, a := range asked {
			if a.err != nil {
				t.Error(a.err)
			}
		}
		f.want("1, 2, 3, read")
		if err := f.queue.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Drain waits for what is computed for nobody, as for a place that is given back.
func TestDrainAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{})
		f.ask(one("a", "1")).cancel()
		place, err := f.queue.Admit(t.Context(), 5)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(3*time.Second, place.Leave)
		begun := time.Now()
		if err := f.queue.Drain(t.Context()); err != nil || time.Since(begun) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		f = open(t, options{})
		f.ask(one("a", "1")).cancel()
		begun = time.Now()
		if err := f.queue.Drain(t.Context()); err != nil || time.Since(begun) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

// Drain waits for what waits for a device.
func TestDrainLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{})
		f.ask(one("a", "1"))
		a := f.ask(one("a", "2"))
		f.queue.Lost()
		time.AfterFunc(5*time.Second, func() {
			f.mu.Lock()
			f.busy[0] = false
			f.mu.Unlock()
			f.queue.Ready()
		})
		begun := time.Now()
		err := f.queue.Drain(t.Context())
		synctest.Wait()
		if err != nil || a.err != nil || time.Since(begun) != 6*time.Second {
			t.Errorf("%v, %v after %v", err, a.err, time.Since(begun))
		}
	})
}

// Close refuses all at once, tells what runs, and waits for it.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Preparing: 1})
		computing, ready := f.ask(one("a", "computing")), f.ask(one("a", "ready"))
		stuck := one("a", "preparing")
		var told error
		stuck.Units[0].Job.prepare = func(ctx context.Context) error {
			<-ctx.Done()
			told = ctx.Err()
			return told
		}
		preparing, waiting := f.ask(stuck), f.ask(one("a", "waiting"))
		place, err := f.queue.Admit(t.Context(), 5)
		if err != nil {
			t.Fatal(err)
		}
		pass(time.Second / 4)
		begun := time.Now()
		f.queue.Close()
		if took := time.Since(begun); took != time.Second*3/4 || told == nil {
			t.Errorf("closed after %v, %v", took, told)
		}
		synctest.Wait()
		for _, a := range []*asking{computing, ready, preparing, waiting} {
			if a.code() != api.Draining || a.took != time.Second/4 {
				t.Errorf("%v after %v", a.err, a.took)
			}
		}
		if _, err := place.Do(t.Context(), one("a", "read")); err == nil || err.(*api.Refusal).Code != api.Draining {
			t.Error(err)
		}
		f.want("computing")
	})
}

// Close ends the context of what is computed.
func TestCloseTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told error
		q, err := New(Options[int, int, int]{
			Prepare: func(context.Context, int) (int, error) { return 0, nil },
			Compute: func(ctx context.Context, _ int, batch []Item[int, int]) ([]Result[int], error) {
				<-ctx.Done()
				told = ctx.Err()
				return nil, told
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		q.Ready()
		p, err := q.Admit(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := p.Do(ctx, Request[int]{Units: make([]Unit[int], 1)}); err == nil || err.(*api.Refusal).Code != api.Deadline || told != nil {
			t.Errorf("%v, %v", err, told)
		}
		if q.Close(); !errors.Is(told, context.Canceled) {
			t.Errorf("%v", told)
		}
	})
}

// What a lost device computes fails at once, whatever the computation comes back with; what waits is computed when there is one again.
func TestLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{})
		first := one("a", "first")
		first.Units[0].Job.take = time.Minute // a driver that hangs
		first.Units[0].Whole = key("first")
		a := f.ask(first)
		b := f.ask(one("a", "second"))
		place, err := f.queue.Admit(t.Context(), 5)
		if err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Second)
		f.queue.Lost()
		synctest.Wait()
		r, _ := errors.AsType[*api.Refusal](a.err)
		if a.took != 2*time.Second || r == nil || r.Code != api.DeviceLost || r.Seconds() != 1 {
			t.Errorf("%v after %v", a.err, a.took)
		}
		done := make(chan error)
		go func() {
			_, err := place.Do(context.Background(), one("b", "read"))
			done <- err
		}()
		pass(10 * time.Second)
		f.want("first")
		if n := f.queue.Stats(); n.Waiting[High] != 2 || n.Computing != [2]int{} {
			t.Errorf("%+v", n)
		}
		f.mu.Lock()
		f.busy[0] = false // it is another device
		f.mu.Unlock()
		f.queue.Ready()
		again := f.ask(first)
		if err := <-done; err != nil {
			t.Error(err)
		}
		settle()
		if f.want("first, second, read, first"); b.err != nil || b.took != 13*time.Second || again.err != nil {
			t.Errorf("%v after %v, %v", b.err, b.took, again.err)
		}
		if n := f.queue.Stats(); n.Failed != 1 || n.Computed != 3 {
			t.Errorf("%+v", n)
		}
	})
}

// Compute may itself say that its device is lost.
func TestLostWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{})
		r := one("a", "x")
		r.Units[0].Job.compute = func() error { f.queue.Lost(); return errors.New("device lost") }
		a := f.ask(r)
		if a.code() != api.DeviceLost {
			t.Error(a.err)
		}
		f.queue.Ready()
		settle()
	})
}

// An answer says where its time went.
func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, options{Batch: 2})
		f.ask(of(one("a", "first"), 1, ""))
		r := of(one("a", "x"), 2, "")
		r.Units[0].Job.decode = 300 * time.Millisecond
		a := f.ask(r)
		pass(500 * time.Millisecond)
		b := f.ask(of(one("a", "y"), 2, ""))
		settle()
		if got, want := a.answers[0], (Answer[string]{"boxes of x", 700 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second, 2, false}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if got, want := b.answers[0], (Answer[string]{"boxes of y", 500 * time.Millisecond, 0, 2 * time.Second, 2, false}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}
