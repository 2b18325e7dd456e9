package glipvk_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
)

// TestDetectorNonFinite requires that weights which are no numbers, or lead to none, are
// named, where they are loaded or by the value that they spoil: on the picture's side, in the
// text encoder, in the tower and in each branch of the head.
func TestDetectorNonFinite(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	nan, most := float32(math.NaN()), float32(math.MaxFloat32)
	cases := []struct {
		tensor string
		value  float32
		allow  bool
		words  []string
	}{
		{"backbone.fpn.fpn_inner2.weight", nan, false, []string{"backbone.fpn.fpn_inner2.weight"}},
		{"backbone.fpn.fpn_inner2.weight", nan, true, []string{"map P3 of a picture"}},
		{"backbone.fpn.top_blocks.p7.weight", nan, true, []string{"map P7 of a picture"}},
		{"encoder.layer.0.output.dense.bias", nan, true, []string{"encoded caption"}},
		{"rpn.head.dyhead_tower.2.DyConv.1.conv.weight", nan, true, []string{"rpn.head."}},
		{"rpn.head.bbox_pred.bias", nan, true, []string{"rpn.head.bbox"}},
		{"rpn.head.centerness.bias", nan, true, []string{"rpn.head.centerness"}},
		{"rpn.head.dot_product_projection_text.bias", nan, true, []string{"rpn.head.dot"}},
		{"backbone.body.norm1.weight", most, false, []string{"map P3 of a picture"}},
	}
	onEach(t, func(t *testing.T, device string) {
		for i, tc := range cases {
			if device == "vulkan" && i != 1 && i != 4 && i != 5 || device == "reference" && i%2 == 0 {
				continue // the graphs are the same for all
			}
			o := c.options()
			o.Device, o.AllowNonFinite, o.Weights, o.Tuning.Off = device, tc.allow, damaged(t, tc.tensor, tc.value), true
			d, err := glipvk.OpenDetector(t.Context(), "", o)
			if err == nil {
				var found [][]glipvk.Detection
				if found, err = d.Detect(t.Context(), c.query, c.photo()); err == nil {
					t.Errorf("%s %v: %d detections and no error", tc.tensor, tc.value, len(found[0]))
				}
				if err := d.Close(); err != nil {
					t.Error(err)
				}
			}
			if !errors.Is(err, glipvk.ErrInput) {
				t.Errorf("%s %v: got %v", tc.tensor, tc.value, err)
				continue
			}
			for _, word := range append(tc.words, "damaged.safetensors", "finite") {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%s %v: %q is not in the error: %v", tc.tensor, tc.value, word, err)
				}
			}
		}
	})
}

// TestBackboneNonFinite: finite weights whose maps are no numbers are an error that names the map,
// of every verb and in a stream of that element; who allows them gets them.
func TestBackboneNonFinite(t *testing.T) {
	c := tinyCases(t)["tiny.caption"]
	onEach(t, func(t *testing.T, device string) {
		o := glipvk.BackboneOptions{Arch: &c.config.Backbone, PadSmallMap: true, Options: glipvk.Options{
			Device: device, Weights: damaged(t, "backbone.body.norm2.weight", math.MaxFloat32),
		}}
		m := open(t, o)
		x := tensor(1, 64, 96, 1)
		_, extracted := m.ExtractInput(t.Context(), x)
		_, _, tapped := m.Taps(t.Context(), x, "stages.0.**")
		var streamed error
		for _, err := range m.Stream(t.Context(), elements(gives(x)), glipvk.StreamOptions{}) {
			streamed = err
		}
		for i, err := range []error{extracted, tapped, streamed} {
			if !errors.Is(err, glipvk.ErrInput) || !strings.Contains(err.Error(), "map stage2") || !strings.Contains(err.Error(), "damaged.safetensors") {
				t.Errorf("call %d: got %v", i, err)
			}
		}
		o.AllowNonFinite = true
		f := extract(t, open(t, o), x)
		var sum float32
		for _, v := range f[1].Data {
			sum += v * 0
		}
		if sum == 0 {
			t.Error("the maps are finite: the test tests nothing")
		}
	})
}
