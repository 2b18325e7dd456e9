package kernels_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/vulkan"
)

// viewCase is a graph of which some steps need not run: dispatches is how many are left.
type viewCase struct {
	dispatches int
	record     func(b *graph.Builder)
}

func viewCases() map[string]viewCase {
	// Rows of 64 floats begin at 256 bytes, the greatest alignment there is.
	double := func(b *graph.Builder, x graph.Value) graph.Value { return b.Scale(x, 2) }
	return map[string]viewCase{
		"reshape": {2, func(b *graph.Builder) {
			y := b.In("r").Reshape(double(b.In("a"), b.In("x").Input(4, 64)), 2, 128)
			b.Output(double(b.In("b"), y))
		}},
		"reshape of a reshape of an input": {1, func(b *graph.Builder) {
			y := b.In("s").Reshape(b.In("r").Reshape(b.In("x").Input(4, 64), 2, 128), 256)
			b.Output(double(b.In("b"), y))
		}},
		"outputs are views": {1, func(b *graph.Builder) {
			y := double(b.In("a"), b.In("x").Input(1, 9, 64))
			outputs(b, b.In("first").SliceTokens(y, graph.SliceTokens{Height: 2, Width: 2}), b.In("r").Reshape(y, 9, 64),
				b.In("last").SliceTokens(y, graph.SliceTokens{Begin: 4, Height: 1, Width: 5}))
		}},
		"views of inputs and weights are outputs": {0, func(b *graph.Builder) {
			x, w := b.In("x").Input(1, 9, 64), b.Param("w", 1, 5, 64)
			outputs(b, b.In("r").Reshape(x, 576), b.In("s").SliceTokens(x, graph.SliceTokens{Begin: 3, Height: 2, Width: 3}),
				b.In("t").SliceTokens(w, graph.SliceTokens{Begin: 4, Height: 1, Width: 1}))
		}},
		"slices are read": {4, func(b *graph.Builder) {
			y := double(b.In("a"), b.In("x").Input(1, 9, 64))
			f := b.In("first").SliceTokens(y, graph.SliceTokens{Height: 2, Width: 2})
			l := b.In("last").SliceTokens(y, graph.SliceTokens{Begin: 5, Height: 2, Width: 2})
			b.Output(double(b.In("d"), b.In("sum").Add(double(b.In("c"), f), l)))
		}},
		"parts are written in place": {4, func(b *graph.Builder) {
			x, z := b.In("x").Input(1, 2, 2, 64), b.In("z").Input(1, 3, 64)
			p, q, r := double(b.In("p"), x), double(b.In("q"), z), double(b.In("r"), x)
			outputs(b, double(b.In("y"), b.In("joined").ConcatTokens(p, q, r)), q) // q is an output besides
		}},
		"inputs and parts that come twice are copied": {5, func(b *graph.Builder) {
			x := b.In("x").Input(1, 2, 2, 64)
			p := double(b.In("p"), x)
			outputs(b, double(b.In("y"), b.In("joined").ConcatTokens(p, x, p)), b.In("other").ConcatTokens(p))
		}},
		"slice of a join": {3, func(b *graph.Builder) {
			x := b.In("x").Input(1, 2, 2, 64)
			joined := b.In("joined").ConcatTokens(double(b.In("p"), x), double(b.In("q"), double(b.In("o"), x)))
			b.Output(b.In("s").SliceTokens(joined, graph.SliceTokens{Begin: 4, Height: 2, Width: 2}))
		}},
		"a join of joins": {3, func(b *graph.Builder) {
			x := b.In("x").Input(1, 2, 2, 64)
			inner := b.In("inner").ConcatTokens(double(b.In("p"), x), double(b.In("q"), x))
			b.Output(b.In("joined").ConcatTokens(inner, double(b.In("r"), x)))
		}},
		"batches are copied": {7, func(b *graph.Builder) {
			y := double(b.In("a"), b.In("x").Input(2, 9, 64))
			outputs(b, b.In("s").SliceTokens(y, graph.SliceTokens{Begin: 1, Height: 2, Width: 4}), b.In("j").ConcatTokens(y, y))
		}},
		"what begins nowhere is copied": {4, func(b *graph.Builder) {
			y := double(b.In("a"), b.In("x").Input(1, 9, 3))
			s := b.In("s").SliceTokens(y, graph.SliceTokens{Begin: 1, Height: 2, Width: 2})
			b.Output(b.In("j").ConcatTokens(double(b.In("b"), s), y))
		}},
	}
}

// outputs marks several.
func outputs(b *graph.Builder, values ...graph.Value) {
	for _, v := range values {
		b.Output(v)
	}
}

// TestViews runs graphs whose values share memory, with and without the sharing, and with
// reuse of the arena and without.
func TestViews(t *testing.T) {
	d := device(t)
	for name, c := range viewCases() {
		t.Run(name, func(t *testing.T) {
			g := build(t, c.record)
			s := tensors{ramp, seed}
			want := oracle(t, g, s)
			widest := func(o vulkan.Options) vulkan.Options {
				return limited(o, func(c *engine.Caps) { c.StorageAlignment = 256 }, d)
			}
			ways := map[string]vulkan.Options{"views": {}, "aligned to 256": widest(vulkan.Options{}), "no reuse": {NoReuse: true}, "copies": {NoFusion: true}}
			for way, o := range ways {
				p := compile(t, d, g, s, o)
				if n := len(p.Plan().Dispatches); way == "aligned to 256" && n != c.dispatches {
					t.Errorf("%d dispatches, want %d", n, c.dispatches)
				}
				for range 2 {
					same(t, way, run(t, p, s.inputs(g)...), want)
				}
				values, err := p.Run(t.Context(), given(s.inputs(g))...)
				if err != nil {
					t.Fatal(err)
				}
				got := room(p)
				for i, v := range values {
					if err := errors.Join(v.Download(t.Context(), got[i]), v.Close()); err != nil {
						t.Error(err)
					}
				}
				same(t, way+", as values", got, want)
			}
		})
	}
}

// TestViewsKeep keeps every value of the graphs.
func TestViewsKeep(t *testing.T) {
	d := device(t)
	for name, c := range viewCases() {
		t.Run(name, func(t *testing.T) {
			g := build(t, c.record)
			var keep []graph.ID
			for i, n := range g.Nodes {
				if kind := graph.Kind(n.Op); kind != graph.Kind(graph.Input{}) && kind != graph.Kind(graph.Param{}) {
					keep = append(keep, graph.ID(i))
				}
			}
			s := tensors{ramp, seed}
			same(t, "kept", run(t, compile(t, d, g, s, vulkan.Options{Keep: keep}), s.inputs(g)...), oracle(t, g, s, keep...))
		})
	}
}

// TestViewsOfHalves views what would else be stored in 16 bits.
func TestViewsOfHalves(t *testing.T) {
	d := device(t)
	g := build(t, func(b *graph.Builder) {
		h := b.In("a").Linear(b.In("x").Input(1, 8, 64), 64, graph.WithBias)
		v := b.In("s").SliceTokens(h, graph.SliceTokens{Begin: 4, Height: 2, Width: 2})
		outputs(b, b.In("y").Linear(v, 64, graph.WithBias), b.In("z").Linear(b.In("j").ConcatTokens(h, v), 64, graph.WithBias))
	})
	s := tensors{uniform, seed}
	p := compileAs(t, d, g, s, vulkan.UploadOptions{Precision: kernels.F16}, vulkan.Options{})
	want := oracle(t, g, s)
	for i, got := range run(t, p, s.inputs(g)...) {
		if err := (bound{rms: 0.01, l2: 2e-3}).check(got, want[i]); err != nil { // weights of 11 bits, twice
			t.Error(err)
		}
	}
	for _, x := range p.Plan().Dispatches {
		if strings.HasSuffix(x.Pipeline.Label, "h") {
			t.Errorf("%s stores 16-bit floats", fmt.Sprint(x.Path, " ", x.Pipeline.Label))
		}
	}
}

// TestViewsRandom runs graphs made by chance of slices, joins, reshapes and sums, some
// values being outputs besides, and requires what the oracle computes.
func TestViewsRandom(t *testing.T) {
	d := device(t)
	rng := rand.New(rand.NewPCG(11, 12))
	fewer := 0
	for round := range 40 {
		g := build(t, func(b *graph.Builder) { randomViews(b, rng) })
		s := tensors{ramp, seed}
		want := oracle(t, g, s)
		p := compile(t, d, g, s, vulkan.Options{NoReuse: round%4 == 3})
		if len(p.Plan().Dispatches) < len(compile(t, d, g, s, vulkan.Options{NoFusion: true}).Plan().Dispatches) {
			fewer++
		}
		same(t, fmt.Sprint("round ", round), run(t, p, s.inputs(g)...), want)
		if t.Failed() {
			t.Fatalf("round %d:\n%v", round, g)
		}
	}
	if fewer < 30 {
		t.Errorf("only %d of 40 graphs had anything to view", fewer)
	}
}

// randomViews records such a graph of values [1, n, 16]: rows begin at multiples of 64 bytes, which
// is at times too little for a view.
func randomViews(b *graph.Builder, rng *rand.Rand) {
	values := []graph.Value{b.In("x").Input(1, 12, 16), b.In("z").Input(1, 5, 16)}
	for i := range 12 {
		in := b.In(fmt.Sprint("step", i))
		x, z := values[rng.IntN(len(values))], values[rng.IntN(len(values))]
		n := x.Shape().Elements() / 16
		y := x
		switch rng.IntN(5) {
		case 0:
			begin := rng.IntN(n)
			y = in.In("slice").SliceTokens(in.In("flat").Reshape(x, 1, n, 16), graph.SliceTokens{Begin: begin, Height: 1, Width: 1 + rng.IntN(n-begin)})
		case 1, 2:
			if n < 60 {
				y = in.ConcatTokens(x, z, in.In("half").Scale(x, 0.5))
			}
		default:
			y = in.Scale(x, 2)
		}
		values = append(values, y)
		if rng.IntN(4) == 0 {
			b.Output(y)
		}
	}
	b.Output(values[len(values)-1])
}
