package executor

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/glipvk/glipvk/graph"
)

// TestPartKeeping: outputs and then what is kept, with descriptions; programs of its own, closed
// with it, or with the executor.
func TestPartKeeping(t *testing.T) {
	f := &fake{}
	e, p := onFake(t, f, Options{})
	var outputs []Output
	kept := p.Keeping(func(g *graph.Graph) ([]graph.ID, error) { return g.Match("first") })
	data, outputs, err := kept.Host(t.Context(), 3, of(3, 8))
	if err != nil || len(data) != 2 || data[1][0] != 8 || len(data[1]) != 3 {
		t.Fatalf("%v, %v", data, err)
	}
	want := []Output{{Path: "second", Shape: []int{3}}, {Path: "first", Shape: []int{3}, Kept: true}}
	for i, o := range outputs {
		if o.Path != want[i].Path || !slices.Equal(o.Shape, want[i].Shape) || o.Kept != want[i].Kept || o.Shared {
			t.Errorf("output %d is %+v, want %+v", i, o, want[i])
		}
	}
	if err := kept.Close(t.Context()); err != nil || f.open[3] != 0 {
		t.Errorf("after Close %d programs are open, %v", f.open[3], err)
	}
	if _, err := p.Outputs(t.Context(), 3); err != nil {
		t.Error(err)
	}
	if err := p.Close(t.Context()); err != nil || f.open[3] != 1 {
		t.Errorf("closing a part that keeps nothing closed its programs, %v", err)
	}
	again := p.Keeping(func(g *graph.Graph) ([]graph.ID, error) { return g.Match("*") })
	if _, err := again.Outputs(t.Context(), 3); err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Errorf("an executor before a part: %v", err)
	}
	if err := again.Close(t.Context()); err != nil || f.open[3] != 0 {
		t.Errorf("a part after its executor: %d programs are open, %v", f.open[3], err)
	}
}

// TestPartKeepingLeaves: closing a part waits for no program in the making, and the executor's
// Close does.
func TestPartKeepingLeaves(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	f := &fake{compile: func(context.Context, int) error { close(begun); <-finish; return nil }}
	e, p := onFake(t, f, Options{})
	kept := p.Keeping(func(g *graph.Graph) ([]graph.ID, error) { return g.Match("first") })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	if _, _, err := kept.Host(ctx, 3, of(3, 8)); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call: %v", err)
	}
	if err := kept.Close(ctx); err != nil { // or waits for ever
		t.Error(err)
	}
	closed := make(chan error)
	go func() { closed <- e.Close() }()
	select {
	case <-closed:
		t.Error("the executor closed under a program in the making")
	case <-time.After(20 * time.Millisecond):
	}
	close(finish)
	if err := <-closed; err != nil || f.open[3] != 0 {
		t.Errorf("%d programs are open, %v", f.open[3], err)
	}
}

// TestPartRoom refuses memory made for another size, and inputs of nothing are the backend's to refuse.
func TestPartRoom(t *testing.T) {
	_, p := onFake(t, &fake{}, Options{})
	for _, out := range [][][]float32{nil, {}, {make([]float32, 3)}, {make([]float32, 2), make([]float32, 2)}} {
		if err := p.RunInto(t.Context(), 2, out, []Value{of(2, 1)}); !errors.Is(err, ErrInput) {
			t.Errorf("memory for %d results: %v", len(out), err)
		}
	}
	if _, err := NewPart(p.e, Recording[int]{Record: func(int) (*graph.Graph, error) { return nil, graph.ErrShape }}).Outputs(t.Context(), 1); !errors.Is(err, ErrInput) || !errors.Is(err, graph.ErrShape) {
		t.Errorf("a graph that cannot be: %v", err)
	}
	if _, err := p.Keeping(func(*graph.Graph) ([]graph.ID, error) { return nil, errors.New("no such value") }).Outputs(t.Context(), 1); !errors.Is(err, ErrInput) {
		t.Errorf("nothing to keep: %v", err)
	}
	_, list, err := p.Profile(t.Context(), 2, of(2, 1))
	if err != nil || len(list) != 1 || list[0].Part != "same" {
		t.Errorf("profile %+v, %v", list, err)
	}
	if s, err := p.Stats(t.Context(), 2); err != nil || s.Dispatches != 2 {
		t.Errorf("stats %+v, %v", s, err)
	}
}

// TestValuesArePassedOn: what a part gives is what another takes, without a copy between them.
func TestValuesArePassedOn(t *testing.T) {
	f := &fake{}
	e, p := onFake(t, f, Options{})
	q := NewPart(e, same)
	first, err := p.Run(t.Context(), 2, of(2, 5))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Run(t.Context(), 2, first...); err != nil {
		t.Fatal(err)
	}
	if given := f.given[1][0]; &given.host[0] != &first[0].host[0] {
		t.Error("the second part was given a copy")
	}
	if data, err := first[0].Read(t.Context()); err != nil || &data[0] != &first[0].host[0] || first[0].Bytes() != 8 {
		t.Errorf("read %v, %v", data, err)
	}
	if err := first[0].Download(t.Context(), make([]float32, 3)); err == nil {
		t.Error("room for another size is taken")
	}
	if err := errors.Join(first[0].Close(), first[0].Close()); err != nil {
		t.Error(err)
	}
}

// TestRunIntoAllocatesNothing where the context cannot end and the program allocates nothing.
func TestRunIntoAllocatesNothing(t *testing.T) {
	_, p := onFake(t, &fake{}, Options{})
	in, out, ctx := []Value{of(4, 1)}, [][]float32{make([]float32, 4)}, context.Background()
	n := testing.AllocsPerRun(100, func() {
		if err := p.RunInto(ctx, 4, out, in); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("a run allocates %v times", n)
	}
}

// BenchmarkPart measures what a call costs outside of the program.
func BenchmarkPart(b *testing.B) {
	_, p := onFake(b, &fake{}, Options{})
	in, out, ctx := []Value{of(4, 1)}, [][]float32{make([]float32, 4)}, context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := p.RunInto(ctx, 4, out, in); err != nil {
			b.Fatal(err)
		}
	}
}
