package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/glipvk/glipvk/graph"
)

// scored fills scores with whole numbers of 1/4096 in an order of their own, each less
// often than there are so many, and everything else with centerness 0, so that no q is rounded and
// equal ones are common.
func scored(levels int) fill {
	return func(rng *rand.Rand, path string, data []float32) {
		for i := range data {
			switch path {
			case "scores":
				data[i] = float32(rng.IntN(levels)) / float32(levels)
			case "centerness":
				data[i] = 0
			default:
				data[i] = rng.Float32()
			}
		}
	}
}

// weighed is scored with centerness of two values whose q lie apart.
func weighed(rng *rand.Rand, path string, data []float32) {
	scored(1<<10)(rng, path, data)
	if path == "centerness" {
		for i := range data {
			data[i] = float32(math.Log(3)) * float32(i%2)
		}
	}
}

// alike fills all scores with the same number.
func alike(rng *rand.Rand, path string, data []float32) {
	scored(1)(rng, path, data)
	if path == "scores" {
		for i := range data {
			data[i] = 0.5
		}
	}
}

// odd is scored with NaN and infinities.
func odd(rng *rand.Rand, path string, data []float32) {
	scored(1<<10)(rng, path, data)
	if path != "deltas" {
		data[0], data[len(data)/2], data[len(data)-1] = float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))
	}
}

func candidateCases() []opCase {
	var list []opCase
	for i, c := range []struct {
		name              string
		fill              fill
		batch             int
		positions, labels int
		of                graph.Candidates
	}{
		{"few", scored(1 << 20), 1, 77, 5, graph.Candidates{Threshold: 0.9, Limit: 60}},
		{"none", scored(1 << 20), 1, 77, 5, graph.Candidates{Threshold: 2, Limit: 6}},
		{"many", scored(1 << 20), 2, 273, 11, graph.Candidates{Threshold: 0.05, Limit: 100}},
		{"ties", scored(16), 2, 273, 11, graph.Candidates{Threshold: 0.05, Limit: 300}},
		{"alike", alike, 1, 300, 7, graph.Candidates{Threshold: 0.05, Limit: 1000}},
		{"all stay", scored(16), 1, 77, 3, graph.Candidates{Threshold: 0, Limit: 231}},
		{"more than there are", scored(16), 1, 77, 3, graph.Candidates{Threshold: 0, Limit: 500}},
		{"one", scored(1 << 20), 1, 1, 1, graph.Candidates{Threshold: 0, Limit: 1}},
		{"the best", scored(1 << 20), 3, 50, 80, graph.Candidates{Threshold: 0.05, Limit: 1}},
		{"three digits", scored(64), 1, 1000, 80, graph.Candidates{Threshold: 0.05, Limit: 333}},
		{"at the threshold", scored(4), 1, 200, 3, graph.Candidates{Threshold: 0.5, Limit: 100}},
		{"weighed", weighed, 1, 90, 64, graph.Candidates{Threshold: 0.05, Limit: 1000}},
		{"NaN and infinity", odd, 1, 90, 6, graph.Candidates{Threshold: 0.05, Limit: 100}},
	} {
		list = append(list, opCase{op: "candidates", name: fmt.Sprintf("%s %dx%dx%d", c.name, c.batch, c.positions, c.labels), fill: c.fill,
			card: i == 2 || i == 3, bound: bound{each: 4 * ulp}, record: func(b *graph.Builder) {
				p := b.In("scores").Input(c.batch, c.positions, c.labels)
				centerness := b.In("centerness").Input(c.batch, c.positions, 1)
				b.Output(b.In("y").Candidates(p, centerness, b.In("deltas").Input(c.batch, c.positions, 4), c.of))
			}})
	}
	return list
}
