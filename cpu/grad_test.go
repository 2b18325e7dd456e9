package cpu_test

import (
	"fmt"
	"math"
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
