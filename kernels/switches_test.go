package kernels_test

import (
	"fmt"
	"testing"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/synthetic"
	"github.com/glipvk/glipvk/vulkan"
)

// switched is a model that is run in every way there is.
type switched struct {
	g        *graph.Graph
	s        vulkan.Source
	in       [][]float32
	want     [][]float32
	near     bound // of f32
	nearHalf bound // of f16: whole maps as promised, single elements may be further off
}

// TestSwitches runs one model in every style that the device can run, in both precisions, joined
// and apart, with and without reuse of the arena, over NaN and three times: runs are equal bit for
// bit, reuse or not too, and joined or apart both are as near to the oracle as their precision
// allows. The model is a whole Swin, but one block of it for styles that no device gets
// without being asked, whose pipelines a software driver compiles for long.
func TestSwitches(t *testing.T) {
	d := device(t)
	whole := wholeSwin(t)
	g, s := build(t, block(12, 8, 24, 3, 4, 2)), tensors{uniform, seed}
	one := switched{g: g, s: s, in: s.inputs(g), want: oracle(t, g, s), near: joinedBound.times(4), nearHalf: halfBound.times(4)}
	for name, style := range kernels.Styles() {
		for _, precision := range []kernels.Precision{kernels.F32, kernels.F16} {
			t.Run(name+"/"+string(precision), func(t *testing.T) {
				if !style.Runs(d.Info()) {
					t.Skip("not on this device")
				}
				m := whole
				if name == "direct" {
					m = one
				}
				m.run(t, d, styled(vulkan.UploadOptions{Precision: precision}, style))
			})
		}
	}
	t.Run("the device's own coop/f16", func(t *testing.T) {
		if err := refuses(d.Info(), "coop"); err != nil {
			t.Skipf("not on this device: %v", err)
		}
		whole.run(t, d, vulkan.UploadOptions{Precision: kernels.F16, Variant: "coop"})
	})
}

func wholeSwin(t *testing.T) switched {
	g := micro(t, 4, 61, 45, 1)
	in := synthetic.Input(1, 61, 45, 1)
	return switched{g: g, s: synthetic.Weights{Seed: 11}, in: [][]float32{in}, want: oracleOf(t, g, in), near: whole, nearHalf: bound{each: 4e-3, rms: 1e-2, l2: 2e-3}}
}

func (m switched) run(t *testing.T, d *engine.Device, u vulkan.UploadOptions) {
	w, err := vulkan.Upload(t.Context(), d, m.g, m.s, u)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, w)
	if w.Precision() != u.Precision {
		t.Skipf("the device has no %s", u.Precision)
	}
	near := m.near
	if u.Precision == kernels.F16 {
		near = m.nearHalf
	}
	var dispatches []int
	for _, apart := range []bool{false, true} {
		var first [][]float32
		for _, noReuse := range []bool{false, true} {
			what := fmt.Sprintf("apart %v, without reuse %v", apart, noReuse)
			p := program(t, d, m.g, w, vulkan.Options{NoFusion: apart, NoReuse: noReuse})
			if first == nil {
				first = run(t, p, m.in...)
				dispatches = append(dispatches, p.Stats().Dispatches)
			}
			for range 2 {
				same(t, what, run(t, p, m.in...), first)
			}
		}
		for i := range m.want {
			if err := near.check(first[i], m.want[i]); err != nil {
				t.Errorf("apart %v: %s: %v", apart, m.g.Nodes[m.g.Outputs[i]].Path, err)
			}
		}
	}
	if dispatches[0] >= dispatches[1] {
		t.Errorf("%d dispatches joined, %d apart", dispatches[0], dispatches[1])
	}
}
