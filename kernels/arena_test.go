package kernels

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
)

// checkLayout requires every value to be placed, aligned, inside the arena and apart
// from all that live at the same step (from all, without reuse).
func checkLayout(t *testing.T, l layout, values []lifetime, align int64, reuse bool) {
	t.Helper()
	if l.bytes < l.live {
		t.Errorf("arena of %d bytes, %d are alive at once", l.bytes, l.live)
	}
	for i, v := range values {
		at, ok := l.offset[v.id]
		if !ok || at < 0 || at%align != 0 || at+v.bytes > l.bytes {
			t.Fatalf("%+v at %d (%v) in an arena of %d, alignment %d", v, at, ok, l.bytes, align)
		}
		if at/l.slab != (at+v.bytes-1)/l.slab {
			t.Fatalf("%+v at %d lies across a cut, slabs of %d", v, at, l.slab)
		}
		for _, w := range values[:i] {
			other := l.offset[w.id]
			apart := at+v.bytes <= other || other+w.bytes <= at
			together := v.first <= w.last && w.first <= v.last
			if !apart && (together || !reuse) {
				t.Fatalf("%+v at %d overlaps %+v at %d", v, at, w, other)
			}
		}
	}
}

func TestPlanRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		values := make([]lifetime, rng.IntN(40))
		for i := range values {
			first := rng.IntN(30) - 1
			values[i] = lifetime{id: graph.ID(i), bytes: 4 * (1 + rng.Int64N(5000)), first: first, last: first + rng.IntN(6)}
		}
		align := int64(16) << rng.IntN(6)
		slab := int64(1) << 40
		if round%2 == 1 {
			slab = (20000 + rng.Int64N(30000)) / align * align // at least one value, at times several
			slab = max(slab, (20000+align-1)/align*align)
		}
		for _, reuse := range []bool{true, false} {
			l := plan(values, align, slab, reuse)
			checkLayout(t, l, values, align, reuse)
			if t.Failed() {
				t.Fatalf("round %d, reuse %v", round, reuse)
			}
		}
	}
}

// TestPlanSwin requires the arena of real models to be within a tenth of the least
// that any arena could take.
func TestPlanSwin(t *testing.T) {
	for _, c := range []struct {
		size          string
		window        int
		height, width int
	}{
		{"tiny", 7, 224, 224}, {"tiny", 12, 384, 384}, {"tiny", 7, 800, 1333},
		{"large", 7, 224, 224}, {"large", 12, 384, 384}, {"large", 12, 800, 1333},
	} {
		cfg, err := swin.Preset(c.size, c.window, c.height)
		if err != nil {
			t.Fatal(err)
		}
		cfg.PadSmallMap = true
		g, err := swin.Record(cfg, swin.Input{Batch: 1, Height: c.height, Width: c.width})
		if err != nil {
			t.Fatal(err)
		}
		for name, s := range Styles() {
			checkSwinPlan(t, g, s, fmt.Sprintf("%s, window %d, %dx%d, %s", c.size, c.window, c.height, c.width, name), c.size == "tiny")
		}
	}
}

func checkSwinPlan(t *testing.T, g *graph.Graph, s Style, name string, small bool) {
	t.Helper()
	for _, precision := range []Precision{F32, F16} {
		w := newLowerer(g, engine.Info{Caps: engine.Caps{MaxStorageBufferRange: 1 << 27, MaxAllocationBytes: 1 << 31}}, Layout{s, precision})
		list := w.rewrite(Options{})
		kept := slices.Clone(g.Outputs)
		for i, id := range kept {
			kept[i] = resolve(w.alias, id)
		}
		values := lifetimes(g, list, kept, w.alias, w.half, w.scratchBytes)
		l := plan(values, 256, 1<<31, true)
		checkLayout(t, l, values, 256, true)
		ratio := float64(l.bytes) / float64(l.live)
		t.Logf("%s, %s: arena %d MiB, %.3f of the least", name, precision, l.bytes>>20, ratio)
		if !(ratio <= 1.10) {
			t.Errorf("%s, %s: arena is %.3f of the least", name, precision, ratio)
		}
		if small && l.bytes >= 600<<20 {
			t.Errorf("arena of %d bytes, want less than 600 MiB", l.bytes)
		}
	}
}
