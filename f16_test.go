package glipvk_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
)

// TestVerifyHalf requires of Verify in f16 that it compares boxes too: those that were found pass,
// those that are read by a wrong offset do not, nor do wrong scores or a list with some left
// out. The maps of so small a network are moved by more than f16 is allowed, see
// [glipvk.Precision.Bounds], and are not asked about here.
func TestVerifyHalf(t *testing.T) {
	asksReference(t)
	for _, id := range []string{"tiny.caption", "tiny.resize"} {
		c := tinyCases(t)[id]
		d := openTiny(t, c, func(o *glipvk.DetectorOptions) {
			o.Device, o.Precision, o.Threshold = vulkanDevice(t), glipvk.F16, 0.1
		})
		if d.Device().Precision != glipvk.F16 {
			t.Fatalf("a Vulkan device computes in %s: %s", d.Device().Precision, d.Device().PrecisionReason) // every one can do f16
		}
		in := preprocess(t, d, c.photo())
		found := detect(t, d, c.photo(), c.query)
		for name, tc := range map[string]struct {
			change func(*glipvk.Detection)
			same   bool
		}{
			"as found":     {func(*glipvk.Detection) {}, true},
			"wrong offset": {func(x *glipvk.Detection) { x.Box.X1, x.Box.X2 = x.Box.X1+4, x.Box.X2+4 }, false},
			"wrong scores": {func(x *glipvk.Detection) { x.Score += 0.06 }, false},
			"wrong labels": {func(x *glipvk.Detection) { x.Label = 1 + x.Label%2 }, false},
			"none":         {nil, false},
		} {
			list := slices.Clone(found)
			if tc.change == nil {
				list = nil
			}
			for i := range list {
				tc.change(&list[i])
			}
			differences, err := d.Verify(t.Context(), c.query, in, lists(list))
			if err != nil {
				t.Fatal(err)
			}
			same, compared := true, 0
			for _, x := range differences {
				if strings.Contains(x.Name, "detections") {
					compared++
					same = same && x.OK()
				}
			}
			if compared != 2 || same != tc.same {
				t.Errorf("%s, %s: %d comparisons of boxes, said to be the same: %v", id, name, compared, same)
			}
		}
	}
}
