package vulkan_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/vulkan"
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

// lasting is a graph, and its program, that keeps the device busy for as long as that, or up to twice as long: what waits, leaves or closes then
// finds work under way, and what is left behind ends in time on slow devices too. A quick one is done sooner with the largest.
func lasting(t testing.TB, d *engine.Device, least time.Duration) (*graph.Graph, *vulkan.Program) {
	t.Helper()
	const most = 4096
	for rows := 16; ; rows *= 2 {
		g := rowsGraph(t, rows)
		p := compile(t, d, g, tensors{seed}, vulkan.Options{})
		took := time.Duration(math.MaxInt64) // the better of two: the first makes what later ones find, and either may have been held up
		for range 2 {
			start := time.Now()
			run(t, p, seeded(g, 0)...)
			took = min(took, time.Since(start))
		}
		if rows == most || took >= least {
			return g, p
		}
	}
}

// rowsGraph is a chain of products of so many rows.
func rowsGraph(t testing.TB, rows int) *graph.Graph {
	return build(t, func(b *graph.Builder) {
		x := b.In("x").Input(rows, 384)
		for i := range 8 {
			x = b.In("y", i).Linear(x, 384, graph.NoBias)
		}
		b.Output(x)
	})
}

// seeded are inputs of a graph that differ from seed to seed.
func seeded(g *graph.Graph, seed uint64) [][]float32 { return tensors{seed}.inputs(g) }

// memories are devices whose memory the host shares, and whose it does not.
func memories(t *testing.T, f func(t *testing.T, d *engine.Device)) {
	for name, staging := range map[string]bool{"as the device is": false, "staged": true} {
		t.Run(name, func(t *testing.T) {
			f(t, openWith(t, func(o *engine.Options) { o.ForceStaging = staging }))
		})
	}
}

// together runs from three goroutines, again and again.
func together(t *testing.T, p *vulkan.Program, g *graph.Graph, want [][]float32) {
	t.Helper()
	var group sync.WaitGroup
	for i := range 3 {
		group.Go(func() {
			for round := range 6 {
				got := room(p)
				if err := p.RunInto(t.Context(), got, given(seeded(g, 0))...); err != nil {
					t.Errorf("goroutine %d, round %d: %v", i, round, err)
				} else if want[0][0] == want[0][0] {
					same(t, fmt.Sprintf("goroutine %d, round %d", i, round), got, want)
				}
			}
		})
	}
	group.Wait()
}

// TestTogether runs, profiles and keeps values from many goroutines at once: results are those of a
// run alone, bit for bit, and nothing is made for more than two of them.
func TestTogether(t *testing.T) {
	memories(t, func(t *testing.T, d *engine.Device) {
		g := lanesGraph(t)
		p := compile(t, d, g, tensors{seed}, vulkan.Options{})
		alone := p.Stats().StagingBytes
		var want [][][]float32
		for i := range 4 {
			want = append(want, run(t, p, seeded(g, uint64(i))...))
		}
		if d.Info().Caps.UnifiedMemory && p.Stats().StagingBytes != alone {
			t.Errorf("one caller at a time made %d bytes of staging", p.Stats().StagingBytes)
		}
		var group sync.WaitGroup
		for i := range 12 {
			group.Go(func() {
				for round := range 4 {
					which := (i + round) % len(want)
					in, got := given(seeded(g, uint64(which))), room(p)
					var err error
					switch {
					case i%4 == 0:
						var values []*vulkan.Value
						if values, err = p.Run(t.Context(), in...); err == nil {
							err = downloaded(t, values, got)
						}
					case i == 1 && d.Info().Caps.TimestampBits > 0:
						got, _, err = p.RunProfiled(t.Context(), in...)
					default:
						err = p.RunInto(t.Context(), got, in...)
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
		live := d.LiveByKind()
		together(t, p, g, want[0])
		if after := d.LiveByKind(); fmt.Sprint(after) != fmt.Sprint(live) {
			t.Errorf("objects before %v, after %v", live, after)
		}
	})
}

// downloaded fetches values and gives them up.
func downloaded(t testing.TB, values []*vulkan.Value, into [][]float32) error {
	var err error
	for i, v := range values {
		err = errors.Join(err, v.Download(t.Context(), into[i]), v.Close())
	}
	return err
}

// TestCancelled: calls whose context ends return at once, whether the device works for them or
// for somebody else, and leave the program as good as new.
func TestCancelled(t *testing.T) {
	memories(t, func(t *testing.T, d *engine.Device) {
		g, p := lasting(t, d, 200*time.Millisecond)
		in := given(seeded(g, 0))
		start := time.Now()
		want := run(t, p, seeded(g, 0)...)
		if took := time.Since(start); took < 100*time.Millisecond {
			t.Skipf("a run takes %v: too short to be left", took)
		}
		for round := range 3 {
			var group sync.WaitGroup
			for i := range 4 {
				group.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
					defer cancel()
					start := time.Now()
					var err error
					if i%2 == 0 {
						err = p.RunInto(ctx, room(p), in...)
					} else {
						_, err = p.Run(ctx, in...)
					}
					if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > 500*time.Millisecond {
						t.Errorf("after %v: %v", took, err)
					}
				})
			}
			group.Wait()
			same(t, fmt.Sprint("after cancellation ", round), run(t, p, seeded(g, 0)...), want)
		}
	})
}

// TestLeftBehind: whoever comes to a program that cancelled calls have left at work gets the bits of a run alone, also where several come
// at a time: what was left behind writes into the arena still.
func TestLeftBehind(t *testing.T) {
	memories(t, func(t *testing.T, d *engine.Device) {
		g, p := lasting(t, d, 50*time.Millisecond)
		const callers = 3
		var want [callers][][]float32
		for i := range want {
			want[i] = run(t, p, seeded(g, uint64(i))...)
		}
		for round := range 6 {
			ctx, cancel := context.WithCancel(t.Context())
			var group, first sync.WaitGroup
			ask := func(ctx context.Context) {
				if err := p.RunInto(ctx, room(p), given(seeded(g, 9))...); err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}
			first.Go(func() { ask(t.Context()) }) // none is direct that comes before this has ended
			time.Sleep(5 * time.Millisecond)
			for range 2 { // one for each lane
				group.Go(func() { ask(ctx) })
			}
			first.Wait()
			time.Sleep(20 * time.Millisecond)
			cancel()
			group.Wait()
			for i := range callers {
				group.Go(func() {
					got := room(p)
					if err := p.RunInto(t.Context(), got, given(seeded(g, uint64(i)))...); err != nil {
						t.Error(err)
						return
					}
					same(t, fmt.Sprintf("round %d, caller %d", round, i), got, want[i])
				})
			}
			group.Wait()
		}
	})
}

// TestCloseEndsWaits: who waits for a way through a program that is closed gets ErrClosed, and a run
// under way its results.
func TestCloseEndsWaits(t *testing.T) {
	d := device(t)
	g, _ := lasting(t, d, 200*time.Millisecond)
	w := upload(t, d, g, tensors{seed}, vulkan.UploadOptions{})
	p, err := vulkan.Compile(t.Context(), d, g, w, vulkan.Options{Tuning: vulkan.Tuning{Off: true}})
	if err != nil {
		t.Fatal(err)
	}
	in := given(seeded(g, 0))
	errs := make(chan error, 6)
	for range cap(errs) {
		go func() { errs <- p.RunInto(context.Background(), room(p), in...) }()
	}
	time.Sleep(50 * time.Millisecond)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	closed := 0
	for range cap(errs) {
		err := <-errs
		if errors.Is(err, vulkan.ErrClosed) {
			closed++
		} else if err != nil {
			t.Error(err)
		}
	}
	if closed == 0 {
		t.Error("nobody was told that the program is closed")
	}
}

// TestCut: a program of many submissions gives the results of one, bit for bit.
func TestCut(t *testing.T) {
	memories(t, func(t *testing.T, d *engine.Device) {
		g := lanesGraph(t)
		w := upload(t, d, g, tensors{seed}, vulkan.UploadOptions{})
		whole := program(t, d, g, w, vulkan.Options{})
		if n := whole.Stats().Submissions; n != 1 {
			t.Errorf("%d submissions without a cut", n)
		}
		want := run(t, whole, seeded(g, 0)...)
		for _, cut := range []int64{1, whole.Stats().FLOPs * 2 / 3} {
			p := program(t, d, g, w, vulkan.Options{Cut: cut})
			if n := p.Stats().Submissions; n < 2 || cut == 1 && n != p.Stats().Dispatches {
				t.Errorf("cut at %d: %d submissions of %d dispatches", cut, n, p.Stats().Dispatches)
			}
			for range 2 {
				same(t, fmt.Sprint("cut at ", cut), run(t, p, seeded(g, 0)...), want)
			}
			if d.Info().Caps.TimestampBits > 0 {
				got, times, err := p.RunProfiled(t.Context(), given(seeded(g, 0))...)
				if err != nil || len(times) != p.Stats().Dispatches {
					t.Fatalf("%d timings: %v", len(times), err)
				}
				same(t, "profiled", got, want)
			}
			together(t, p, g, want)
		}
	})
}
