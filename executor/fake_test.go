package executor

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/turn"
)

// fake is a backend that computes nothing and notes what it is asked for. Its graphs have one
// input [n]; n stands for the program.
type fake struct {
	bytes   func(n int) int64                      // of a program; nil: none
	compile func(ctx context.Context, n int) error // what compiling does besides, if set
	run     func(ctx context.Context, n int) error // what running does besides, if set

	mu       sync.Mutex
	compiled []int
	open     map[int]int // programs
	given    [][]Value   // inputs of runs
	closed   bool
}

var _ backend = (*fake)(nil)

func (f *fake) info() DeviceInfo { return DeviceInfo{Name: "fake", Precision: F32} }

func (f *fake) plan(_ context.Context, g *graph.Graph, keep []graph.ID) (plan, error) {
	p := &faked{of: f, outputs: len(g.Outputs) + len(keep)}
	for _, n := range g.Nodes {
		if _, input := n.Op.(graph.Input); input {
			p.n = n.Shape.Elements()
		}
	}
	var bytes int64
	if f.bytes != nil {
		bytes = f.bytes(p.n)
	}
	return plan{bytes, func(ctx context.Context) (program, error) {
		f.mu.Lock()
		f.compiled = append(f.compiled, p.n)
		f.mu.Unlock()
		if f.compile != nil {
			if err := f.compile(ctx, p.n); err != nil {
				return nil, err
			}
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.open[p.n]++
		return p, nil
	}}, nil
}

func (f *fake) large() [][3]int { return [][3]int{{1, 1, 1}} }
func (f *fake) product(ctx context.Context, _ [3]int, _ time.Duration) (float64, error) {
	return 1, ctx.Err()
}
func (f *fake) bandwidth(ctx context.Context, _ time.Duration) (float64, error) { return 1, ctx.Err() }
func (f *fake) place(_ context.Context, data []float32) (Value, error)          { return Host(data), nil }
func (f *fake) live() int                                                       { return 0 }

func (f *fake) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	if f.closed {
		errs = append(errs, errors.New("the backend is closed twice"))
	}
	f.closed = true
	for _, n := range f.open {
		if n != 0 {
			errs = append(errs, errors.New("a program is open when the backend closes"))
		}
	}
	return errors.Join(errs...)
}

// compilations counts those so far.
func (f *fake) compilations() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.compiled)
}

// faked is a program of a fake. Its results are the first value of the input, each.
type faked struct {
	of      *fake
	n       int
	outputs int
}

func (p *faked) run(ctx context.Context, in []Value) ([]Value, error) {
	p.of.mu.Lock()
	p.of.given = append(p.of.given, in)
	p.of.mu.Unlock()
	var out []Value
	for range p.outputs {
		data := make([]float32, p.n)
		data[0] = in[0].host[0]
		out = append(out, Host(data))
	}
	return out, p.wait(ctx)
}

func (p *faked) wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil || p.of.run == nil {
		return err
	}
	return p.of.run(ctx, p.n)
}

func (p *faked) runInto(ctx context.Context, out [][]float32, in []Value) error {
	for _, o := range out {
		o[0] = in[0].host[0]
	}
	return p.wait(ctx)
}

func (p *faked) runOver(ctx context.Context, out, in []Value) error {
	return p.runInto(ctx, hosts(out), in)
}

func (p *faked) profileOver(ctx context.Context, out, in []Value) ([]Timing, error) {
	return []Timing{{Path: "same", Kernel: "fake"}}, p.runOver(ctx, out, in)
}

func (p *faked) profile(ctx context.Context, in []Value) ([]Value, []Timing, error) {
	out, err := p.run(ctx, in)
	return out, []Timing{{Path: "same", Kernel: "fake"}}, err
}

func (p *faked) stats() Stats { return Stats{Dispatches: p.n} }

func (p *faked) close() error {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.of.open[p.n]--
	if p.of.open[p.n] < 0 {
		return errors.New("a program is closed twice")
	}
	return nil
}

// onFake is an executor on a fake, with a part whose sizes are its programs. Both are closed
// at the test's end, when no goroutine may be left.
func onFake(t testing.TB, f *fake, o Options) (*Executor, *Part[int]) {
	t.Helper()
	noGoroutines(t)
	f.open = map[int]int{}
	e := &Executor{options: o, source: inMemory{}, programs: o.room(), moving: turn.New()}
	e.at.Store(newPlace(f, nil, o.Precision))
	e.result = sync.OnceValue(e.giveBack)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return e, NewPart(e, same)
}

// same is a part that a fake takes.
var same = Recording[int]{Name: "same", Record: func(n int) (*graph.Graph, error) {
	b := graph.NewBuilder()
	b.Output(b.In("second").GELU(b.In("first").GELU(b.In("input").Input(n))))
	return b.Build()
}}

// of is an input for the program of size n that begins with x.
func of(n int, x float32) Value {
	data := make([]float32, n)
	data[0] = x
	return Host(data)
}

// noGoroutines requires that a test ends with as many goroutines as it began with.
func noGoroutines(t testing.TB) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for range 4000 { // those of the runtime may take a moment
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		stacks := make([]byte, 1<<16)
		t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
	})
}

// eventually waits for something to become true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for range 2000 {
		if f() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal(what)
}

// soon requires that a call under a deadline of 20 ms ends with it within 50 ms, and returns nothing else. On a machine
// that does much else one of a few tries has to.
func soon(t testing.TB, what string, f func(ctx context.Context) error) {
	t.Helper()
	var took time.Duration
	for range 8 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		begin := time.Now()
		err := f(ctx)
		took = time.Since(begin)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want the deadline", what, err)
		}
		if took <= 50*time.Millisecond {
			return
		}
	}
	t.Errorf("%s: a call with a deadline of 20 ms took %v", what, took)
}

// ended has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
