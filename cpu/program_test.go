package cpu_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/swin"
)

// model is a small Swin, with what is awkward about it.
type model struct {
	name  string
	cfg   swin.Config
	input swin.Input
}

// config is a Swin of two stages, two blocks each.
func config(dims, heads, window int) swin.Config {
	return swin.Config{
		EmbedDims: dims, Depths: []int{2, 2}, NumHeads: []int{heads, 2 * heads}, WindowSize: window, PadSmallMap: true,
		OutIndices: []int{0, 1}, ImageSize: 32, PatchSize: 4, MLPRatio: 2, Eps: 1e-5, QKVBias: true,
	}
}

func models() []model {
	absolute, noBias := config(6, 1, 3), config(48, 3, 4)
	absolute.AbsPosEmbed, noBias.QKVBias = true, false
	return []model{
		{"one pixel", config(8, 1, 2), swin.Input{Batch: 1, Height: 1, Width: 1}},
		{"batch, padding, position embedding", absolute, swin.Input{Batch: 2, Height: 17, Width: 30}},
		{"no bias, head of 16", noBias, swin.Input{Batch: 1, Height: 64, Width: 64}},
		{"window 2, head of 8", config(16, 2, 2), swin.Input{Batch: 1, Height: 20, Width: 12}},
		{"window 7, head of 32", config(96, 3, 7), swin.Input{Batch: 2, Height: 61, Width: 45}},
		{"window 12, head of 33", config(33, 1, 12), swin.Input{Batch: 1, Height: 97, Width: 101}},
		{"whole windows", config(32, 1, 4), swin.Input{Batch: 3, Height: 64, Width: 32}},
	}
}

// values are all nodes but parameters.
func values(t *testing.T, g *graph.Graph) []graph.ID {
	t.Helper()
	ids, err := g.Match("**")
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// TestModels wants fused, unfused and oracle to agree, on the outputs of a program that keeps
// nothing, and on every value of one that keeps them all.
func TestModels(t *testing.T) {
	for _, m := range models() {
		t.Run(m.name, func(t *testing.T) {
			g, err := swin.Record(m.cfg, m.input)
			if err != nil {
				t.Fatal(err)
			}
			src := modest{tensors{normal}}
			inputs := src.inputs(t, g)
			all := values(t, g)
			want := oracle(t, g, src, all, inputs...)
			b := bound{5e-6, 2e-5} // of dozens of operations
			for _, name := range cpu.Available() {
				for _, noFusion := range []bool{false, true} {
					for keep, ids := range map[string][]graph.ID{"": nil, "all kept": all} {
						what := fmt.Sprint(name, " unfused ", noFusion, " ", keep)
						p := compile(t, g, src, name, cpu.Options{NoFusion: noFusion, Keep: ids, Workers: 2})
						got := poison(g, append(slices.Clone(g.Outputs), ids...))
						if err := p.RunInto(t.Context(), got, inputs...); err != nil {
							t.Fatal(err)
						}
						for i := range got {
							path := ""
							if i >= len(g.Outputs) {
								path = g.Nodes[ids[i-len(g.Outputs)]].Path
							}
							same(t, what+" "+path, got[i], want[i], b)
						}
					}
				}
			}
		})
	}
}

// TestAttention compares the joined attention with the oracle for windows and heads of every
// size, with bias and mask and without, and wants a NaN to spread as far as it should.
func TestAttention(t *testing.T) {
	for w := 1; w <= 12; w++ {
		for _, d := range []int{1, 7, 32, 33, 64} {
			if w > 7 && d != 32 {
				continue // enough has been seen, and these take long
			}
			for _, terms := range []string{"", "bias", "mask", "bias mask"} {
				if w == 1 && strings.Contains(terms, "mask") {
					continue // no shift is smaller than a window of one
				}
				heads := 1 + w%3
				g := build(t, func(b *graph.Builder) {
					qkv := b.In("qkv").Input(12, w*w, 3*heads*d)
					s := b.In("scores").Scores(qkv, graph.Scores{Heads: heads, Scale: 0.3})
					if strings.Contains(terms, "bias") {
						table := b.Param("table", (2*w-1)*(2*w-1), heads)
						s = b.In("biased").Add(s, b.In("bias").PositionBias(table, w))
					}
					if strings.Contains(terms, "mask") {
						s = b.In("masked").Add(s, b.In("mask").ShiftMask(graph.ShiftMask{Height: 2 * w, Width: 3 * w, Size: w, Shift: w / 2}))
					}
					b.Output(b.In("context").Context(b.In("softmax").Softmax(s), qkv, heads))
				})
				src := tensors{normal}
				inputs := src.inputs(t, g)
				inputs[0][len(inputs[0])/2] = float32(math.NaN())
				inputs[0][len(inputs[0])/3] = float32(math.Inf(-1))
				want := oracle(t, g, src, nil, inputs...)
				for _, name := range cpu.Available() {
					p := compile(t, g, src, name, cpu.Options{})
					if s := p.Stats(); s.Dispatches != 1 {
						t.Fatalf("window %d, %s: %d steps, want 1", w, terms, s.Dispatches)
					}
					got, err := p.Run(t.Context(), inputs...)
					if err != nil {
						t.Fatal(err)
					}
					same(t, fmt.Sprint(name, " window ", w, ", head of ", d, ", ", terms), got[0], want[0], bound{2e-6, 1e-5})
				}
			}
		}
	}
}

// micro is a model for tests of programs.
func micro(t *testing.T) (*graph.Graph, modest, [][]float32) {
	t.Helper()
	g, err := swin.Record(config(96, 3, 7), swin.Input{Batch: 2, Height: 61, Width: 45})
	if err != nil {
		t.Fatal(err)
	}
	src := modest{tensors{normal}}
	return g, src, src.inputs(t, g)
}

// TestFusions wants a model in few steps: five for each block, two or three where there are many
// rows for each worker.
func TestFusions(t *testing.T) {
	g, src, _ := micro(t)
	fused := compile(t, g, src, cpu.Best, cpu.Options{Workers: 16}).Stats()
	if few := compile(t, g, src, cpu.Best, cpu.Options{Workers: 1}).Stats(); few.Dispatches != 2+2*2+3*2+1+2 || few.FLOPs != fused.FLOPs {
		t.Errorf("%d steps with %d operations for one worker, want 15 with %d", few.Dispatches, few.FLOPs, fused.FLOPs)
	}
	unfused := compile(t, g, src, cpu.Best, cpu.Options{NoFusion: true}).Stats()
	// Embedding and its norm; five for each of four blocks; one merge; two outputs.
	if fused.Dispatches != 2+5*4+1+2 {
		t.Errorf("%d steps, want 25", fused.Dispatches)
	}
	computed := 0
	for _, n := range g.Nodes {
		if k := graph.Kind(n.Op); k != "param" && k != "input" {
			computed++
		}
	}
	if unfused.Dispatches != computed {
		t.Errorf("%d steps without fusion, the graph has %d operations", unfused.Dispatches, computed)
	}
	if fused.FLOPs != unfused.FLOPs || fused.FLOPs != 2*g.Count().MultiplyAdds {
		t.Errorf("%d and %d floating-point operations, the graph counts %d", fused.FLOPs, unfused.FLOPs, 2*g.Count().MultiplyAdds)
	}
	if fused.ArenaBytes < fused.LiveBytes || 10*fused.ArenaBytes > 11*fused.LiveBytes || fused.ArenaBytes >= unfused.BytesMoved {
		t.Errorf("arena of %d bytes for %d that live", fused.ArenaBytes, fused.LiveBytes)
	}
}

// TestSameBits wants the same bits from any number of workers, with and without reuse of
// memory, after a run whose input was no number, and from runs at the same time.
func TestSameBits(t *testing.T) {
	g, src, inputs := micro(t)
	w, err := cpu.Pack(t.Context(), g, src, cpu.PackOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var want [][]float32
	for _, o := range []cpu.Options{{Workers: 1}, {Workers: 2}, {Workers: 3}, {Workers: 16}, {}, {NoReuse: true}} {
		p, err := cpu.Compile(g, w, o)
		if err != nil {
			t.Fatal(err)
		}
		bad := poison(g, g.Inputs())
		if _, err := p.Run(t.Context(), bad...); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		results := make([][][]float32, 3)
		for i := range results {
			wg.Go(func() {
				var err error
				if results[i], err = p.Run(t.Context(), inputs...); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if want == nil {
			want = results[0]
		}
		for _, r := range results {
			for i := range want {
				same(t, fmt.Sprintf("%+v", o), r[i], want[i], exact)
			}
		}
	}
}

// TestSteadyStateMemory wants a second run to take next to none: what goroutines need.
func TestSteadyStateMemory(t *testing.T) {
	g, src, inputs := micro(t)
	p := compile(t, g, src, cpu.Best, cpu.Options{Workers: 1})
	results := poison(g, g.Outputs)
	run := func() {
		if err := p.RunInto(t.Context(), results, inputs...); err != nil {
			t.Fatal(err)
		}
	}
	run()
	scratch := p.Stats().ScratchBytes
	if n := testing.AllocsPerRun(3, run); n > float64(6*p.Stats().Dispatches) {
		t.Errorf("%v allocations in a run of %d steps", n, p.Stats().Dispatches)
	}
	if now := p.Stats().ScratchBytes; now != scratch || scratch == 0 {
		t.Errorf("the workers' memory grew from %d to %d bytes", scratch, now)
	}
}

// countdown is a context that ends after so many looks at it.
type countdown struct {
	context.Context
	left *atomic.Int64
}

func (c countdown) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// TestCancel wants every moment of a run to end it, and the next run to be right.
func TestCancel(t *testing.T) {
	g, src, inputs := micro(t)
	p := compile(t, g, src, cpu.Best, cpu.Options{Workers: 2})
	want, err := p.Run(t.Context(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	for _, looks := range []int64{0, 1, 2, 10, 100} {
		left := &atomic.Int64{}
		left.Store(looks)
		_, err := p.Run(countdown{t.Context(), left}, inputs...)
		if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "cpu: ") {
			t.Errorf("after %d looks: error %v, want %v", looks, err, context.Canceled)
		}
		if n := left.Load(); n < -6 {
			t.Errorf("after %d looks: %d more looks after the end", looks, -n)
		}
	}
	got, err := p.Run(t.Context(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "after cancelled runs", got[1], want[1], exact)
}

// TestProfile wants a row for each step, in order, with the operations of the graph.
func TestProfile(t *testing.T) {
	g, src, inputs := micro(t)
	p := compile(t, g, src, cpu.Portable, cpu.Options{})
	_, list, err := p.RunProfiled(t.Context(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	s, flops, moved := p.Stats(), int64(0), int64(0)
	for _, r := range list {
		if _, ok := g.Find(r.Path); !ok || r.Duration <= 0 || r.Bytes <= 0 || !strings.HasPrefix(r.Kernel, "cpu.") || !strings.HasSuffix(r.Kernel, ".portable") {
			t.Errorf("row %+v", r)
		}
		flops, moved = flops+r.FLOPs, moved+r.Bytes
	}
	if len(list) != s.Dispatches || flops != s.FLOPs || moved != s.BytesMoved {
		t.Errorf("%d rows with %d operations and %d bytes, want %+v", len(list), flops, moved, s)
	}
	want, err := p.Run(t.Context(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	got, list, err := p.RunProfiled(t.Context(), inputs...)
	if err != nil || len(list) != s.Dispatches {
		t.Fatalf("%d rows, %v", len(list), err)
	}
	for i := range want {
		same(t, "a profiled run", got[i], want[i], exact)
	}
}

// faulty gives the wrong number of elements, or none.
type faulty struct{ err error }

func (f faulty) Tensor(string, []int) ([]float32, error) { return make([]float32, 5), f.err }

// TestRefusals wants errors that say what was wrong, and where.
func TestRefusals(t *testing.T) {
	g, src, inputs := micro(t)
	other, err := swin.Record(config(48, 3, 7), swin.Input{Batch: 1, Height: 61, Width: 45})
	if err != nil {
		t.Fatal(err)
	}
	w, err := cpu.Pack(t.Context(), g, src, cpu.PackOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := cpu.Compile(g, w, cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	lost := errors.New("file is gone")
	for _, c := range []struct {
		name  string
		do    func() error
		is    error
		words []string
	}{
		{"no input", func() error { _, err := p.Run(t.Context()); return err }, graph.ErrShape, []string{"0 slices given as input, want 1"}},
		{"short input", func() error { _, err := p.Run(t.Context(), inputs[0][1:]); return err }, graph.ErrShape,
			[]string{"input: input:", "16469 elements given as input, want 16470 for [2 3 61 45]"}},
		{"no room", func() error { return p.RunInto(t.Context(), nil, inputs...) }, graph.ErrShape, []string{"0 slices given as room for results, want 2"}},
		{"short result", func() error { return p.RunInto(t.Context(), make([][]float32, 2), inputs...) }, graph.ErrShape, []string{"out.0: channelsfirst:", "0 elements given as room for results"}},
		{"profile of a short input", func() error { _, _, err := p.RunProfiled(t.Context(), nil); return err }, graph.ErrShape, []string{"0 elements given"}},
		{"weights of another model", func() error { _, err := cpu.Compile(other, w, cpu.Options{}); return err }, graph.ErrShape,
			[]string{"patch_embed.projection.weight", "[96 3 4 4]", "[48 3 4 4]"}},
		{"short weight", func() error { _, err := cpu.Pack(t.Context(), g, faulty{}, cpu.PackOptions{}); return err }, graph.ErrShape,
			[]string{"patch_embed.projection.weight", "5 elements, want 4608 for [96 3 4 4]"}},
		{"lost weight", func() error { _, err := cpu.Pack(t.Context(), g, faulty{lost}, cpu.PackOptions{}); return err }, lost, []string{"patch_embed.projection.weight"}},
		{"cancelled packing", func() error { _, err := cpu.Pack(ended, g, src, cpu.PackOptions{}); return err }, context.Canceled, []string{"weight"}},
		{"unknown instructions", func() error {
			_, err := cpu.Pack(t.Context(), g, src, cpu.PackOptions{Instructions: "mmx"})
			return err
		}, cpu.ErrInstructions,
			[]string{`"mmx"`, "portable"}},
		{"kept parameter", func() error { _, err := cpu.Compile(g, w, cpu.Options{Keep: g.Params()[:1]}); return err }, nil, []string{"kept"}},
		{"kept nothing", func() error { _, err := cpu.Compile(g, w, cpu.Options{Keep: []graph.ID{1 << 20}}); return err }, nil, []string{"kept"}},
	} {
		err := c.do()
		if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.HasPrefix(err.Error(), "cpu: ") {
			t.Errorf("%s: error %v, want %v", c.name, err, c.is)
			continue
		}
		for _, word := range c.words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q does not say %q", c.name, err, word)
			}
		}
	}
}

// TestKeptInput wants inputs and values that are kept twice.
func TestKeptInput(t *testing.T) {
	g := build(t, unary(func(b *graph.Builder, x graph.Value) graph.Value { return b.GELU(x) }, 3, 5))
	src := tensors{normal}
	inputs := src.inputs(t, g)
	p := compile(t, g, src, cpu.Best, cpu.Options{Keep: []graph.ID{0, 1, 1}})
	got, err := p.Run(t.Context(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "input", got[1], inputs[0], exact)
	same(t, "first", got[2], got[0], exact)
	same(t, "second", got[3], got[0], exact)
}

// TestProgress wants the parameters counted to the last.
func TestProgress(t *testing.T) {
	g, src, _ := micro(t)
	last, sum := int64(0), int64(0)
	_, err := cpu.Pack(t.Context(), g, src, cpu.PackOptions{Progress: func(done, total int64) {
		if done < last {
			t.Errorf("%d after %d", done, last)
		}
		last, sum = done, total
	}})
	if err != nil || last != sum || sum != g.Count().Parameters {
		t.Errorf("%d of %d, want %d; error %v", last, sum, g.Count().Parameters, err)
	}
}

// TestRaggedSameBits wants of a value that is no whole number of chunks the same bits from any number of workers: an element is
// computed in one way, whatever task it falls to.
func TestRaggedSameBits(t *testing.T) {
	b := graph.NewBuilder()
	x := b.In("x").Input(1, 5, 16385)
	b.Output(b.In("gelu").GELU(x), b.In("clamp").Clamp(x, 0.5))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	in := make([]float32, 5*16385)
	for i := range in {
		in[i] = float32(i%4001)/500 - 4
	}
	var want [][]float32
	for _, workers := range []int{1, 2, 4} {
		p := compile(t, g, nil, cpu.Best, cpu.Options{Workers: workers})
		got, err := p.Run(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		for i := range want {
			same(t, fmt.Sprint(g.Nodes[g.Outputs[i]].Path, " of ", workers, " workers"), got[i], want[i], exact)
		}
	}
}
