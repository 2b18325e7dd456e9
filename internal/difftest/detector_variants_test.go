package difftest_test

import (
	"strings"
	"testing"

	"github.com/glipvk/glipvk/internal/difftest"
)

// TestDetectorBoundsRejectVariants checks by the recorded distances that every deliberate mistake is
// rejected by some case that TestCommittedDetectorGolden runs, also where our own error takes
// as much back as the bound allows, and that PyTorch's own float32 is accepted.
func TestDetectorBoundsRejectVariants(t *testing.T) {
	set := difftest.CommittedDetector(t)
	tiny := set.Case(t, "tiny.caption")
	if len(set.Variants) < 72 {
		t.Errorf("%d variants, want 72", len(set.Variants))
	}
	for _, v := range set.Variants {
		var by []string
		c := set.Case(t, v.Case)
		for key, d := range v.Distance {
			if bound := boundOf(t, c, key); d.Max > 2*bound {
				by = append(by, key)
			}
		}
		if v.List != nil && tells(*v.List) {
			by = append(by, "detections")
		}
		if v.Tiny != nil && tells(*v.Tiny) {
			by = append(by, tiny.ID)
		}
		if len(by) == 0 {
			t.Errorf("%s: nothing rejects %q: %+v", v.Case, v.Name, v)
		}
	}
	for _, c := range set.Cases {
		if c.FloatRun != nil && !c.FloatRun.OK() {
			t.Errorf("%s: PyTorch's own float32 is rejected: %s", c.ID, c.FloatRun)
		}
	}
}

// tells says whether a list is so far off that no honest error makes it the right one.
func tells(d difftest.ListDistance) bool {
	return d.First > 0 || d.Second > 0 || d.Box > 2*difftest.BoxTolerance || d.Score > 2*difftest.ScoreTolerance
}

// boundOf is the largest difference that is accepted in the tensors of a key: that of its name, or
// all whose name is the key and a number.
func boundOf(t *testing.T, c *difftest.DetectorCase, key string) float64 {
	t.Helper()
	bound, found := 0.0, 0
	for _, tensor := range tensorsOf(c, key) {
		if tensor.F32 == nil && key != "image" {
			t.Fatalf("%s: %s has no float32 distance", c.ID, tensor.Name)
		}
		bound, found = max(bound, tensor.Tolerance().Absolute), found+1
	}
	if found == 0 {
		t.Fatalf("%s has no tensor %s", c.ID, key)
	}
	return bound
}

func tensorsOf(c *difftest.DetectorCase, key string) (list []difftest.Tensor) {
	if tensor, ok := c.Tensor(key); ok {
		return append(list, tensor)
	}
	for _, tensor := range c.Tensors {
		if tensor.Role == "output" && strings.Trim(strings.TrimPrefix(tensor.Name, key), "0123456789") == "" {
			list = append(list, tensor)
		}
	}
	return list
}

// TestDetectorBoundsAreAttainable checks that no bound asks for more than float32 can give: the stored
// value and ours are each rounded by up to half a unit in the last place.
func TestDetectorBoundsAreAttainable(t *testing.T) {
	for _, c := range difftest.CommittedDetector(t).Cases {
		for _, tensor := range c.Tensors {
			if tensor.Role != "output" || tensor.F32 == nil {
				continue
			}
			if tol := tensor.Tolerance(); tol.RelativeL2 < 0x1p-23 || !(tol.Absolute > 0) {
				t.Errorf("%s: %s: bounds %g and %g are below float32's rounding", c.ID, tensor.Name, tol.RelativeL2, tol.Absolute)
			}
		}
	}
}
