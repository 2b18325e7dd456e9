package difftest_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/difftest"
)

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)

func TestCompare(t *testing.T) {
	loose := difftest.Tolerance{RelL2: 0.1, MaxAbs: 1}
	for _, c := range []struct {
		name      string
		got, want []float32
		tol       difftest.Tolerance
		ok        bool
		worst     int
	}{
		{"equal", []float32{1, 2}, []float32{1, 2}, difftest.Tolerance{}, true, 0},
		{"zero field demands equality", []float32{1, 2.0000002}, []float32{1, 2}, difftest.Tolerance{}, false, 1},
		{"both zeros are one", []float32{float32(math.Copysign(0, -1))}, []float32{0}, difftest.Tolerance{}, true, 0},
		{"within", []float32{3, 4.25}, []float32{3, 4}, loose, true, 1},
		{"norm too far, each element near", []float32{3.25, 4.5}, []float32{3, 4}, loose, false, 1},
		{"one corner too far, norm small", []float32{100, 102}, []float32{100, 100}, loose, false, 1},
		{"short", []float32{1}, []float32{1, 2}, loose, false, -1},
		{"long", []float32{1, 2}, []float32{1}, loose, false, -1},
		{"NaN where a number is wanted", []float32{1, nan}, []float32{1, 2}, loose, false, 1},
		{"number where NaN is wanted", []float32{1, 2}, []float32{nan, 2}, loose, false, 0},
		{"infinity where a number is wanted", []float32{inf, 2}, []float32{1, 2}, loose, false, 0},
		{"infinity of the other sign", []float32{-inf, 2}, []float32{inf, 2}, loose, false, 0},
		{"the same NaN and infinity", []float32{nan, inf, 2}, []float32{nan, inf, 2}, difftest.Tolerance{}, true, 2},
		{"something where zeros are wanted", []float32{1e-30}, []float32{0}, loose, false, 0},
		{"bound that is NaN", []float32{1}, []float32{1}, difftest.Tolerance{RelL2: math.NaN()}, false, 0},
	} {
		r := difftest.Compare(c.got, c.want, c.tol)
		if r.OK() != c.ok || r.Worst != c.worst {
			t.Errorf("%s: OK %v, worst %d; want %v, %d (%s)", c.name, r.OK(), r.Worst, c.ok, c.worst, r)
		}
	}
}

// TestReportSaysWhere wants path, operation, index and both values in the text.
func TestReportSaysWhere(t *testing.T) {
	r := difftest.TapReport{
		Path: "stages.0.blocks.1.attn", Op: "crop", Shape: graph.Shape{1, 2},
		Report: difftest.Compare([]float32{1, 7.5}, []float32{1, 2.25}, difftest.Tolerance{RelL2: 1e-6, MaxAbs: 1e-5}),
	}
	for _, part := range []string{"stages.0.blocks.1.attn", "crop [1 2]", "element 1", "7.5", "2.25", "1e-06", "1e-05"} {
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
	exact := func(graph.Node) difftest.Tolerance { return difftest.Tolerance{} }
	input := []float32{1, 2, 3, 4, 5, 6}
	for _, c := range []struct {
		candidate difftest.Executor
		first     string
	}{{difftest.CPU{}, ""}, {off, "y"}} {
		reports, err := difftest.CompareExecutors(context.Background(), difftest.CPU{}, c.candidate, g, nil, input, ids, exact)
		if err != nil {
			t.Fatal(err)
		}
		if bad, _ := difftest.FirstDivergence(reports); bad.Path != c.first || len(reports) != 3 {
			t.Errorf("first divergence %q of %d values, want %q", bad.Path, len(reports), c.first)
		}
	}
}
