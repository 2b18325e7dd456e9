package rewrite_test

import (
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/rewrite"
)

// TestHalve: late nodes read a large value as 16 bits store it, whole or in another shape, early ones and outputs as it is.
func TestHalve(t *testing.T) {
	b := graph.NewBuilder()
	x := b.In("x").Input(2, 4)
	y := b.In("y").Scale(x, 1)
	flat := b.In("flat").Reshape(y, 8)
	early := b.In("early").Scale(y, 1)
	small := b.In("small").SliceTokens(b.In("rows").Reshape(y, 1, 2, 4), graph.SliceTokens{Height: 1, Width: 1})
	for _, v := range []graph.Value{early, b.In("grad", "one").Scale(flat, 1), b.In("grad", "two").Scale(y, 1), b.In("grad", "three").Scale(small, 1), b.In("grad", "four").Scale(x, 1)} {
		b.Output(v)
	}
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	h, err := rewrite.Halve(g, 8, func(path string) bool { return strings.HasPrefix(path, "grad.") })
	if err != nil {
		t.Fatal(err)
	}
	const v, rounded = 2049, 2048
	in := []float32{v, v, v, v, v, v, v, v}
	out, err := cpuref.Run(t.Context(), h, nil, cpuref.Options{}, in)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{v, rounded, rounded, v, v} {
		if out[i][0] != want {
			t.Errorf("output %d is %g, want %g", i, out[i][0], want)
		}
	}
	count := map[string]int{}
	for _, n := range h.Nodes {
		count[graph.Kind(n.Op)]++
	}
	if count["packhalves"] != 1 || count["unpackhalves"] != 1 {
		t.Errorf("%d are packed and %d unpacked, want 1 each", count["packhalves"], count["unpackhalves"])
	}
}
