package vulkan_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/vulkan"
)

// TestOtherwise wants a graph that reads a weight in another way than it was uploaded for to be refused without a source and computed
// with one, by a program that gives back what it uploaded.
func TestOtherwise(t *testing.T) {
	d := device(t)
	linear := build(t, func(b *graph.Builder) { b.Output(b.In("y").Linear(b.In("x").Input(3, 8), 8, graph.WithBias)) })
	g := build(t, func(b *graph.Builder) {
		b.Output(b.In("g").GELU(b.In("y").Param("weight", 8, 8)), b.In("y").Linear(b.In("x").Input(3, 8), 8, graph.WithBias))
	})
	s := tensors{seed}
	w := upload(t, d, linear, s, vulkan.UploadOptions{})
	if _, err := vulkan.Compile(t.Context(), d, g, w, vulkan.Options{}); !errors.Is(err, graph.ErrShape) || !strings.Contains(err.Error(), `y.weight is packed as "a linear"`) {
		t.Errorf("without a source: %v", err)
	}
	lost := errors.New("file is gone")
	if _, err := vulkan.Compile(t.Context(), d, g, w, vulkan.Options{Source: failing{lost}, Tuning: vulkan.Tuning{Off: true}}); !errors.Is(err, lost) {
		t.Errorf("a lost file: %v", err)
	}
	run(t, program(t, d, linear, w, vulkan.Options{}), s.inputs(linear)...)
	var before string
	for range 2 { // shaders stay, once they are compiled
		o := vulkan.Options{Source: s, Tuning: vulkan.Tuning{Off: true}}
		plan, err := vulkan.Prepare(t.Context(), d, g, w, o)
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Compile(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		near(t, "of both ways", run(t, p, s.inputs(g)...), oracle(t, g, s))
		if own := p.Stats().WeightBytes - w.Bytes(); own != 4*8*8 || plan.Bytes() < own+p.Stats().ArenaBytes {
			t.Errorf("%d bytes of weights besides, want %d; the plan says %d in all", own, 4*8*8, plan.Bytes())
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		after := fmt.Sprint(d.LiveByKind())
		if before != "" && after != before {
			t.Errorf("objects before %v, after %v", before, after)
		}
		before = after
	}
}
