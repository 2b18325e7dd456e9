package cpu

import (
	"context"
	"fmt"
	"time"

	"github.com/glipvk/glipvk/graph"
)

// peakShapes are the products that Peak tries, M N K: squares, and shapes that take most
// of Swin's time.
var peakShapes = [][3]int{{768, 768, 768}, {1024, 1024, 1024}, {3136, 96, 384}, {784, 192, 768}, {196, 1536, 384}}

// ones is a source whose weights are small numbers: what they are does not matter.
type ones struct{}

// Tensor implements [Source].
func (ones) Tensor(_ string, shape []int) ([]float32, error) {
	data := make([]float32, graph.Shape(shape).Elements())
	for i := range data {
		data[i] = 1 / float32(i%7+1)
	}
	return data, nil
}

// Peak measures the speed of large products on all workers, in GFLOP/s, with the kernels that
// programs use: the fastest run of the fastest shape. Each shape gets its share of the budget
// and runs twice at least.
func Peak(ctx context.Context, o PackOptions, budget time.Duration) (float64, error) {
	best := 0.0
	for _, s := range peakShapes {
		speed, err := ProductSpeed(ctx, o, s, budget/time.Duration(len(peakShapes)))
		if err != nil {
			return 0, err
		}
		best = max(best, speed)
	}
	return best, nil
}

// ProductSpeed measures one product M N K, sizes of at least 1: the fastest run within the
// budget, in GFLOP/s.
func ProductSpeed(ctx context.Context, o PackOptions, mnk [3]int, budget time.Duration) (float64, error) {
	b := graph.NewBuilder()
	x := b.In("x").Input(mnk[0], mnk[2])
	y := b.In("y").Linear(x, mnk[1], graph.NoBias)
	b.Output(y)
	g, err := b.Build()
	if err != nil {
		return 0, fmt.Errorf("cpu: product: %w", err)
	}
	o.Progress = nil
	w, err := Pack(ctx, g, ones{}, o)
	if err != nil {
		return 0, err
	}
	p, err := Compile(g, w, Options{})
	if err != nil {
		return 0, err
	}
	defer p.Close()
	input, _ := ones{}.Tensor("x", x.Shape())
	result := [][]float32{make([]float32, y.Shape().Elements())}
	if err := p.RunInto(ctx, result, input); err != nil { // the first run takes memory
		return 0, err
	}
	var least time.Duration
	for start := time.Now(); least == 0 || time.Since(start) < budget; {
		began := time.Now()
		if err := p.RunInto(ctx, result, input); err != nil {
			return 0, err
		}
		if t := time.Since(began); least == 0 || t < least {
			least = t
		}
	}
	return 2 * float64(mnk[0]) * float64(mnk[1]) * float64(mnk[2]) / least.Seconds() / 1e9, nil
}
