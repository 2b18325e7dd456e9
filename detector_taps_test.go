package glipvk_test

import (
	"slices"
	"testing"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/internal/compare"
	"github.com/glipvk/glipvk/picture"
)

// TestDetectorTapsInside keeps all values of the head, those inside the cross attention too, whose weights are loaded for its absorbed
// form: each has to be the reference's, and what was loaded for a call is given back.
func TestDetectorTapsInside(t *testing.T) {
	const every, one = "rpn.head.**", "rpn.head.dyhead_tower.3.b_attn.**"
	c := tinyCases(t)["tiny.caption"]
	oracle := openTiny(t, c, on("reference"))
	in := preprocess(t, oracle, c.photo())
	want := taps(t, oracle, c.query, in, every)
	inside := taps(t, oracle, c.query, in, one)
	onEach(t, func(t *testing.T, device string) {
		d := openTiny(t, c, on(device))
		sameMaps(t, d, taps(t, d, c.query, in, every), want)
		sameMaps(t, d, taps(t, d, c.query, in, one), inside)
		live := d.Executor().Live() // shaders stay, once they are compiled
		sameMaps(t, d, taps(t, d, c.query, in, one), inside)
		if after := d.Executor().Live(); after != live {
			t.Errorf("%d Vulkan objects before a call, %d after it", live, after)
		}
		if found := detect(t, d, c.photo(), c.query); differ(found, c.golden(t), exact) != "" {
			t.Error("after taps other detections")
		}
	})
}

// taps are the values inside a detector that a glob matches.
func taps(t *testing.T, d *glipvk.Detector, q glipvk.Query, in picture.Input, glob string) []glipvk.Map {
	t.Helper()
	maps, err := d.Taps(t.Context(), q, in, glob)
	if err != nil {
		t.Fatal(err)
	}
	return maps
}

// sameMaps requires maps of the same names and shapes, within a detector's bounds.
func sameMaps(t *testing.T, d *glipvk.Detector, got, want []glipvk.Map) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	for i, w := range want {
		if got[i].Name != w.Name || !slices.Equal(got[i].Shape, w.Shape) {
			t.Fatalf("value %d is %s %v, want %s %v", i, got[i].Name, got[i].Shape, w.Name, w.Shape)
		}
		if r := compare.Values(w.Name, got[i].Data, w.Data).Within(glipvk.DetectorBounds(w.Name, d.Device().Precision)); !r.OK() {
			t.Error(r)
		}
	}
}
