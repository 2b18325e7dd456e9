package executor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// TestAuto is the table of what "auto" tries: GPUs, the best first, never a software driver.
func TestAuto(t *testing.T) {
	gpu := engine.Info{Index: 1, Kind: "discrete", Auto: true}
	weak := engine.Info{Index: 2, Kind: "integrated", Auto: true}
	software := engine.Info{Index: 0, Kind: "cpu", Auto: true}
	broken := engine.Info{Index: 3, Kind: "discrete", Unusable: "the driver crashed"}
	for name, c := range map[string]struct {
		infos []engine.Info
		err   error
		want  []int
		word  string
	}{
		"a GPU":                       {[]engine.Info{gpu}, nil, []int{1}, ""},
		"a GPU behind software":       {[]engine.Info{software, gpu}, nil, []int{1}, ""},
		"the best GPU comes first":    {[]engine.Info{weak, gpu}, nil, []int{1, 2}, ""},
		"a GPU beside a broken one":   {[]engine.Info{broken, weak}, nil, []int{2}, ""},
		"equals as they were":         {[]engine.Info{gpu, {Index: 4, Kind: "discrete"}}, nil, []int{1, 4}, ""},
		"software alone":              {[]engine.Info{software}, nil, nil, "vulkan"},
		"software beside a broken":    {[]engine.Info{broken, software}, nil, nil, "slower"},
		"broken alone":                {[]engine.Info{broken}, nil, nil, "none of the 1"},
		"none":                        {nil, nil, nil, "no Vulkan devices"},
		"a loader that fails":         {nil, errors.New("no loader"), nil, "no loader"},
		"software that is unusable":   {[]engine.Info{{Kind: "cpu", Unusable: "old"}}, nil, nil, "none of the 1"},
		"a loader that fails and GPU": {[]engine.Info{gpu}, errors.New("lost"), nil, "lost"},
	} {
		infos, why := Auto(c.infos, c.err)
		var got []int
		for _, info := range infos {
			got = append(got, info.Index)
		}
		if !slices.Equal(got, c.want) || (why == "") != (c.word == "") || !strings.Contains(why, c.word) {
			t.Errorf("%s: devices %d because %q, want %d and %q", name, got, why, c.want, c.word)
		}
	}
}

// TestGranted: what is left of the largest heap of the device bounds programs, not the host's, and not on software.
func TestGranted(t *testing.T) {
	heaps := []engine.Heap{{Bytes: 8 << 30, Left: 3 << 30, DeviceLocal: true}, {Bytes: 16 << 30, Left: 15 << 30}, {Bytes: 256 << 20, Left: 200 << 20, DeviceLocal: true}}
	for kind, want := range map[string]int64{"discrete": 3 << 30, "integrated": 3 << 30, "cpu": 0} {
		if n := granted(&engine.Info{Kind: kind, Heaps: heaps}); n != want {
			t.Errorf("%s: %d, want %d", kind, n, want)
		}
	}
	if n := granted(nil); n != 0 {
		t.Errorf("no device: %d", n)
	}
}

// gate blocks who comes until it is opened, or their context ends. The first are counted.
type gate struct {
	open chan struct{}
	at   atomic.Int32
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) pass(ctx context.Context, _ int) error {
	g.at.Add(1)
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestSecondCallerLeaves: a caller with a deadline returns soon whatever others do: compile what
// it wants, use the room it needs, or run.
func TestSecondCallerLeaves(t *testing.T) {
	compiling, running := newGate(), newGate()
	_, p := onFake(t, &fake{
		bytes: func(n int) int64 { return 60 },
		compile: func(ctx context.Context, n int) error {
			if n == 1 {
				return compiling.pass(ctx, n)
			}
			return nil
		},
		run: func(ctx context.Context, n int) error {
			if n == 2 {
				return running.pass(ctx, n)
			}
			return nil
		},
	}, Options{ProgramMemory: 100})
	var group sync.WaitGroup
	first := func(n int) {
		group.Go(func() {
			if out, err := p.Run(t.Context(), n, of(n, 7)); err != nil || out[0].host[0] != 7 {
				t.Errorf("the first caller of %d: %v", n, err)
			}
		})
	}
	first(1)
	eventually(t, "nobody compiles", func() bool { return compiling.at.Load() == 1 })
	soon(t, "somebody else compiles it", func(ctx context.Context) error {
		_, err := p.Run(ctx, 1, of(1, 1))
		return err
	})
	soon(t, "no room to compile", func(ctx context.Context) error {
		return p.RunInto(ctx, 3, [][]float32{make([]float32, 3)}, []Value{of(3, 1)})
	})
	close(compiling.open)
	group.Wait()
	first(2)
	eventually(t, "nobody runs", func() bool { return running.at.Load() == 1 })
	soon(t, "no room to run", func(ctx context.Context) error {
		_, _, err := p.Host(ctx, 1, of(1, 1))
		return err
	})
	soon(t, "running", func(ctx context.Context) error {
		_, err := p.Run(ctx, 2, of(2, 1))
		return err
	})
	close(running.open)
	group.Wait()
	if _, err := p.Run(ended(), 1, of(1, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that had ended: %v", err)
	}
}

// TestCloseEnds calls that wait for a compilation, for room, for a shelf, and that run, with
// ErrClosed, whether their context could end or not.
func TestCloseEnds(t *testing.T) {
	compiling, running := newGate(), newGate()
	f := &fake{
		bytes: func(n int) int64 { return 40 },
		compile: func(ctx context.Context, n int) error {
			if n == 1 {
				return compiling.pass(ctx, n)
			}
			return nil
		},
		run: running.pass,
	}
	e, p := onFake(t, f, Options{ProgramMemory: 100})
	kept := p.Keeping(func(g *graph.Graph) ([]graph.ID, error) { return g.Match("first") })
	s := NewShelf[string](e, 5, func(int) error { return nil })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var errs []error
	var mu sync.Mutex
	var group sync.WaitGroup
	call := func(ctx context.Context, f func(ctx context.Context) error) {
		group.Go(func() {
			err := f(ctx)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	run := func(p *Part[int], n int) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := p.Run(ctx, n, of(n, 1))
			return err
		}
	}
	for _, ctx := range []context.Context{context.Background(), ctx} {
		call(ctx, run(p, 1))    // compile, or wait for the other's
		call(ctx, run(p, 2))    // run
		call(ctx, run(kept, 4)) // run, in a room of its own
		call(ctx, func(ctx context.Context) error {
			it, err := s.Get(ctx, "what runs", func(ctx context.Context) (int, error) { return 0, run(p, 2)(ctx) })
			if err == nil {
				s.Release(it)
			}
			return err
		})
	}
	eventually(t, "they do not all run", func() bool { return compiling.at.Load() == 1 && running.at.Load() == 5 })
	for _, ctx := range []context.Context{context.Background(), ctx} {
		call(ctx, run(p, 3)) // wait for room
	}
	eventually(t, "nobody waits for room", func() bool { return waiters(e.programs) > 0 })
	begin := time.Now()
	for range 2 {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	group.Wait()
	if took := time.Since(begin); took > time.Second {
		t.Errorf("Close took %v", took)
	}
	for _, err := range errs {
		if !errors.Is(err, ErrClosed) || errors.Is(err, ErrInput) {
			t.Errorf("a call that Close ended got %v", err)
		}
	}
	if len(errs) != 10 || !f.closed {
		t.Errorf("%d calls ended, the backend is closed: %v", len(errs), f.closed)
	}
	if err := kept.Close(t.Context()); err != nil {
		t.Errorf("a part after its executor: %v", err)
	}
	checkClosed(t, e, p)
}

// checkClosed requires that every call is refused.
func checkClosed(t *testing.T, e *Executor, p *Part[int]) {
	t.Helper()
	ctx := t.Context()
	_, run := p.Run(ctx, 2, of(2, 1))
	_, _, host := p.Host(ctx, 2, of(2, 1))
	_, outputs := p.Outputs(ctx, 2)
	_, stats := p.Stats(ctx, 2)
	_, _, profile := p.Profile(ctx, 2, of(2, 1))
	_, _, oracle := p.Oracle(ctx, 2, nil, make([]float32, 2))
	_, peak := e.Peak(ctx, time.Millisecond)
	_, bandwidth := e.Bandwidth(ctx, time.Millisecond)
	_, product := e.Product(ctx, [3]int{1, 1, 1}, time.Millisecond)
	into := p.RunInto(ctx, 2, [][]float32{make([]float32, 2)}, []Value{of(2, 1)})
	_, kept := p.Keeping(nil).Outputs(ctx, 2)
	for i, err := range []error{run, host, outputs, stats, profile, oracle, peak, bandwidth, product, into, kept} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("call %d after Close: got %v", i, err)
		}
	}
}

// TestFirstCallerLeaves: what a first caller began goes on for those who wait for it, and is
// compiled once.
func TestFirstCallerLeaves(t *testing.T) {
	compiling := newGate()
	f := &fake{compile: compiling.pass}
	_, p := onFake(t, f, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	ask := func(ctx context.Context, to chan error) {
		_, err := p.Run(ctx, 1, of(1, 1))
		to <- err
	}
	go ask(ctx, first)
	eventually(t, "nobody compiles", func() bool { return compiling.at.Load() == 1 })
	go ask(t.Context(), second)
	eventually(t, "nobody waits", func() bool {
		p.programs.room.mu.Lock()
		defer p.programs.room.mu.Unlock()
		return p.programs.held[1].users == 2
	})
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first got %v", err)
	}
	close(compiling.open)
	if err := <-second; err != nil {
		t.Errorf("the second got %v", err)
	}
	if f.compilations() != 1 {
		t.Errorf("compiled %v", f.compiled)
	}
}

// TestPanics: one while compiling is an error of all who wait, and the size works again; one in
// a run is the caller's, and Close does not wait for ever.
func TestPanics(t *testing.T) {
	compiling, fail := newGate(), atomic.Bool{}
	fail.Store(true)
	e, p := onFake(t, &fake{bytes: func(int) int64 { return 60 }, compile: func(ctx context.Context, n int) error {
		if fail.Load() {
			if err := compiling.pass(ctx, n); err != nil {
				return err
			}
			panic("a broken compiler")
		}
		return nil
	}, run: func(_ context.Context, n int) error {
		if n == 5 {
			panic("a broken run")
		}
		return nil
	}}, Options{ProgramMemory: 100})
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			if _, err := p.Run(t.Context(), 1, of(1, 1)); err == nil || !strings.Contains(err.Error(), "a broken compiler") || errors.Is(err, ErrInput) {
				t.Errorf("one who waits gets %v", err)
			}
		})
	}
	eventually(t, "three do not wait", func() bool {
		p.programs.room.mu.Lock()
		defer p.programs.room.mu.Unlock()
		return p.programs.held[1] != nil && p.programs.held[1].users == 3
	})
	close(compiling.open)
	group.Wait()
	fail.Store(false)
	if _, err := p.Run(t.Context(), 1, of(1, 1)); err != nil {
		t.Errorf("the size after a panic: %v", err)
	}
	for name, call := range map[string]func(){
		"Run":     func() { _, _ = p.Run(t.Context(), 5, of(5, 1)) },
		"RunInto": func() { _ = p.RunInto(t.Context(), 5, [][]float32{make([]float32, 5)}, []Value{of(5, 1)}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: the panic is swallowed", name)
				}
			}()
			call()
		}()
	}
	if e.programs.using != 0 || e.at.Load().active != 0 {
		t.Errorf("after panics %d bytes and %d calls are said to be under way", e.programs.using, e.at.Load().active)
	}
}

// TestApart: what cannot be called off is left, and what panics is an error.
func TestApart(t *testing.T) {
	finish := make(chan struct{})
	defer close(finish)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if _, err := Apart(ctx, func() (int, error) { <-finish; return 1, nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("left with %v", err)
	}
	for _, ctx := range []context.Context{context.Background(), t.Context()} {
		if n, err := Apart(ctx, func() (int, error) { return 7, nil }); n != 7 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if _, err := Apart(ctx, func() (int, error) { panic("split") }); err == nil || !strings.Contains(err.Error(), "split") {
			t.Errorf("a panic is %v", err)
		}
	}
}

// TestCloseWithin gives up on a device that does not end, once the context has.
func TestCloseWithin(t *testing.T) {
	stuck := newGate()
	e, p := onFake(t, &fake{run: func(_ context.Context, n int) error { return stuck.pass(context.Background(), n) }}, Options{})
	done := make(chan error)
	go func() {
		_, err := p.Run(t.Context(), 1, of(1, 1))
		done <- err
	}()
	eventually(t, "nobody runs", func() bool { return stuck.at.Load() == 1 })
	begin := time.Now()
	if err := e.CloseWithin(ended(), 20*time.Millisecond); err != nil || time.Since(begin) > time.Second {
		t.Errorf("after %v: %v", time.Since(begin), err)
	}
	close(stuck.open)
	if err := <-done; err != nil {
		t.Errorf("a run that had ended before it heard of Close: %v", err)
	}
}
