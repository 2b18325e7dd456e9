package difftest

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/vulkan"
)

// Vulkan executes on package vulkan. With fusion on, outputs of the graph are taken
// from a program that keeps nothing else, so that every rewrite is at work; other taps
// come from a second program that keeps them.
type Vulkan struct {
	Device  *engine.Device
	Title   string
	Upload  vulkan.UploadOptions
	Options vulkan.Options // Keep is set by Run, and nothing is tuned: tiles are the same in every run
}

// Name implements [Executor].
func (v Vulkan) Name() string { return v.Title }

// Run implements [Executor].
func (v Vulkan) Run(ctx context.Context, g *graph.Graph, w Weights, inputs [][]float32, taps []graph.ID) (values [][]float32, err error) {
	weights, err := vulkan.Upload(ctx, v.Device, g, w, v.Upload)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, weights.Close()) }()
	var inner []graph.ID
	for _, id := range taps {
		if (v.Options.NoFusion || !slices.Contains(g.Outputs, id)) && !slices.Contains(inner, id) {
			inner = append(inner, id)
		}
	}
	outer := func(id graph.ID) bool { return slices.Contains(g.Outputs, id) }
	found := map[graph.ID][]float32{}
	for _, keep := range [][]graph.ID{nil, inner} {
		if keep == nil && (v.Options.NoFusion || !slices.ContainsFunc(taps, outer)) || keep != nil && len(keep) == 0 {
			continue
		}
		if err := v.run(ctx, g, weights, inputs, keep, found); err != nil {
			return nil, err
		}
	}
	for _, id := range taps {
		values = append(values, found[id])
	}
	return values, nil
}

// run compiles and runs one program, and adds what it returned to found. A value found
// before is not replaced.
func (v Vulkan) run(ctx context.Context, g *graph.Graph, w *vulkan.Weights, inputs [][]float32, keep []graph.ID, found map[graph.ID][]float32) (err error) {
	o := v.Options
	o.Keep, o.Tuning.Off = keep, true
	p, err := vulkan.Compile(ctx, v.Device, g, w, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	in := make([]vulkan.Input, len(inputs))
	for i, x := range inputs {
		in[i].Host = x
	}
	var results [][]float32
	for _, id := range append(slices.Clone(g.Outputs), keep...) {
		results = append(results, make([]float32, g.Nodes[id].Shape.Elements()))
	}
	if err := p.RunInto(ctx, results, in...); err != nil {
		return err
	}
	for i, id := range append(slices.Clone(g.Outputs), keep...) {
		if _, ok := found[id]; !ok {
			found[id] = results[i]
		}
	}
	return nil
}

// OpenDevice opens the device that tests run on, with validation and synchronization
// validation, and closes it with the test, which fails if any Vulkan object is left.
// Without a device the test is skipped; under REQUIRE_VULKAN=1 it fails.
func OpenDevice(tb testing.TB, o engine.Options) *engine.Device {
	tb.Helper()
	o.Validation = true
	d, err := engine.Open(o)
	if err != nil {
		if os.Getenv("REQUIRE_VULKAN") == "1" {
			tb.Fatalf("REQUIRE_VULKAN is 1: %v", err)
		}
		tb.Skipf("no Vulkan: %v", err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Errorf("closing the device: %v", err)
		}
		if n := d.Live(); n != 0 {
			tb.Errorf("%d Vulkan objects are left after Close", n)
		}
	})
	return d
}
