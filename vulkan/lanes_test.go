package kernels_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/synthetic"
)

// lanesGraph is a model of two inputs and two results, so that each has an offset in staging memory.
func lanesGraph(t testing.TB) *graph.Graph {
	return build(t, func(b *graph.Builder) {
		x, y := b.In("x").Input(48, 96), b.In("y").Input(48, 40)
		h := b.In("h").GELU(b.In("fc1").Linear(x, 384, graph.WithBias))
		b.Output(b.In("sum").Add(x, b.In("fc2").Linear(h, 96, graph.WithBias)))
		b.Output(b.In("norm").LayerNorm(y, 1e-5))
	})
}

// blank is room for the results of a program, full of NaN.
func blank(g *graph.Graph) [][]float32 {
	var list [][]float32
	for _, id := range g.Outputs {
		room := make([]float32, g.Nodes[id].Shape.Elements())
		for i := range room {
			room[i] = float32(math.NaN())
		}
		list = append(list, room)
	}
	return list
}

// submit fails, and does not hang, where a lane was lost.
func submit(t testing.TB, p *kernels.Program, inputs ...[]float32) *kernels.Ticket {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ticket, err := p.Submit(ctx, inputs...)
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

func collect(t testing.TB, g *graph.Graph, ticket *kernels.Ticket) [][]float32 {
	t.Helper()
	got := blank(g)
	if err := ticket.Collect(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	return got
}

// seeded are inputs of a graph that differ from seed to seed.
func seeded(g *graph.Graph, seed uint64) [][]float32 { return tensors{uniform, seed}.inputs(g) }

// TestSubmit: submissions give what Run gives, bit for bit, with two of different inputs under
// way at all times, collected in order; on memory that the host shares and on memory that it does not.
func TestSubmit(t *testing.T) {
	for name, change := range map[string]func(*engine.Options){
		"as the device is": func(*engine.Options) {},
		"staged":           func(o *engine.Options) { o.ForceStaging = true },
	} {
		t.Run(name, func(t *testing.T) {
			d := openWith(t, change)
			g := lanesGraph(t)
			p := compile(t, d, g, tensors{uniform, seed}, kernels.Options{})
			var want [][][]float32 // before there is a lane, the program's own way
			for i := range 5 {
				want = append(want, run(t, p, seeded(g, uint64(i))...))
			}
			if err := (bound{}).check(want[0][0], want[1][0]); err == nil {
				t.Fatal("different inputs have the same result")
			}
			submit := func(i int) *kernels.Ticket { // the caller may use its inputs again at once
				in := seeded(g, uint64(i))
				ticket := submit(t, p, in...)
				for _, data := range in {
					clear(data)
				}
				return ticket
			}
			if err := p.Poison(t.Context()); err != nil {
				t.Fatal(err)
			}
			before := submit(0)
			live := 0
			for i := 1; i < 5; i++ {
				next := submit(i)
				if i == 1 {
					live = d.Live()
				}
				same(t, fmt.Sprint("submission ", i-1), collect(t, g, before), want[i-1])
				before = next
			}
			same(t, "the last submission", collect(t, g, before), want[4])
			got, err := p.Run(t.Context(), seeded(g, 2)...)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "Run after submissions", got, want[2])
			if n := d.Live(); n != live {
				t.Errorf("%d objects after several submissions, %d after two", n, live)
			}
		})
	}
}

// TestSubmitKept submits a program that returns a kept value beside its outputs.
func TestSubmitKept(t *testing.T) {
	d := device(t)
	g := micro(t, 4, 61, 45, 1)
	kept, ok := g.Find("stages.1.blocks.1.attn.rolled")
	if !ok {
		t.Fatal("no such value")
	}
	in := synthetic.Input(1, 61, 45, 1)
	p := program(t, d, g, weightsOf(t, d, g), kernels.Options{Keep: []graph.ID{kept}})
	want := run(t, p, in)
	got := append(blank(g), make([]float32, g.Nodes[kept].Shape.Elements()))
	if err := submit(t, p, in).Collect(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	same(t, "with a kept value", got, want)
}

// TestSubmitWaits: a third submission waits for the first to be collected, or for its context.
func TestSubmitWaits(t *testing.T) {
	d := device(t)
	g := lanesGraph(t)
	p := compile(t, d, g, tensors{uniform, seed}, kernels.Options{})
	want := [][][]float32{run(t, p, seeded(g, 0)...), run(t, p, seeded(g, 1)...), run(t, p, seeded(g, 2)...)}
	first, second := submit(t, p, seeded(g, 0)...), submit(t, p, seeded(g, 1)...)

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := p.Submit(ctx, seeded(g, 2)...); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third submission: %v", err)
	}
	if err := p.RunInto(ctx, blank(g), seeded(g, 2)...); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a run beside two submissions: %v", err)
	}
	third := make(chan *kernels.Ticket)
	go func() {
		ticket, err := p.Submit(context.Background(), seeded(g, 2)...)
		if err != nil {
			t.Error(err)
		}
		third <- ticket
	}()
	select {
	case <-third:
		t.Error("a third submission did not wait")
	case <-time.After(20 * time.Millisecond):
	}
	same(t, "first", collect(t, g, first), want[0])
	last := <-third
	same(t, "second", collect(t, g, second), want[1])
	same(t, "third", collect(t, g, last), want[2])
}

// TestSubmitCancelled: cancelled calls leave the program as good as new, also while the device
// still works for them.
func TestSubmitCancelled(t *testing.T) {
	d := device(t)
	g := build(t, func(b *graph.Builder) {
		x := b.In("x").Input(256, 384)
		for i := range 4 {
			x = b.In("y", i).Linear(x, 384, graph.NoBias)
		}
		b.Output(x)
	})
	p := compile(t, d, g, tensors{uniform, seed}, kernels.Options{})
	want := [][][]float32{run(t, p, seeded(g, 0)...), run(t, p, seeded(g, 1)...)}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()

	if _, err := p.Submit(cancelled, seeded(g, 0)...); !errors.Is(err, context.Canceled) {
		t.Errorf("submission cancelled before: %v", err)
	}
	for round := range 3 { // more often than there are lanes: none is lost
		ticket := submit(t, p, seeded(g, 0)...)
		got := blank(g)
		if err := ticket.Collect(cancelled, got); !errors.Is(err, context.Canceled) {
			t.Errorf("collection cancelled before: %v", err)
		}
		same(t, "room of a cancelled collection", got, blank(g))
		if err := ticket.Collect(t.Context(), got); err == nil || !strings.Contains(err.Error(), "already") {
			t.Errorf("collected again after cancellation: %v", err)
		}
		same(t, fmt.Sprint("after cancellation ", round), collect(t, g, submit(t, p, seeded(g, 1)...)), want[1])
	}
	ticket := submit(t, p, seeded(g, 0)...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Microsecond)
	defer cancel()
	if err := ticket.Collect(ctx, blank(g)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("collection under a deadline that is over: %v", err)
	}
	got, err := p.Run(t.Context(), seeded(g, 0)...)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "Run after cancellation", got, want[0])
}

// TestSubmitBadCalls: wrong sizes and a second collection are errors, and cost no lane.
func TestSubmitBadCalls(t *testing.T) {
	d := device(t)
	g := lanesGraph(t)
	p := compile(t, d, g, tensors{uniform, seed}, kernels.Options{})
	in := seeded(g, 0)
	want := run(t, p, in...)
	for name, inputs := range map[string][][]float32{
		"none": {}, "one": in[:1], "short": {in[0][1:], in[1]}, "long": {in[0], append(in[1:2:2][0], 1)}, "turned": {in[1], in[0]}, "nil": {nil, nil},
	} {
		if _, err := p.Submit(t.Context(), inputs...); !errors.Is(err, graph.ErrShape) {
			t.Errorf("inputs %s: %v", name, err)
		}
	}
	for range 3 {
		ticket := submit(t, p, in...)
		good := blank(g)
		for name, outputs := range map[string][][]float32{
			"none": nil, "one": good[:1], "short": {good[0][1:], good[1]}, "turned": {good[1], good[0]},
		} {
			if err := ticket.Collect(t.Context(), outputs); !errors.Is(err, graph.ErrShape) {
				t.Errorf("outputs %s: %v", name, err)
			}
		}
		same(t, "room of refused collections", good, blank(g))
		same(t, "collected after refusals", collect(t, g, ticket), want)
		if err := ticket.Collect(t.Context(), good); err == nil || !strings.Contains(err.Error(), "already") {
			t.Errorf("collected again: %v", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // for a lane that was lost
	defer cancel()
	for range 3 {
		if err := p.RunInto(ctx, blank(g)[:1], in...); !errors.Is(err, graph.ErrShape) {
			t.Errorf("run into one output: %v", err)
		}
	}
	if err := p.RunInto(ctx, blank(g), in...); err != nil {
		t.Errorf("run after refused ones: %v", err)
	}
}

// TestSubmitClose closes programs with lanes: idle ones, and one whose submission nobody collected.
func TestSubmitClose(t *testing.T) {
	d := device(t)
	g := lanesGraph(t)
	s := tensors{uniform, seed}
	w, err := kernels.Upload(t.Context(), d, g, s, kernels.UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, w)
	before := ""
	for _, inFlight := range []bool{false, false, true} {
		p, err := kernels.Compile(t.Context(), d, g, w, kernels.Options{Tuning: kernels.Tuning{Off: true}})
		if err != nil {
			t.Fatal(err)
		}
		done, left := submit(t, p, s.inputs(g)...), submit(t, p, s.inputs(g)...)
		collect(t, g, done)
		if !inFlight {
			collect(t, g, left)
		}
		for range 2 {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := p.Submit(t.Context(), s.inputs(g)...); !errors.Is(err, kernels.ErrClosed) {
			t.Errorf("submission after close: %v", err)
		}
		if err := p.RunInto(t.Context(), blank(g), s.inputs(g)...); !errors.Is(err, kernels.ErrClosed) {
			t.Errorf("run after close: %v", err)
		}
		if inFlight {
			if err := left.Collect(t.Context(), blank(g)); err == nil {
				t.Error("collected from a closed program")
			}
		}
		if after := fmt.Sprint(d.LiveByKind()); before == "" { // the first one made the pipelines
			before = after
		} else if after != before {
			t.Errorf("objects before %v, after %v", before, after)
		}
	}
}

// TestSubmitTogether submits, runs and profiles from many goroutines at once.
func TestSubmitTogether(t *testing.T) {
	d := device(t)
	g := lanesGraph(t)
	p := compile(t, d, g, tensors{uniform, seed}, kernels.Options{})
	var want [][][]float32
	for i := range 4 {
		want = append(want, run(t, p, seeded(g, uint64(i))...))
	}
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			for round := range 4 {
				which := (i + round) % len(want)
				in, got := seeded(g, uint64(which)), blank(g)
				var err error
				switch {
				case i%4 == 0:
					err = p.RunInto(t.Context(), got, in...)
				case i == 1 && d.Info().Caps.TimestampBits > 0:
					_, err = p.Profile(t.Context(), in...)
					got = want[which]
				default:
					var ticket *kernels.Ticket
					if ticket, err = p.Submit(t.Context(), in...); err == nil {
						err = ticket.Collect(t.Context(), got)
					}
				}
				if err != nil {
					t.Errorf("goroutine %d: %v", i, err)
					return
				}
				same(t, fmt.Sprintf("goroutine %d, round %d", i, round), got, want[which])
			}
		})
	}
	group.Wait()
}
