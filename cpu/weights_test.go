package cpu_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/graph"
)

// linearOf reads y.weight [6, width] as the matrix of a product.
func linearOf(t *testing.T, width int) *graph.Graph {
	return build(t, func(b *graph.Builder) { b.Output(b.In("y").Linear(b.In("x").Input(3, width), 6, graph.WithBias)) })
}

// bothWays reads y.weight as it is, and as a matrix.
func bothWays(t *testing.T) *graph.Graph {
	return build(t, func(b *graph.Builder) {
		b.Output(b.In("g").GELU(b.In("y").Param("weight", 6, 8)), b.In("y").Linear(b.In("x").Input(3, 8), 6, graph.WithBias))
	})
}

// TestWeightsFor wants a graph that reads weights in another way to be refused without [cpu.Weights.For] and computed with it,
// nothing to be packed twice, and the weights of before to stay as they were.
func TestWeightsFor(t *testing.T) {
	src := tensors{normal}
	w, err := cpu.Pack(t.Context(), linearOf(t, 8), src, cpu.PackOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before := w.Bytes()
	g := bothWays(t)
	if _, err := cpu.Compile(g, w, cpu.Options{}); err == nil || !strings.Contains(err.Error(), "y.weight is used in another way") {
		t.Errorf("without For: %v", err)
	}
	both, err := w.For(t.Context(), g, src)
	if err != nil {
		t.Fatal(err)
	}
	if w.Bytes() != before || both.Bytes() != before+4*6*8 {
		t.Errorf("%d bytes became %d, and %d with y.weight [6 8] as it is", before, w.Bytes(), both.Bytes())
	}
	p, err := cpu.Compile(g, both, cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	inputs := src.inputs(t, g)
	got, err := p.Run(t.Context(), inputs...)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range oracle(t, g, src, nil, inputs...) {
		same(t, g.Nodes[g.Outputs[i]].Path, got[i], want, bound{1e-6, 1e-5})
	}
	if again, err := both.For(t.Context(), g, nil); again != both || err != nil {
		t.Errorf("what is there is made again: %v", err)
	}
	lost := errors.New("file is gone")
	if _, err := w.For(t.Context(), g, faulty{lost}); !errors.Is(err, lost) || !strings.Contains(err.Error(), "y.weight") {
		t.Errorf("a lost file: %v", err)
	}
	if other, err := w.For(t.Context(), linearOf(t, 9), nil); other != w || err != nil {
		t.Errorf("weights of another shape are asked for: %v", err)
	}
}
