package vulkan_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/vulkan"
)

// TestValues hands the results of one program to the next without the host, beside inputs of the
// host, alone and while others run; nothing is left of values that were closed.
func TestValues(t *testing.T) {
	memories(t, func(t *testing.T, d *engine.Device) {
		g := lanesGraph(t)
		p := compile(t, d, g, tensors{seed}, vulkan.Options{})
		in := seeded(g, 0)
		once := run(t, p, in...)
		want := run(t, p, once[0], in[1])
		chained := func() error {
			values, err := p.Run(t.Context(), given(in)...)
			if err != nil {
				return err
			}
			got := room(p)
			if err := values[1].Download(t.Context(), got[1]); err != nil {
				return err
			}
			same(t, "a result", got[1:], once[1:])
			if n := values[0].Bytes(); n != int64(4*len(once[0])) {
				t.Errorf("a value of %d bytes", n)
			}
			second, err := p.Run(t.Context(), vulkan.Input{Value: values[0]}, vulkan.Input{Host: in[1]})
			if err != nil {
				return err
			}
			err = errors.Join(values[0].Close(), values[1].Close(), downloaded(t, second, got))
			same(t, "a run on a value", got, want)
			return err
		}
		if err := chained(); err != nil {
			t.Fatal(err)
		}
		before := d.LiveByKind()
		if err := chained(); err != nil {
			t.Fatal(err)
		}
		if after := d.LiveByKind(); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("objects before %v, after %v", before, after)
		}
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for range 3 {
					if err := chained(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
	})
}

// TestValueMisuse: wrong sizes, both kinds of input at once, other devices, and what is closed already.
func TestValueMisuse(t *testing.T) {
	d := device(t)
	other := openWith(t, func(*engine.Options) {})
	g := build(t, func(b *graph.Builder) { b.Output(b.In("y").GELU(b.In("x").Input(3, 8))) })
	p := compile(t, d, g, tensors{seed}, vulkan.Options{})
	x := make([]float32, 24)
	value := func(d *engine.Device, n int) *vulkan.Value {
		v, err := vulkan.NewValue(t.Context(), d, x[:n])
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	good, short, foreign := value(d, 24), value(d, 23), value(other, 24)
	for name, in := range map[string]vulkan.Input{"short": {Value: short}, "both": {Host: x, Value: good}, "foreign": {Value: foreign}, "neither": {}} {
		if _, err := p.Run(t.Context(), in); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := good.Download(t.Context(), x[:23]); !errors.Is(err, graph.ErrShape) {
		t.Errorf("room for less: %v", err)
	}
	if err := good.Retain().Close(); err != nil {
		t.Error(err)
	}
	for _, v := range []*vulkan.Value{good, short, foreign} {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
		if err := v.Close(); !errors.Is(err, vulkan.ErrClosed) {
			t.Errorf("closed twice: %v", err)
		}
	}
	if err := good.Download(t.Context(), x); !errors.Is(err, vulkan.ErrClosed) {
		t.Errorf("download of a closed value: %v", err)
	}
	if _, err := p.Run(t.Context(), vulkan.Input{Value: good}); !errors.Is(err, vulkan.ErrClosed) {
		t.Errorf("run on a closed value: %v", err)
	}
	if _, err := vulkan.NewValue(t.Context(), d, nil); err == nil {
		t.Error("a value of nothing")
	}
}

// TestRunOver: results in place of inputs, alone and where the host does not see the arena; values that do not fit, that
// are closed or that are none are refused.
func TestRunOver(t *testing.T) {
	memories(t, func(t *testing.T, d *engine.Device) {
		g := build(t, func(b *graph.Builder) { b.Output(b.In("twice").Scale(b.In("x").Input(3, 40), 2)) })
		p := compile(t, d, g, tensors{seed}, vulkan.Options{})
		data := slices.Repeat([]float32{1}, 120)
		v, err := vulkan.NewValue(t.Context(), d, data)
		need(t, err)
		before := fmt.Sprint(d.LiveByKind())
		for range 4 {
			need(t, p.RunOver(t.Context(), []*vulkan.Value{v}, vulkan.Input{Value: v}))
		}
		if after := fmt.Sprint(d.LiveByKind()); after != before {
			t.Errorf("objects before %v, after %v", before, after)
		}
		got := make([]float32, 120)
		need(t, v.Download(t.Context(), got))
		same(t, "doubled four times", [][]float32{got}, [][]float32{slices.Repeat([]float32{16}, 120)})
		small, err := vulkan.NewValue(t.Context(), d, data[:7])
		need(t, err)
		need(t, small.Close())
		for _, wrong := range [][]*vulkan.Value{nil, {nil}, {small}, {v, v}} {
			if err := p.RunOver(t.Context(), wrong, vulkan.Input{Host: data}); err == nil {
				t.Errorf("%d values were written over", len(wrong))
			}
		}
		need(t, v.Close())
		if err := p.RunOver(t.Context(), []*vulkan.Value{v}, vulkan.Input{Host: data}); !errors.Is(err, vulkan.ErrClosed) {
			t.Errorf("a closed value: %v", err)
		}
	})
}

// TestValueOfLeftRun: a value that a run was given lives as long as the device uses it,
// although its owner and the caller have gone.
func TestValueOfLeftRun(t *testing.T) {
	memories(t, func(t *testing.T, d *engine.Device) {
		g, p := lasting(t, d, 200*time.Millisecond)
		want := run(t, p, seeded(g, 0)...)
		before := d.LiveByKind()["buffer"]
		for range 2 {
			v, err := vulkan.NewValue(t.Context(), d, seeded(g, 0)[0])
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			_, err = p.Run(ctx, vulkan.Input{Value: v})
			cancel()
			if err := v.Close(); err != nil {
				t.Error(err)
			}
			t.Logf("left with %v", err)
		}
		same(t, "after runs that were left", run(t, p, seeded(g, 0)...), want)
		if after := d.LiveByKind()["buffer"]; after > before+2 { // what passes inputs and results
			t.Errorf("%d buffers before, %d after", before, after)
		}
	})
}

// large is a source whose every element is the same.
type large float32

// Tensor implements [vulkan.Source].
func (x large) Tensor(_ string, shape []int) ([]float32, error) {
	return slices.Repeat([]float32{float32(x)}, graph.Shape(shape).Elements()), nil
}

// TestHalfWeightsAreFinite: a matrix that 16 bits cannot hold is refused by name, not made infinite.
func TestHalfWeightsAreFinite(t *testing.T) {
	d := device(t)
	g := build(t, func(b *graph.Builder) { b.Output(b.In("y").Linear(b.In("x").Input(3, 8), 8, graph.WithBias)) })
	for _, c := range []struct {
		x    large
		half bool
		ok   bool
	}{{65504, true, true}, {-65505, true, false}, {7e4, true, false}, {7e4, false, true}} {
		o := vulkan.UploadOptions{}
		if c.half {
			o.Precision = kernels.F16
		}
		w, err := vulkan.Upload(t.Context(), d, g, c.x, o)
		if (err == nil) != c.ok {
			t.Errorf("%v, f16 %v: %v", c.x, c.half, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "y.weight") || !strings.Contains(err.Error(), "f32")) {
			t.Errorf("the error names neither tensor nor remedy: %v", err)
		}
		if w != nil {
			closing(t, w)
		}
	}
}
