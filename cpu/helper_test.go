package cpu_test

import (
	"context"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
)

// filler makes element i of a tensor.
type filler func(r *rand.Rand, i int) float32

func normal(r *rand.Rand, _ int) float32 { return float32(r.NormFloat64()) }

// wild has now and then a number that is none, and large ones.
func wild(r *rand.Rand, i int) float32 {
	switch r.IntN(40) {
	case 0:
		return float32(math.NaN())
	case 1:
		return float32(math.Inf(1))
	case 2:
		return float32(math.Inf(-1))
	case 3:
		return 1000
	}
	return normal(r, i)
}

// tensors gives every name numbers of its own.
type tensors struct{ fill filler }

// Tensor implements cpu.Source.
func (s tensors) Tensor(name string, shape []int) ([]float32, error) {
	h := fnv.New64a()
	h.Write([]byte(name))
	r := rand.New(rand.NewPCG(h.Sum64(), 1))
	x := make([]float32, graph.Shape(shape).Elements())
	for i := range x {
		x[i] = s.fill(r, i)
	}
	return x, nil
}

// modest is tensors for models: what goes in comes out about as large, as in a trained one.
type modest struct{ tensors }

// Tensor implements cpu.Source.
func (s modest) Tensor(name string, shape []int) ([]float32, error) {
	x, err := s.tensors.Tensor(name, shape)
	scale := 1 / math.Sqrt(float64(graph.Shape(shape[1:]).Elements()))
	for i := range x {
		x[i] *= float32(scale)
	}
	return x, err
}

// inputs are those of a graph.
func (s tensors) inputs(t *testing.T, g *graph.Graph) [][]float32 {
	t.Helper()
	var list [][]float32
	for _, id := range g.Inputs() {
		x, err := s.Tensor(g.Nodes[id].Path, g.Nodes[id].Shape)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, x)
	}
	return list
}

func build(t *testing.T, record func(b *graph.Builder)) *graph.Graph {
	t.Helper()
	b := graph.NewBuilder()
	record(b)
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func compile(t *testing.T, g *graph.Graph, src cpu.Source, name cpu.Instructions, o cpu.Options) *cpu.Program {
	t.Helper()
	w, err := cpu.Pack(t.Context(), g, src, cpu.PackOptions{Instructions: name})
	if err != nil {
		t.Fatal(err)
	}
	p, err := cpu.Compile(g, w, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// oracle computes the outputs of g, then kept values.
func oracle(t *testing.T, g *graph.Graph, src cpu.Source, keep []graph.ID, inputs ...[]float32) [][]float32 {
	t.Helper()
	kept := make([][]float32, len(keep))
	values, err := cpuref.Run(context.Background(), g, src, cpuref.Options{Observe: func(id graph.ID, _ graph.Node, data []float32) {
		for i, k := range keep {
			if k == id {
				kept[i] = data
			}
		}
	}}, inputs...)
	if err != nil {
		t.Fatal(err)
	}
	return append(values, kept...)
}

// bound is how far a value may be from the oracle's: in relative L2 norm, and in any
// element as a share of the largest. Zero demands equality.
type bound struct{ l2, worst float64 }

// same compares two values. NaN and infinities must be the same on both sides.
func same(t *testing.T, what string, got, want []float32, b bound) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	var difference, norm, worst, largest float64
	at := 0
	for i := range want {
		g, w := float64(got[i]), float64(want[i])
		if math.IsNaN(w) || math.IsInf(w, 0) || math.IsNaN(g) || math.IsInf(g, 0) {
			if g != w && !(math.IsNaN(g) && math.IsNaN(w)) {
				t.Errorf("%s: element %d is %v, want %v", what, i, g, w)
				return
			}
			continue
		}
		d := math.Abs(g - w)
		if d > worst {
			worst, at = d, i
		}
		difference, norm, largest = difference+d*d, norm+w*w, max(largest, math.Abs(w))
	}
	if l2 := math.Sqrt(difference); !(l2 <= b.l2*math.Sqrt(norm)) || !(worst <= b.worst*largest) {
		t.Errorf("%s: relative L2 %.3g, at most %.3g; worst element %d is %v, want %v",
			what, l2/math.Sqrt(norm), b.l2, at, got[at], want[at])
	}
}

// poison is memory for the results of a graph, full of NaN.
func poison(g *graph.Graph, ids []graph.ID) [][]float32 {
	list := make([][]float32, len(ids))
	for i, id := range ids {
		list[i] = slices.Repeat([]float32{float32(math.NaN())}, g.Nodes[id].Shape.Elements())
	}
	return list
}
