package cpu

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/soak"
)

// slow is a program that computes for about a second, its input, and room for its result.
func slow(t *testing.T) (*Program, []float32, [][]float32) {
	t.Helper()
	b := graph.NewBuilder()
	x := b.In("x").Input(1024, 1024)
	for range 60 {
		x = b.In("y").Linear(x, 1024, graph.NoBias)
	}
	b.Output(x)
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	w, err := Pack(t.Context(), g, ones{}, PackOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(g, w, Options{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	return p, make([]float32, 1<<20), [][]float32{make([]float32, 1<<20)}
}

// soon is how long whoever is told to stop may take, on a machine that does other things too.
const soon = 50 * time.Millisecond

// busy runs the program again and again until its run returns an error, which it sends.
func busy(ctx context.Context, p *Program, x []float32, y [][]float32) <-chan error {
	ended := make(chan error, 1)
	begun := make(chan struct{})
	go func() {
		close(begun)
		for {
			if err := p.RunInto(ctx, y, x); err != nil {
				ended <- err
				return
			}
		}
	}()
	<-begun
	time.Sleep(20 * time.Millisecond)
	return ended
}

// TestWaiterLeaves wants a second caller to go when its context ends, though the first still runs,
// and a cancelled run to end.
func TestWaiterLeaves(t *testing.T) {
	p, x, y := slow(t)
	defer p.Close()
	soak.InTime(t, soon, func() time.Duration { return waiterLeaves(t, p, x, y) })
}

func waiterLeaves(t *testing.T, p *Program, x []float32, y [][]float32) time.Duration {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first := busy(ctx, p, x, y)
	late, done := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer done()
	began := time.Now()
	if err := p.RunInto(late, [][]float32{make([]float32, 1<<20)}, x); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the second caller: %v", err)
	}
	waited := time.Since(began) - 20*time.Millisecond
	began = time.Now()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first caller: %v", err)
	}
	return max(waited, time.Since(began))
}

// TestClose wants Close to end the run and whoever waits, and to give the memory back.
func TestClose(t *testing.T) {
	soak.InTime(t, soon, func() time.Duration { return closes(t) })
}

func closes(t *testing.T) time.Duration {
	p, x, y := slow(t)
	if p.values != nil {
		t.Error("a program that never ran has memory")
	}
	list := []<-chan error{busy(t.Context(), p, x, y), busy(t.Context(), p, x, [][]float32{make([]float32, 1<<20)})}
	began := time.Now()
	p.Close()
	took := time.Since(began)
	for i, ended := range list {
		if err := <-ended; !errors.Is(err, ErrClosed) || !strings.HasPrefix(err.Error(), "cpu: ") {
			t.Errorf("caller %d: %v", i, err)
		}
	}
	if p.values != nil || p.crew.workers[0].slots[slotRows] != nil {
		t.Error("a closed program has memory")
	}
	if err := p.RunInto(t.Context(), y, x); !errors.Is(err, ErrClosed) {
		t.Errorf("a run after Close: %v", err)
	}
	p.Close() // again
	return took
}

// TestPanic wants a panic in a task to be that run's error, in whichever goroutine it is, and the
// next run to be right.
func TestPanic(t *testing.T) {
	p, x, y := slow(t)
	defer p.Close()
	before := runtime.NumGoroutine()
	step := &p.crew.steps[7]
	run := step.run
	step.run = func(w *worker, values [][]float32, task int) {
		if task == step.tasks/2 {
			values[0][len(values[0])] = 1
		}
		run(w, values, task)
	}
	err := p.RunInto(t.Context(), y, x)
	if err == nil || !strings.Contains(err.Error(), "cpu: "+step.path+": "+step.name+": panic in a task: runtime error: index out of range") {
		t.Fatalf("error %v", err)
	}
	step.run = run
	if err := p.RunInto(t.Context(), y, x); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

// TestBytes wants a program to tell what it will take, before it takes it.
func TestBytes(t *testing.T) {
	p, x, y := slow(t)
	defer p.Close()
	told := p.Bytes()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if err := p.RunInto(t.Context(), y, x); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if taken := int64(after.TotalAlloc - before.TotalAlloc); taken < told || taken > told+told/50+1<<16 {
		t.Errorf("a first run took %d bytes, told were %d", taken, told)
	}
}

// ones is a source whose every weight is 1.
type ones struct{}

func (ones) Tensor(_ string, shape []int) ([]float32, error) {
	data := make([]float32, graph.Shape(shape).Elements())
	for i := range data {
		data[i] = 1
	}
	return data, nil
}
