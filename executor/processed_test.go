package executor

import (
	"errors"
	"testing"

	"github.com/glipvk/glipvk/graph"
)

// doubled is a part on the CPU whose result is twice its input, as a moment is updated: in place if that is allowed.
func doubled(t *testing.T) *Part[int] {
	t.Helper()
	e, err := OpenDevice(t.Context(), Options{Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return NewPart(e, Recording[int]{Name: "doubled", Record: func(n int) (*graph.Graph, error) {
		b := graph.NewBuilder()
		x := b.In("x").Input(n)
		b.Output(b.In("y").Record(graph.Moment{Beta: 0, Power: 1}, x, x, b.In("two").Record(graph.Fill{To: graph.Shape{1}, Value: 2})))
		return b.Build()
	}})
}

// TestMemoryAgain wants results where those that were closed lay, and nowhere else.
func TestMemoryAgain(t *testing.T) {
	p := doubled(t)
	run := func(x Value) Value {
		t.Helper()
		out, err := p.Run(t.Context(), 3, x)
		if err != nil {
			t.Fatal(err)
		}
		return out[0]
	}
	x := Host([]float32{1, 2, 3})
	a := run(x)
	b := run(a)
	if alike(a.host, b.host) || a.host[2] != 6 || b.host[2] != 12 {
		t.Fatalf("%v and %v, want 6 and 12 in two places", a.host, b.host)
	}
	_, _ = a.Close(), a.Close()
	if c := run(b); !alike(c.host, a.host) || c.host[2] != 24 {
		t.Errorf("%v, want 24 where the value was that was closed: %v", c.host, alike(c.host, a.host))
	}
	if d := run(b); alike(d.host, a.host) {
		t.Error("two values in one place")
	}
	if _, err := p.Run(t.Context(), 3, a); !errors.Is(err, ErrClosed) {
		t.Errorf("a value that was closed as input: %v", err)
	}
}

// TestRunOver wants a result in place of the input that it replaces where a program made that, and memory of the caller's
// left alone.
func TestRunOver(t *testing.T) {
	p, data := doubled(t), []float32{1, 2, 3}
	over := func(x Value) Value {
		t.Helper()
		out, err := p.RunOver(t.Context(), 3, []Value{x}, x)
		if err != nil {
			t.Fatal(err)
		}
		return out[0]
	}
	a := over(Host(data))
	if data[2] != 3 || a.host[2] != 6 {
		t.Fatalf("%v of %v", a.host, data)
	}
	b := over(a)
	if !alike(a.host, b.host) || b.host[2] != 12 {
		t.Errorf("%v, want 12 in place: %v", b.host, alike(a.host, b.host))
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if c := over(Host(data)); alike(c.host, b.host) {
		t.Error("the value that was replaced gave away its memory")
	}
}
