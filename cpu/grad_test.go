package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/cpu"
	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/gradrows"
)

// TestGradients compares every operation of training with the oracle, in every set of instructions, with one worker and
// with several, which give the same bits.
func TestGradients(t *testing.T) {
	seen := map[string]bool{}
	for i, r := range gradrows.Rows() {
		seen[graph.Kind(r.Op)] = true
		t.Run(fmt.Sprintf("%s %v", graph.Kind(r.Op), r.In), func(t *testing.T) {
			b := graph.NewBuilder()
			var values []graph.Value
			for k, s := range r.In {
				values = append(values, b.In("x", k).Input(s...))
			}
			b.Output(b.In("y").Record(r.Op, values...))
			g, err := b.Build()
			if err != nil {
				t.Fatal(err)
			}
			in := r.Operands(i)
			want, err := cpuref.Run(t.Context(), g, nil, cpuref.Options{}, in...)
			if err != nil {
				t.Fatal(err)
			}
			for _, instructions := range cpu.Available() {
				w, err := cpu.Pack(t.Context(), g, nil, cpu.PackOptions{Instructions: instructions})
				if err != nil {
					t.Fatal(err)
				}
				var first []float32
				for _, workers := range []int{1, 3} {
					p, err := cpu.Compile(g, w, cpu.Options{Workers: workers})
					if err != nil {
						t.Fatal(err)
					}
					got, err := p.Run(t.Context(), in...)
					p.Close()
					if err != nil {
						t.Fatal(err)
					}
					if d := apart(got[0], want[0]); !(d <= 2e-5) {
						t.Fatalf("%s, %d workers: off by %g of the largest", instructions, workers, d)
					}
					if first != nil && !slices.Equal(bits(first), bits(got[0])) {
						t.Errorf("%s: other bits with %d workers", instructions, workers)
					}
					first = got[0]
				}
			}
		})
	}
	for _, op := range graph.Kinds() {
		if _, training := trainingKinds()[graph.Kind(op)]; training != seen[graph.Kind(op)] {
			t.Errorf("%q is tested here: %v", graph.Kind(op), seen[graph.Kind(op)])
		}
	}
}

// TestJoinedGradients compares nodes that one step computes with the oracle, with one worker and with several, and an update
// in the memory of what it replaces.
func TestJoinedGradients(t *testing.T) {
	deform := func(channels int) func(b *graph.Builder) {
		return func(b *graph.Builder) {
			o := graph.DeformConv{Stride: 1, Pad: 1}
			g, x := b.In("g").Input(2, 5, 4, 7), b.In("x").Input(2, 5, 4, channels)
			om, w := b.In("om").Input(2, 5, 4, 27), b.In("w").Input(7, channels, 3, 3)
			b.Output(b.In("to_x").Record(graph.DeformConvGradX{DeformConv: o, Height: 5, Width: 4}, g, om, w))
			b.Output(b.In("to_om").Record(graph.DeformConvGradOffset{DeformConv: o}, g, x, om, w))
		}
	}
	for name, record := range map[string]func(b *graph.Builder){
		"deform in slices": deform(128), "deform in one": deform(48), "deform without panels": deform(5),
		"deform whose map comes between": func(b *graph.Builder) {
			o := graph.DeformConv{Stride: 1, Pad: 1}
			g, x, om, w := b.In("g").Input(2, 5, 4, 7), b.In("x").Input(2, 5, 4, 48), b.In("om").Input(2, 5, 4, 27), b.In("w").Input(7, 48, 3, 3)
			b.Output(b.In("to_x").Record(graph.DeformConvGradX{DeformConv: o, Height: 5, Width: 4}, g, om, w))
			b.Output(b.In("to_om").Record(graph.DeformConvGradOffset{DeformConv: o}, g, b.In("between").Record(graph.Exp{}, x), om, w))
		},
		"swapped context": func(b *graph.Builder) {
			p, v := b.In("p").Input(2, 3, 50, 20), b.In("v").Input(2, 50, 3*33)
			b.Output(b.In("y").CrossContext(b.In("swapped").SwapLast(p), v, 3))
		},
		"update": func(b *graph.Builder) {
			x, m, v, g := b.In("x").Input(7, 13), b.In("m").Input(7, 13), b.In("v").Input(7, 13), b.In("g").Input(7, 13)
			scale, rates := b.In("scale").Input(1), b.In("rates").Input(4)
			m = b.In("next_m").Record(graph.Moment{Beta: 0.9, Power: 1}, m, g, scale)
			v = b.In("next_v").Record(graph.Moment{Beta: 0.999, Power: 2}, v, g, scale)
			for _, y := range []graph.Value{b.In("next_x").Record(graph.AdamW{Eps: 1e-8}, x, m, v, rates), m, v} {
				b.Output(y)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := graph.NewBuilder()
			record(b)
			g, err := b.Build()
			if err != nil {
				t.Fatal(err)
			}
			r, in := rand.New(rand.NewPCG(1, 2)), [][]float32{}
			for _, id := range g.Inputs() {
				in = append(in, make([]float32, g.Nodes[id].Shape.Elements()))
				for i := range in[len(in)-1] {
					in[len(in)-1][i] = r.Float32()
				}
			}
			want, err := cpuref.Run(t.Context(), g, nil, cpuref.Options{}, in...)
			if err != nil {
				t.Fatal(err)
			}
			for _, instructions := range cpu.Available() {
				var first [][]float32
				for _, workers := range []int{1, 3} {
					got := joined(t, g, in, instructions, workers, name == "update")
					for i := range got {
						if d := apart(got[i], want[i]); !(d <= 2e-5) {
							t.Fatalf("%s, %d workers: result %d is off by %g of the largest", instructions, workers, i, d)
						}
						if first != nil && !slices.Equal(bits(first[i]), bits(got[i])) {
							t.Errorf("%s: other bits with %d workers", instructions, workers)
						}
					}
					first = got
				}
			}
		})
	}
}

// joined runs a graph, in place of its first inputs if so asked.
func joined(t *testing.T, g *graph.Graph, in [][]float32, instructions cpu.Instructions, workers int, inPlace bool) [][]float32 {
	t.Helper()
	w, err := cpu.Pack(t.Context(), g, nil, cpu.PackOptions{Instructions: instructions})
	if err != nil {
		t.Fatal(err)
	}
	p, err := cpu.Compile(g, w, cpu.Options{Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var operands [][]float32
	for _, x := range in {
		operands = append(operands, slices.Clone(x))
	}
	got := operands[:len(g.Outputs)]
	if inPlace {
		err = p.RunInto(t.Context(), got, operands...)
	} else {
		got, err = p.Run(t.Context(), operands...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// trainingKinds are those that package cpu has among its gradients.
func trainingKinds() map[string]bool {
	kinds := map[string]bool{}
	for _, k := range cpu.Gradients() {
		kinds[k] = true
	}
	return kinds
}

func bits(x []float32) []uint32 {
	list := make([]uint32, len(x))
	for i, v := range x {
		list[i] = math.Float32bits(v)
	}
	return list
}

// apart is the largest difference over the largest value wanted; NaN where one has it and the other not.
func apart(got, want []float32) float64 {
	largest, worst := 1e-30, 0.0
	for i, w := range want {
		if w != w && got[i] != got[i] {
			continue
		}
		largest = max(largest, math.Abs(float64(w)))
		d := math.Abs(float64(got[i]) - float64(w))
		if d != d {
			return d
		}
		worst = max(worst, d)
	}
	return worst / largest
}
