package kernels_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/synthetic"
	"github.com/glipvk/glipvk/vulkan"
)

// whole bounds the maps of a micro Swin: float32 roundings of some thirty operations.
var whole = bound{each: 256 * ulp, rms: 256 * ulp, l2: 32 * ulp}

// weightsOf are the formula weights of a micro Swin, uploaded.
func weightsOf(t testing.TB, d *engine.Device, g *graph.Graph) *vulkan.Weights {
	t.Helper()
	w, err := vulkan.Upload(t.Context(), d, g, synthetic.Weights{Seed: 11}, vulkan.UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, w)
	return w
}

func program(t testing.TB, d *engine.Device, g *graph.Graph, w *vulkan.Weights, o vulkan.Options) *vulkan.Program {
	t.Helper()
	o.Tuning.Off, o.Poison = true, true
	p, err := vulkan.Compile(t.Context(), d, g, w, o)
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
	// Without tuning: what its budget did not reach it measures for the next program, whose other tiles sum in another order.
	untuned := vulkan.Tuning{Off: true}
	p := program(t, d, g, w, vulkan.Options{Tuning: untuned})
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
		same(t, "run again over old values", run(t, p, in), first)
	}
	same(t, "input afterwards", [][]float32{in}, [][]float32{synthetic.Input(1, 61, 45, 1)})
	same(t, "without reuse", run(t, program(t, d, g, w, vulkan.Options{Tuning: untuned, NoReuse: true}), in), first)
	within("apart", run(t, program(t, d, g, w, vulkan.Options{Tuning: untuned, NoFusion: true}), in))

	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			got := room(p)
			if err := p.RunInto(t.Context(), got, vulkan.Input{Host: in}); err != nil {
				t.Errorf("goroutine %d: %v", i, err)
				return
			}
			same(t, fmt.Sprint("goroutine ", i), got, first)
		})
	}
	group.Wait()

	const slab = 112 << 10 // holds the largest scratch, and far from everything
	cut, err := vulkan.Compile(t.Context(), d, g, w,
		limited(vulkan.Options{Tuning: untuned, NoReuse: true}, func(c *engine.Caps) { c.MaxAllocationBytes = slab }, d))
	if err != nil {
		t.Fatal(err)
	}
	closing(t, cut)
	if n := cut.Stats().ArenaBytes; n <= 2*slab {
		t.Errorf("arena of %d bytes, want several buffers of %d", n, slab)
	}
	same(t, "over several buffers", run(t, cut, in), first)
	_, err = vulkan.Compile(t.Context(), d, g, w, limited(vulkan.Options{Tuning: untuned}, func(c *engine.Caps) { c.MaxAllocationBytes = 4 << 10 }, d))
	if !errors.Is(err, engine.ErrUnsupported) || !strings.Contains(err.Error(), "in one piece") {
		t.Errorf("values larger than any buffer: %v", err)
	}

	for _, limit := range []int64{64 << 10, 40 << 10} {
		small := limited(vulkan.Options{Tuning: untuned}, func(c *engine.Caps) { c.MaxStorageBufferRange = limit }, d)
		q, err := vulkan.Compile(t.Context(), d, g, w, small)
		if err != nil {
			t.Fatalf("limit %d: %v", limit, err)
		}
		closing(t, q)
		withinLimit(t, q, limit)
		if len(q.Plan().Dispatches) <= len(p.Plan().Dispatches) {
			t.Errorf("limit %d: %d dispatches, nothing was split", limit, len(q.Plan().Dispatches))
		}
		t.Logf("limit %d: %d dispatches in place of %d", limit, len(q.Plan().Dispatches), len(p.Plan().Dispatches))
		within(fmt.Sprint("limit ", limit), run(t, q, in))
	}
}

// TestMicroSwinBatch has windows of 7 over maps that are no multiples of it, and two pictures.
func TestMicroSwinBatch(t *testing.T) {
	d := device(t)
	g := micro(t, 7, 61, 45, 2)
	in := synthetic.Input(2, 61, 45, 3)
	got := run(t, program(t, d, g, weightsOf(t, d, g), vulkan.Options{}), in)
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
	base := run(t, compile(t, device(t), g, s, vulkan.Options{}), s.inputs(g)...)
	staged := openWith(t, func(o *engine.Options) { o.ForceStaging = true })
	p := compile(t, staged, g, s, vulkan.Options{})
	same(t, "staged", run(t, p, s.inputs(g)...), base)
	if p.Stats().StagingBytes == 0 {
		t.Error("no staging memory is in use")
	}

	const limit = 32 << 10 // weights of 147456 bytes are split along K
	low := openWith(t, func(o *engine.Options) { o.MaxStorageBufferRange = limit })
	q := compile(t, low, g, s, vulkan.Options{})
	withinLimit(t, q, limit)
	for i, got := range run(t, q, s.inputs(g)...) {
		if err := product(384).check(got, base[i]); err != nil {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
}
