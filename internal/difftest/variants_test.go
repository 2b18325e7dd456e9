package difftest_test

import (
	"testing"

	"github.com/glipvk/glipvk/internal/difftest"
)

// mayPass is the one variant that no comparison can tell: exp(-100) vanishes
// beside the other terms as exp(-infinity) does.
const mayPass = "mask-minus-infinity"

// TestBoundsRejectRecordedVariants checks by the recorded distances that the
// bounds accept PyTorch's float32 on every case, that a case which can tell a
// mistake at all rejects it, and that some case rejects each.
func TestBoundsRejectRecordedVariants(t *testing.T) {
	t.Run("committed", func(t *testing.T) { testRecordedVariants(t, difftest.Committed(t)) })
	t.Run("shared", func(t *testing.T) { testRecordedVariants(t, difftest.Shared(t)) })
}

func testRecordedVariants(t *testing.T, set *difftest.Set) {
	all, err := set.Variants()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no variants")
	}
	caught := map[string]bool{}
	for id, variants := range all {
		c := set.Case(t, id)
		for _, v := range variants {
			visible, rejected := false, false
			for name, d := range v.Outputs {
				tap, ok := c.Tap(name)
				if !ok {
					t.Fatalf("%s: no tap %s to compare", id, name)
				}
				visible = visible || d.RelL2 > 0
				rejected = rejected || d.RelL2 > tap.Tolerance().RelativeL2 ||
					d.MaxOverAbsMax*tap.Stats.AbsMax > tap.Tolerance().Absolute
			}
			caught[v.ID] = caught[v.ID] || rejected
			right := v.ID == "float32"
			if right && rejected {
				t.Errorf("%s: PyTorch's own float32 is rejected", id)
			}
			if visible && !rejected && !right && v.ID != mayPass {
				t.Errorf("%s: %s (%s) shows but is not rejected", id, v.ID, v.About)
			}
		}
	}
	for id, ok := range caught {
		if !ok && id != "float32" && id != mayPass {
			t.Errorf("no case rejects %s", id)
		}
	}
}
