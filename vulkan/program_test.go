package vulkan_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/vulkan"
)

func TestClose(t *testing.T) {
	d := device(t)
	g := build(t, func(b *graph.Builder) { b.Output(b.In("y").Linear(b.In("x").Input(3, 8), 8, graph.WithBias)) })
	s := tensors{seed}
	compileOnce := func() *vulkan.Weights {
		w, err := vulkan.Upload(t.Context(), d, g, s, vulkan.UploadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := vulkan.Compile(t.Context(), d, g, w, vulkan.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err == nil {
			t.Error("weights closed under an open program")
		}
		if _, err := vulkan.Compile(t.Context(), d, g, w, vulkan.Options{}); !errors.Is(err, vulkan.ErrClosed) {
			t.Errorf("compile with closed weights: %v", err)
		}
		for range 2 {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := p.Run(t.Context(), given(s.inputs(g))...); !errors.Is(err, vulkan.ErrClosed) {
			t.Errorf("run after close: %v", err)
		}
		if _, _, err := p.RunProfiled(t.Context(), given(s.inputs(g))...); !errors.Is(err, vulkan.ErrClosed) {
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
	g, p := lasting(t, d, 200*time.Millisecond)
	s := tensors{seed}
	in := s.inputs(g)
	start := time.Now()
	want := run(t, p, in...)
	long := time.Since(start)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Run(ctx, given(in)...); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(min(long/20, 20*time.Millisecond), cancel)
	start = time.Now()
	_, err := p.Run(ctx, given(in)...)
	t.Logf("a run takes %v; cancelled, it returned after %v", long, time.Since(start))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled during the run: %v", err)
	}
	same(t, "after cancellation", run(t, p, in...), want)
	if _, err := vulkan.Upload(ctx, d, g, s, vulkan.UploadOptions{}); !errors.Is(err, context.Canceled) {
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
	s := tensors{seed}
	p := compile(t, d, g, s, vulkan.Options{})
	x := make([]float32, 24)
	for name, inputs := range map[string][][]float32{"none": {}, "two": {x, x}, "short": {x[:23]}, "long": {append(x, 1)}, "nil": {nil}} {
		if _, err := p.Run(t.Context(), given(inputs)...); !errors.Is(err, graph.ErrShape) {
			t.Errorf("inputs %s: %v", name, err)
		}
	}
	if err := p.RunInto(t.Context(), nil, vulkan.Input{Host: x}); !errors.Is(err, graph.ErrShape) {
		t.Errorf("no outputs: %v", err)
	}
	if err := p.RunInto(t.Context(), [][]float32{x[:3]}, vulkan.Input{Host: x}); !errors.Is(err, graph.ErrShape) {
		t.Errorf("a short output: %v", err)
	}
	w, err := vulkan.Upload(t.Context(), d, g, s, vulkan.UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, w)
	_, err = vulkan.Compile(t.Context(), d, other, w, vulkan.Options{})
	for _, part := range []string{"y.weight", "n.weight is missing", "n.bias is missing", "[8 8]", "[8 12]"} {
		if err == nil || !errors.Is(err, graph.ErrShape) || !strings.Contains(err.Error(), part) {
			t.Errorf("weights of another model, want %q: %v", part, err)
		}
	}
	if _, err := vulkan.Upload(t.Context(), d, g, tensors{seed}, vulkan.UploadOptions{Variant: "fast"}); err == nil || !strings.Contains(err.Error(), "fast") {
		t.Errorf("unknown variant: %v", err)
	}
	broken := errors.New("disk on fire")
	if _, err := vulkan.Upload(t.Context(), d, g, failing{broken}, vulkan.UploadOptions{}); !errors.Is(err, broken) || !strings.Contains(err.Error(), "y.weight") {
		t.Errorf("a source that fails: %v", err)
	}
	if _, err := vulkan.Upload(t.Context(), d, g, failing{}, vulkan.UploadOptions{}); !errors.Is(err, graph.ErrShape) {
		t.Errorf("a source that gives too little: %v", err)
	}
}

// failing is a source without weights.
type failing struct{ err error }

// Tensor implements [vulkan.Source].
func (f failing) Tensor(string, []int) ([]float32, error) { return nil, f.err }

// TestTooLarge asks for more memory than any device gives in one piece.
func TestTooLarge(t *testing.T) {
	d := device(t)
	g := build(t, func(b *graph.Builder) { b.Output(b.In("y").GELU(b.In("x").Input(1<<20, 1<<20))) })
	w, err := vulkan.Upload(t.Context(), d, g, failing{}, vulkan.UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, w)
	before := d.LiveByKind()
	_, err = vulkan.Compile(t.Context(), d, g, w, vulkan.Options{})
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
	s := tensors{seed}
	p := compile(t, d, g, s, vulkan.Options{NoFusion: true})
	got, times, err := p.RunProfiled(t.Context(), given(s.inputs(g))...)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "a profiled run", got, run(t, p, s.inputs(g)...))
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
}
