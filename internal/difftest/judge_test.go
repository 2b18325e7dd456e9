package difftest_test

import (
	"context"
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

// TestCompareExecutors runs a graph on two executors of which one is off at its
// second value, and on two that agree.
func TestCompareExecutors(t *testing.T) {
	b := graph.NewBuilder()
	x := b.In("x").Input(2, 3)
	y := b.In("y").GELU(x)
	b.Output(b.In("z").Add(y, x))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	ids, err := g.Match("**")
	if err != nil {
		t.Fatal(err)
	}
	var off difftest.CPU
	off.Options.Observe = func(_ graph.ID, n graph.Node, data []float32) {
		if n.Path == "y" {
			data[4] += 0.5
		}
	}
	exact := func(graph.Node) compare.Bounds { return compare.Bounds{} }
	input := []float32{1, 2, 3, 4, 5, 6}
	for _, c := range []struct {
		candidate difftest.Executor
		first     string
	}{{difftest.CPU{}, ""}, {off, "y"}} {
		reports, err := difftest.CompareExecutors(context.Background(), difftest.CPU{}, c.candidate, g, nil, input, ids, exact)
		if err != nil {
			t.Fatal(err)
		}
		if bad, _ := difftest.FirstDivergence(reports); bad.Name != c.first || len(reports) != 3 {
			t.Errorf("first divergence %q of %d values, want %q", bad.Name, len(reports), c.first)
		}
	}
}
