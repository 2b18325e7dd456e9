package kernels_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/synthetic"
)

// whole bounds the maps of a micro Swin: float32 roundings of some thirty operations.
var whole = bound{each: 256 * ulp, rms: 256 * ulp, l2: 32 * ulp}

// weightsOf are the formula weights of a micro Swin, uploaded.
func weightsOf(t testing.TB, d *engine.Device, g *graph.Graph) *kernels.Weights {
	t.Helper()
	w, err := kernels.Upload(t.Context(), d, g, synthetic.Weights{Seed: 11}, kernels.UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, w)
	return w
}

func program(t testing.TB, d *engine.Device, g *graph.Graph, w *kernels.Weights, o kernels.Options) *kernels.Program {
	t.Helper()
	o.Tuning.Off = true
	p, err := kernels.Compile(t.Context(), d, g, w, o)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, p)
	return p
}

// TestMicroSwin runs one model in every way there is to run it: three times, from eight
// goroutines, without reuse of the arena, apart, split. Results are bit-equal wherever
// the same dispatches run, else within the bound of the oracle's.
func TestMicroSwin(t *testing.T) {
	d := device(t)
	g := micro(t, 4, 61, 45, 1)
	w := weightsOf(t, d, g)
	in := synthetic.Input(1, 61, 45, 1)
	p := program(t, d, g, w, kernels.Options{})
	first := run(t, p, in)
	reference := oracleOf(t, g, in)
	within := func(what string, got [][]float32) {
		t.Helper()
		for i := range reference {
			if err := whole.check(got[i], reference[i]); err != nil {
				t.Errorf("%s: %s: %v", what, g.Nodes[g.Outputs[i]].Path, err)
			}
		}
	}
	within("first run", first)
	for range 2 {
		again, err := p.Run(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "run again over old values", again, first)
	}
	same(t, "input afterwards", [][]float32{in}, [][]float32{synthetic.Input(1, 61, 45, 1)})
	same(t, "without reuse", run(t, program(t, d, g, w, kernels.Options{NoReuse: true}), in), first)
	within("apart", run(t, program(t, d, g, w, kernels.Options{NoFusion: true}), in))

	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			got, err := p.Run(t.Context(), in)
			if err != nil {
				t.Errorf("goroutine %d: %v", i, err)
				return
			}
			same(t, fmt.Sprint("goroutine ", i), got, first)
		})
	}
	group.Wait()

	const slab = 112 << 10 // holds the largest scratch, and far from everything
	cut, err := kernels.Compile(t.Context(), d, g, w,
		kernels.Options{NoReuse: true}.WithCaps(func(c *engine.Caps) { c.MaxAllocationBytes = slab }, d))
	if err != nil {
		t.Fatal(err)
	}
	closing(t, cut)
	if cut.Slabs() < 3 {
		t.Errorf("arena of %d buffers, want several of %d bytes", cut.Slabs(), slab)
	}
	same(t, "over several buffers", run(t, cut, in), first)
	_, err = kernels.Compile(t.Context(), d, g, w, kernels.Options{}.WithCaps(func(c *engine.Caps) { c.MaxAllocationBytes = 4 << 10 }, d))
	if !errors.Is(err, engine.ErrUnsupported) || !strings.Contains(err.Error(), "in one piece") {
		t.Errorf("values larger than any buffer: %v", err)
	}

	for _, limit := range []int64{64 << 10, 40 << 10} {
		small := kernels.Options{}.WithCaps(func(c *engine.Caps) { c.MaxStorageBufferRange = limit }, d)
		q, err := kernels.Compile(t.Context(), d, g, w, small)
		if err != nil {
			t.Fatalf("limit %d: %v", limit, err)
		}
		closing(t, q)
		withinLimit(t, q, limit)
		if len(q.Dispatches()) <= len(p.Dispatches()) {
			t.Errorf("limit %d: %d dispatches, nothing was split", limit, len(q.Dispatches()))
		}
		t.Logf("limit %d: %d dispatches in place of %d", limit, len(q.Dispatches()), len(p.Dispatches()))
		within(fmt.Sprint("limit ", limit), run(t, q, in))
	}
}

// TestMicroSwinBatch has windows of 7 over maps that are no multiples of it, and two pictures.
func TestMicroSwinBatch(t *testing.T) {
	d := device(t)
	g := micro(t, 7, 61, 45, 2)
	in := synthetic.Input(2, 61, 45, 3)
	got := run(t, program(t, d, g, weightsOf(t, d, g), kernels.Options{}), in)
	for i, want := range oracleOf(t, g, in) {
		if err := whole.check(got[i], want); err != nil {
			t.Errorf("%s: %v", g.Nodes[g.Outputs[i]].Path, err)
		}
	}
}

// oracleOf computes the micro Swin on package cpuref.
func oracleOf(t testing.TB, g *graph.Graph, in []float32) [][]float32 {
	t.Helper()
	want, err := cpuref.Run(t.Context(), g, synthetic.Weights{Seed: 11}, cpuref.Options{}, in)
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// TestDeviceOptions runs a small attention block through staging memory, and on a device
// whose own limit is lowered, so that the engine checks each binding.
func TestDeviceOptions(t *testing.T) {
	record := func(b *graph.Builder) {
		x := b.In("x").Input(24, 16, 96)
		h := b.In("h").GELU(b.In("fc1").Linear(x, 384, graph.WithBias))
		b.Output(b.In("z").Add(x, b.In("fc2").Linear(h, 96, graph.WithBias)))
	}
	g := build(t, record)
	s := tensors{uniform, seed}
	base := run(t, compile(t, device(t), g, s, kernels.Options{}), s.inputs(g)...)
	staged := openWith(t, func(o *engine.Options) { o.ForceStaging = true })
	p := compile(t, staged, g, s, kernels.Options{})
	if !p.Staged() || p.Stats().StagingBytes == 0 {
		t.Error("no staging memory is in use")
	}
	same(t, "staged", run(t, p, s.inputs(g)...), base)

	const limit = 32 << 10 // weights of 147456 bytes are split along K
	low := openWith(t, func(o *engine.Options) { o.MaxStorageBufferRange = limit })
	q := compile(t, low, g, s, kernels.Options{})
	withinLimit(t, q, limit)
	for i, got := range run(t, q, s.inputs(g)...) {
		if err := product(384).check(got, base[i]); err != nil {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
}

func TestClose(t *testing.T) {
	d := device(t)
	g := build(t, func(b *graph.Builder) { b.Output(b.In("y").Linear(b.In("x").Input(3, 8), 8, graph.WithBias)) })
	s := tensors{uniform, seed}
	compileOnce := func() *kernels.Weights {
		w, err := kernels.Upload(t.Context(), d, g, s, kernels.UploadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := kernels.Compile(t.Context(), d, g, w, kernels.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err == nil {
			t.Error("weights closed under an open program")
		}
		if _, err := kernels.Compile(t.Context(), d, g, w, kernels.Options{}); !errors.Is(err, kernels.ErrClosed) {
			t.Errorf("compile with closed weights: %v", err)
		}
		for range 2 {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := p.Run(t.Context(), s.inputs(g)...); !errors.Is(err, kernels.ErrClosed) {
			t.Errorf("run after close: %v", err)
		}
		if _, err := p.Profile(t.Context(), s.inputs(g)...); !errors.Is(err, kernels.ErrClosed) {
			t.Errorf("profile after close: %v", err)
		}
		p.Stats()
		for range 2 {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
		return w
	}
	compileOnce()
	before := d.LiveByKind()
	compileOnce()
	if after := d.LiveByKind(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("objects before %v, after %v", before, after)
	}
}

// TestCancel cancels before and during a long product; afterwards the program is as good as new.
func TestCancel(t *testing.T) {
	d := device(t)
	g := build(t, func(b *graph.Builder) {
		x := b.In("x").Input(4096, 384)
		for i := range 8 {
			x = b.In("y", i).Linear(x, 384, graph.NoBias)
		}
		b.Output(x)
	})
	s := tensors{uniform, seed}
	p := compile(t, d, g, s, kernels.Options{})
	in := s.inputs(g)
	start := time.Now()
	want := run(t, p, in...)
	long := time.Since(start)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Run(ctx, in...); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(min(long/20, 20*time.Millisecond), cancel)
	start = time.Now()
	_, err := p.Run(ctx, in...)
	t.Logf("a run takes %v; cancelled, it returned after %v", long, time.Since(start))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled during the run: %v", err)
	}
	got, err := p.Run(t.Context(), in...)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "after cancellation", got, want)
	if _, err := kernels.Upload(ctx, d, g, s, kernels.UploadOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("upload under a cancelled context: %v", err)
	}
}

func TestBadCalls(t *testing.T) {
	d := device(t)
	g := build(t, func(b *graph.Builder) { b.Output(b.In("y").Linear(b.In("x").Input(3, 8), 8, graph.WithBias)) })
	other := build(t, func(b *graph.Builder) {
		y := b.In("y").Linear(b.In("x").Input(3, 12), 8, graph.WithBias)
		b.Output(b.In("n").LayerNorm(y, 1e-5))
	})
	s := tensors{uniform, seed}
	p := compile(t, d, g, s, kernels.Options{})
	x := make([]float32, 24)
	for name, inputs := range map[string][][]float32{"none": {}, "two": {x, x}, "short": {x[:23]}, "long": {append(x, 1)}, "nil": {nil}} {
		if _, err := p.Run(t.Context(), inputs...); !errors.Is(err, graph.ErrShape) {
			t.Errorf("inputs %s: %v", name, err)
		}
	}
	if err := p.RunInto(t.Context(), nil, x); !errors.Is(err, graph.ErrShape) {
		t.Errorf("no outputs: %v", err)
	}
	if err := p.RunInto(t.Context(), [][]float32{x[:3]}, x); !errors.Is(err, graph.ErrShape) {
		t.Errorf("a short output: %v", err)
	}
	w, err := kernels.Upload(t.Context(), d, g, s, kernels.UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, w)
	_, err = kernels.Compile(t.Context(), d, other, w, kernels.Options{})
	for _, part := range []string{"y.weight", "n.weight is missing", "n.bias is missing", "[8 8]", "[8 12]"} {
		if err == nil || !errors.Is(err, graph.ErrShape) || !strings.Contains(err.Error(), part) {
			t.Errorf("weights of another model, want %q: %v", part, err)
		}
	}
	if _, err := kernels.Upload(t.Context(), d, g, tensors{uniform, seed}, kernels.UploadOptions{Variant: "fast"}); err == nil || !strings.Contains(err.Error(), "fast") {
		t.Errorf("unknown variant: %v", err)
	}
	broken := errors.New("disk on fire")
	if _, err := kernels.Upload(t.Context(), d, g, failing{broken}, kernels.UploadOptions{}); !errors.Is(err, broken) || !strings.Contains(err.Error(), "y.weight") {
		t.Errorf("a source that fails: %v", err)
	}
	if _, err := kernels.Upload(t.Context(), d, g, failing{}, kernels.UploadOptions{}); !errors.Is(err, graph.ErrShape) {
		t.Errorf("a source that gives too little: %v", err)
	}
}

// failing is a source without weights.
type failing struct{ err error }

// Tensor implements [kernels.Source].
func (f failing) Tensor(string, []int) ([]float32, error) { return nil, f.err }

// TestTooLarge asks for more memory than any device gives in one piece.
func TestTooLarge(t *testing.T) {
	d := device(t)
	g := build(t, func(b *graph.Builder) { b.Output(b.In("y").GELU(b.In("x").Input(1<<20, 1<<20))) })
	w, err := kernels.Upload(t.Context(), d, g, failing{}, kernels.UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, w)
	before := d.LiveByKind()
	_, err = kernels.Compile(t.Context(), d, g, w, kernels.Options{})
	if !errors.Is(err, engine.ErrUnsupported) && !errors.Is(err, engine.ErrOutOfMemory) {
		t.Errorf("8 TiB: %v", err)
	}
	if after := d.LiveByKind(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("objects before %v, after %v", before, after)
	}
}

// TestProfile requires a timing for each dispatch, by path.
func TestProfile(t *testing.T) {
	d := device(t)
	if d.Info().Caps.TimestampBits == 0 {
		t.Skip("the device has no timestamps")
	}
	g := build(t, func(b *graph.Builder) {
		b.Output(b.In("g").GELU(b.In("y").Linear(b.In("x").Input(64, 96), 96, graph.WithBias)))
	})
	s := tensors{uniform, seed}
	p := compile(t, d, g, s, kernels.Options{NoFusion: true})
	times, err := p.Profile(t.Context(), s.inputs(g)...)
	if err != nil {
		t.Fatal(err)
	}
	if len(times) != 2 || times[0].Path != "y" || times[1].Path != "g" {
		t.Fatalf("%+v", times)
	}
	if want := int64(2 * 64 * 96 * 96); times[0].FLOPs != want || times[1].FLOPs != 0 || p.Stats().FLOPs != want {
		t.Errorf("%+v, want %d operations in the product", times, want)
	}
	if want := int64(4 * (64*96*2 + 96*96 + 96)); times[0].Bytes != want {
		t.Errorf("the product moves %d bytes, want %d", times[0].Bytes, want)
	}
	for _, x := range times {
		if x.Duration <= 0 {
			t.Errorf("%s took %v", x.Path, x.Duration)
		}
	}
	want, err := p.Run(t.Context(), s.inputs(g)...)
	if err != nil {
		t.Fatal(err)
	}
	got, times, err := p.RunProfiled(t.Context(), s.inputs(g)...)
	if err != nil || len(times) != 2 || !slices.Equal(got[0], want[0]) {
		t.Errorf("a profiled run gives %d timings, %v, and other results than a run: %v", len(times), err, !slices.Equal(got[0], want[0]))
	}
}
