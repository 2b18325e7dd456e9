package vulkan_test

import (
	"fmt"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/vulkan"
)

// TestSteadyState: a run into the caller's memory allocates nothing in Go and makes no Vulkan
// object, on memory that the host shares and on memory that it does not, before and after two
// callers at a time.
func TestSteadyState(t *testing.T) {
	for name, staging := range map[string]bool{"as the device is": false, "staged": true} {
		t.Run(name, func(t *testing.T) {
			d := openWith(t, func(o *engine.Options) { o.Validation, o.ForceStaging = false, staging })
			g := lanesGraph(t)
			p := compile(t, d, g, tensors{seed}, vulkan.Options{})
			in, got := given(seeded(g, 0)), room(p)
			ctx := t.Context()
			steady := func(what string) {
				t.Helper()
				want := run(t, p, seeded(g, 0)...)
				live := fmt.Sprint(d.LiveByKind())
				var err error
				allocs := testing.AllocsPerRun(50, func() {
					if e := p.RunInto(ctx, got, in...); e != nil {
						err = e
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				if allocs != 0 {
					t.Errorf("%s: %v allocations a run", what, allocs)
				}
				if after := fmt.Sprint(d.LiveByKind()); after != live {
					t.Errorf("%s: objects before %v, after %v", what, live, after)
				}
				same(t, what, got, want)
			}
			steady("alone")
			together(t, p, g, room(p))
			steady("after two at a time")
		})
	}
}

// TestHalfTakesHalf: in precision f16 the matrices of linears take half the memory, what is not a
// matrix, or whose rows are no whole vec4s, as much as before; the values between products take less.
func TestHalfTakesHalf(t *testing.T) {
	d := device(t)
	if got, why, err := kernels.Settle(d.Info(), kernels.F16); err != nil || got != kernels.F16 {
		t.Skipf("no f16 on this device: %s (%v)", why, err)
	}
	g := build(t, func(b *graph.Builder) {
		x := b.In("norm").LayerNorm(b.In("x").Input(64, 96), 1e-5)
		h := b.In("h").GELU(b.In("fc1").Linear(x, 384, graph.WithBias))
		b.Output(b.In("odd").Linear(b.In("fc2").Linear(h, 96, graph.WithBias), 10, graph.NoBias))
	})
	bytes, arena := map[kernels.Precision]int64{}, map[kernels.Precision]int64{}
	for _, precision := range []kernels.Precision{kernels.F32, kernels.F16} {
		w, err := vulkan.Upload(t.Context(), d, g, tensors{seed}, vulkan.UploadOptions{Precision: precision})
		if err != nil {
			t.Fatal(err)
		}
		closing(t, w)
		if w.Precision() != precision {
			t.Errorf("wanted %s, got %s", precision, w.Precision())
		}
		p := program(t, d, g, w, vulkan.Options{})
		bytes[precision], arena[precision] = w.Bytes(), p.Stats().ArenaBytes
		if s := p.Stats(); s.WeightBytes != w.Bytes() {
			t.Errorf("%s: the program's weights take %d bytes, uploaded were %d", precision, s.WeightBytes, w.Bytes())
		}
	}
	const matrices = 2 * 96 * 384
	if want := int64(4 * (matrices + 10*96 + 2*96 + 384 + 96)); bytes[kernels.F32] != want {
		t.Errorf("f32: weights of %d bytes, want %d", bytes[kernels.F32], want)
	}
	if saved := bytes[kernels.F32] - bytes[kernels.F16]; saved != 2*matrices {
		t.Errorf("f16 saves %d bytes of weights, want %d", saved, 2*matrices)
	}
	if arena[kernels.F16] >= arena[kernels.F32] {
		t.Errorf("arenas: f16 %d bytes, f32 %d", arena[kernels.F16], arena[kernels.F32])
	}
}
