package glipvk_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk"
)

func TestZZ(t *testing.T) {
	for _, id := range []string{"tiny.caption", "tiny.resize", "tiny_a.caption"} {
	c := tinyCases(t)[id]
	d := openTiny(t, c, func(o *glipvk.DetectorOptions) { o.Device, o.Precision = vulkanDevice(t), glipvk.F16; o.Threshold = 0.1 })
	in := preprocess(t, d, c.photo())
	found, err := d.DetectInput(t.Context(), c.query, in)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(l []glipvk.Detection) {
		list, err := d.Verify(t.Context(), c.query, in, lists(l))
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range list {
			if !x.OK() || strings.Contains(x.Name, "detections") {
				t.Logf("%s ok=%v missing %d l2 %g max %g of %g", x.Name, x.OK(), x.Missing, x.RelativeL2, x.MaxAbs, x.AbsMax)
			}
		}
	}
	verify(found[0])
	l := slices.Clone(found[0])
	for i := range l { l[i].Box.X1 += 4; l[i].Box.X2 += 4 }
	verify(l)
	}
}
