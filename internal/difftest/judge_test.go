package difftest_test

import (
	"strings"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/compare"
	"github.com/glipvk/glipvk/internal/difftest"
)

// TestReportSaysWhere wants path, operation, index and both values in the text.
func TestReportSaysWhere(t *testing.T) {
	r := difftest.TapReport{
		Op: "crop", Shape: graph.Shape{1, 2},
		Difference: compare.Values("stages.0.blocks.1.attn", []float32{1, 7.5}, []float32{1, 2.25}),
	}
	for _, part := range []string{"stages.0.blocks.1.attn", "crop [1 2]", "element 1", "7.5", "2.25"} {
		if !strings.Contains(r.String(), part) {
			t.Errorf("%q does not say %q", r, part)
		}
	}
}
