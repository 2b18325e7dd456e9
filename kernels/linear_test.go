package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/glipvk/glipvk/graph"
)

// product bounds a sum of k products in float32: a random walk of k roundings, each of
// half an ulp of the partial sum, so the error relative to the typical result grows with
// sqrt(k). Six standard deviations (partial sums of a large result are large, so the
// errors of many elements spread wider than a normal law) and a little for the epilogue
// are allowed.
func product(k int) bound {
	step := ulp / 4 * math.Sqrt(float64(k))
	return bound{each: 2 * ulp, rms: 6*step + ulp, l2: step + ulp}
}

// linearCase is x [m, k] to [m, n].
type linearCase struct {
	m, n, k int
	bias    graph.Bias
	card    bool
}

func (c linearCase) op() opCase {
	name := fmt.Sprintf("%dx%dx%d", c.m, c.n, c.k)
	if c.bias {
		name += " bias"
	}
	return opCase{op: "linear", name: name, bound: product(c.k), card: c.card, record: func(b *graph.Builder) {
		b.Output(b.In("y").Linear(b.In("x").Input(c.m, c.k), c.n, c.bias))
	}}
}

// linearCases meet every tile on both sides of its edges (rows 1, 4, 7 and 8; columns
// 32, 64 and 96 on eight lanes; 64 and 32 in shared memory), rows of every K that is
// awkward, and the shapes of Swin-T.
func linearCases() []opCase {
	var list []opCase
	for _, c := range []linearCase{
		{1, 1, 1, graph.NoBias, false},
		{1, 4, 4, graph.WithBias, false},
		{2, 5, 3, graph.WithBias, true},
		{7, 31, 5, graph.NoBias, false},
		{8, 32, 4, graph.NoBias, false},
		{9, 36, 4, graph.WithBias, false},
		{13, 1000, 8, graph.WithBias, false},
		{49, 96, 96, graph.WithBias, true},
		{63, 64, 96, graph.NoBias, false},
		{64, 32, 48, graph.NoBias, true},
		{65, 68, 20, graph.NoBias, true},
		{101, 97, 103, graph.NoBias, false},
		{56, 288, 96, graph.WithBias, false},
		{49, 768, 3072, graph.WithBias, false},
	} {
		list = append(list, c.op())
	}
	return append(list,
		opCase{op: "linear", name: "identity", card: true, record: square(36), fill: identity},
		opCase{op: "linear", name: "permutation", record: square(40), fill: permutation},
		opCase{op: "linear", name: "zeros", record: square(40), fill: zeroWeights},
		opCase{op: "linear", name: "equal", record: square(64), bound: equalTerms(64), fill: func(_ *rand.Rand, _ string, data []float32) {
			for i := range data {
				data[i] = 0.1
			}
		}},
		opCase{op: "linear", name: "NaN and infinity in x", card: true, record: square(36), bound: product(36), fill: spoiled("x")},
	)
}

// equalTerms bounds a sum of k equal products, whose roundings all go the same way and
// so add up instead of walking.
func equalTerms(k int) bound {
	return bound{each: float64(k) / 4 * ulp, l2: float64(k) / 4 * ulp}
}

// square records x [37, n] to [37, n] without bias.
func square(n int) func(b *graph.Builder) {
	return func(b *graph.Builder) {
		b.Output(b.In("y").Linear(b.In("x").Input(37, n), n, graph.NoBias))
	}
}

func identity(rng *rand.Rand, path string, data []float32) {
	if path == "x" {
		uniform(rng, path, data)
		return
	}
	n := int(math.Sqrt(float64(len(data))))
	for i := range n {
		data[i*n+i] = 1
	}
}

// permutation multiplies 0, 1, 2, ... by a cyclic permutation.
func permutation(rng *rand.Rand, path string, data []float32) {
	if path == "x" {
		ramp(rng, path, data)
		return
	}
	n := int(math.Sqrt(float64(len(data))))
	for i := range n {
		data[i*n+(i+7)%n] = 1
	}
}

func zeroWeights(rng *rand.Rand, path string, data []float32) {
	if path == "x" {
		uniform(rng, path, data)
	}
}

// spoiled is uniform with a NaN and both infinities in the named input, far apart.
func spoiled(name string) fill {
	return func(rng *rand.Rand, path string, data []float32) {
		uniform(rng, path, data)
		if path == name {
			n := len(data)
			data[n/7], data[n/2], data[n-1] = float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))
		}
	}
}
