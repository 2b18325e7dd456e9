package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/graph"
)

// detectorCases are those of the detector's operations that are no products.
func detectorCases() []opCase {
	return slices.Concat(unaryCases(), groupNormCases(), globalMeanCases(), resizeCases(), gateCases(), addScaledCases(), normalizeCases(),
		tokenCases(), embedCases(), swapCases(), phraseCases(), candidateCases())
}

// unaryCases are functions of each element.
func unaryCases() []opCase {
	record := map[string]func(b *graph.Builder, x graph.Value) graph.Value{
		"sigmoid":     func(b *graph.Builder, x graph.Value) graph.Value { return b.Sigmoid(x, 0) },
		"relu":        func(b *graph.Builder, x graph.Value) graph.Value { return b.ReLU(x) },
		"hardsigmoid": func(b *graph.Builder, x graph.Value) graph.Value { return b.HardSigmoid(x) },
		"clamp":       func(b *graph.Builder, x graph.Value) graph.Value { return b.Clamp(x, 2.5) },
		"scale":       func(b *graph.Builder, x graph.Value) graph.Value { return b.Scale(x, 1.0/3) },
		"mulscalar":   func(b *graph.Builder, x graph.Value) graph.Value { return b.MulScalar(x, b.Param("by", 1)) },
	}
	var list []opCase
	for _, op := range []string{"sigmoid", "relu", "hardsigmoid", "clamp", "scale", "mulscalar"} {
		for i, c := range []struct {
			name  string
			fill  fill
			shape []int
		}{
			{"one", nil, []int{1}}, {"not of fours", sweep(6), []int{3, 7, 11}}, {"tile + 1", sweep(6), []int{4 * (8*4 + 1)}},
			{"large", sweep(9), []int{49, 384}}, {"NaN and infinity", spoiled("x"), []int{1000}},
		} {
			list = append(list, opCase{op: op, name: c.name, fill: c.fill, bound: pointwise, card: i == 1 || i == 3, record: func(b *graph.Builder) {
				b.Output(record[op](b.In("y"), b.In("x").Input(c.shape...)))
			}})
		}
	}
	for i, c := range []struct {
		shape []int
		from  int
	}{{[]int{2, 5, 5, 27}, 18}, {[]int{3, 4}, 1}, {[]int{7, 12}, 11}, {[]int{1, 30, 31, 6}, 5}, {[]int{2, 100, 27}, 18}} {
		list = append(list, opCase{op: "sigmoid", name: fmt.Sprintf("%v from %d", c.shape, c.from), fill: sweep(9), bound: pointwise, card: i == 0,
			record: func(b *graph.Builder) { b.Output(b.In("y").Sigmoid(b.In("x").Input(c.shape...), c.from)) }})
	}
	return list
}

// weighted fills inputs with f and weights uniformly.
func weighted(f fill) fill {
	return func(rng *rand.Rand, path string, data []float32) {
		if f == nil || strings.HasPrefix(path, "y.") {
			uniform(rng, path, data)
			return
		}
		f(rng, path, data)
	}
}

func groupNormCases() []opCase {
	var list []opCase
	for _, c := range []struct {
		name   string
		fill   fill
		bound  bound
		card   bool
		shape  []int
		groups int
	}{
		{"uniform", nil, normed(0, 1), true, []int{1, 13, 21, 64}, 4},
		{"batch", nil, normed(0, 1), true, []int{2, 7, 5, 24}, 2},
		{"of threes", normal(5, 1), normed(5, 1), true, []int{2, 9, 11, 15}, 5},
		{"one position", nil, normed(0, 1), false, []int{1, 1, 1, 32}, 2},
		{"block", nil, normed(0, 1), false, []int{1, 4, 8, 256}, 16},
		{"block + 1", nil, normed(0, 1), false, []int{1, 3, 11, 256}, 16},
		{"mean 1000, deviation 1", normal(1000, 1), normed(1000, 1), true, []int{1, 25, 42, 64}, 4},
		{"mean 1000, deviation 1", normal(1000, 1), normed(1000, 1), false, []int{1, 9, 10, 10}, 2},
		{"instance", nil, normed(0, 1), false, []int{1, 20, 20, 6}, 6},
		{"NaN", spoiled("x"), normed(0, 1), false, []int{1, 12, 7, 16}, 4},
	} {
		list = append(list, opCase{op: "groupnorm", name: fmt.Sprint(c.name, " ", c.shape), fill: weighted(c.fill), bound: c.bound, card: c.card,
			record: func(b *graph.Builder) {
				b.Output(b.In("y").GroupNorm(b.In("x").Input(c.shape...), graph.GroupNorm{Groups: c.groups, Eps: 1e-5}))
			}})
	}
	return list
}

func globalMeanCases() []opCase {
	var list []opCase
	for i, shape := range [][]int{{2, 13, 21, 12}, {1, 1, 1, 4}, {1, 8, 8, 256}, {1, 5, 13, 7}, {2, 70, 61, 5}, {1, 100, 42, 16}} {
		// Sums of blocks of 64 round less than one long sum: about 64 roundings of the partial sums.
		list = append(list, opCase{op: "globalmean", name: fmt.Sprint(shape), fill: normal(1, 1), card: i == 0,
			bound:  bound{each: 32 * ulp, l2: 8 * ulp},
			record: func(b *graph.Builder) { b.Output(b.In("y").GlobalMean(b.In("x").Input(shape...))) }})
	}
	return list
}

func resizeCases() []opCase {
	var list []opCase
	for i, c := range []struct {
		shape         []int
		height, width int
	}{{[]int{2, 7, 5, 12}, 14, 10}, {[]int{1, 13, 21, 8}, 25, 42}, {[]int{1, 7, 11, 3}, 13, 21}, {[]int{1, 25, 42, 4}, 13, 21},
		{[]int{1, 1, 1, 4}, 5, 9}, {[]int{1, 6, 6, 4}, 1, 1}, {[]int{2, 5, 3, 1}, 5, 3}, {[]int{1, 40, 33, 16}, 17, 90}} {
		name, card := fmt.Sprint(c.shape, " to ", c.height, "x", c.width), i == 0 || i == 2
		list = append(list, opCase{op: "resizenearest", name: name, fill: ramp, card: card, record: func(b *graph.Builder) {
			b.Output(b.In("y").ResizeNearest(b.In("x").Input(c.shape...), c.height, c.width))
		}}, opCase{op: "resizebilinear", name: name, bound: pointwise, card: card, record: func(b *graph.Builder) {
			b.Output(b.In("y").ResizeBilinear(b.In("x").Input(c.shape...), c.height, c.width))
		}})
	}
	return list
}

// gateCases are WeightedMean and DynamicReLU.
func gateCases() []opCase {
	var list []opCase
	for i, c := range []struct {
		branches int
		shape    []int
	}{{3, []int{2, 7, 5, 12}}, {1, []int{1, 3, 3, 4}}, {2, []int{3, 5, 3, 7}}, {3, []int{1, 25, 42, 16}}, {2, []int{2, 9, 9, 15}}} {
		list = append(list, opCase{op: "weightedmean", name: fmt.Sprint(c.branches, " of ", c.shape), bound: pointwise, card: i == 0 || i == 2,
			record: func(b *graph.Builder) {
				var branches []graph.Value
				for k := range c.branches {
					in := b.In(fmt.Sprint("branch", k))
					branches = append(branches, in.In("map").Input(c.shape...), in.In("gate").Input(c.shape[0], 1))
				}
				b.Output(b.In("y").WeightedMean(branches...))
			}})
		list = append(list, opCase{op: "dynamicrelu", name: fmt.Sprint(c.shape), bound: pointwise, card: i == 0 || i == 2, fill: normal(0, 1),
			record: func(b *graph.Builder) {
				x := b.In("x").Input(c.shape...)
				b.Output(b.In("y").DynamicReLU(x, b.In("t").Input(c.shape[0], 4*c.shape[3])))
			}})
	}
	return append(list, opCase{op: "dynamicrelu", name: "NaN", bound: pointwise, fill: spoiled("x"), record: func(b *graph.Builder) {
		b.Output(b.In("y").DynamicReLU(b.In("x").Input(1, 9, 9, 8), b.In("t").Input(1, 32)))
	}})
}

func addScaledCases() []opCase {
	var list []opCase
	for i, shape := range [][]int{{2, 7, 12}, {1, 1}, {17, 7}, {16, 4}, {1, 300, 40}} {
		list = append(list, opCase{op: "addscaled", name: fmt.Sprint(shape), bound: pointwise, card: i == 0 || i == 2, record: func(b *graph.Builder) {
			x, y := b.In("x").Input(shape...), b.In("z").Input(shape...)
			b.Output(b.In("y").AddScaled(x, y, b.In("y").Param("gamma", shape[len(shape)-1])))
		}})
	}
	return list
}

func normalizeCases() []opCase {
	zero := func(_ *rand.Rand, _ string, data []float32) {
		for i := range data {
			data[i] = 0
		}
	}
	var list []opCase
	for i, c := range []struct {
		name  string
		fill  fill
		shape []int
	}{{"uniform", nil, []int{2, 9, 64}}, {"of threes", nil, []int{7, 3}}, {"one", nil, []int{1, 1}}, {"tokens", normal(3, 1), []int{1, 256, 768}},
		{"zeros", zero, []int{5, 8}}, {"NaN", spoiled("x"), []int{21, 96}}} {
		// Each lane adds up to 192 squares, one after the other.
		list = append(list, opCase{op: "normalize", name: fmt.Sprint(c.name, " ", c.shape), fill: c.fill, card: i < 2,
			bound:  bound{each: 64 * ulp, rms: 4 * ulp, l2: 32 * ulp},
			record: func(b *graph.Builder) { b.Output(b.In("y").Normalize(b.In("x").Input(c.shape...), 1e-12)) }})
	}
	return list
}

// tokenCases join, slice and reshape; all exact.
func tokenCases() []opCase {
	var list []opCase
	for i, c := range [][][]int{{{1, 4, 4, 16}, {1, 2, 2, 16}, {1, 3, 16}}, {{2, 3, 5, 3}, {2, 1, 1, 3}}, {{1, 5, 7}}, {{3, 5, 8}, {3, 4, 8}, {3, 8}},
		{{1, 30, 31, 5}, {1, 15, 15, 5}}} {
		list = append(list, opCase{op: "concattokens", name: fmt.Sprint(c), card: i < 2, record: func(b *graph.Builder) {
			var parts []graph.Value
			for k, shape := range c {
				parts = append(parts, b.In(fmt.Sprint("x", k)).Input(shape...))
			}
			b.Output(b.In("y").ConcatTokens(parts...))
		}})
	}
	for i, c := range []struct {
		shape []int
		of    graph.SliceTokens
	}{{[]int{1, 30, 16}, graph.SliceTokens{Begin: 4, Height: 3, Width: 5}}, {[]int{2, 30, 3}, graph.SliceTokens{Begin: 7, Height: 2, Width: 9}},
		{[]int{1, 2000, 5}, graph.SliceTokens{Begin: 77, Height: 31, Width: 62}}, {[]int{3, 4, 4}, graph.SliceTokens{Height: 2, Width: 2}}} {
		list = append(list, opCase{op: "slicetokens", name: fmt.Sprint(c), fill: ramp, card: i < 2, record: func(b *graph.Builder) {
			b.Output(b.In("y").SliceTokens(b.In("x").Input(c.shape...), c.of))
		}})
	}
	for i, c := range [][2][]int{{{2, 6, 8}, {3, 32}}, {{5, 3}, {15}}, {{1, 70, 70}, {4900, 1}}} {
		list = append(list, opCase{op: "reshape", name: fmt.Sprint(c), fill: ramp, card: i < 2, record: func(b *graph.Builder) {
			b.Output(b.In("y").Reshape(b.In("x").Input(c[0]...), c[1]...))
		}})
	}
	return list
}

func embedCases() []opCase {
	var list []opCase
	for i, c := range []struct{ batch, tokens, words, channels int }{{2, 7, 50, 12}, {1, 1, 3, 4}, {1, 9, 20, 5}, {1, 256, 300, 64}, {1, 60, 1000, 7}} {
		ids := func(rng *rand.Rand, path string, data []float32) {
			uniform(rng, path, data)
			if path == "ids" {
				for j := range data {
					data[j] = float32(rng.IntN(c.words))
				}
				beyond := []float32{-1, float32(c.words), float32(math.Inf(1)), float32(math.NaN()), 1e20, float32(math.Inf(-1))}
				copy(data, beyond[:min(len(beyond), len(data)/2)])
			}
		}
		list = append(list, opCase{op: "embed", name: fmt.Sprintf("%+v", c), fill: ids, bound: pointwise, card: i == 0 || i == 2, record: func(b *graph.Builder) {
			x := b.In("ids").Input(c.batch, c.tokens)
			y := b.In("y")
			b.Output(y.Embed(x, y.Param("word", c.words, c.channels), y.Param("kind", 2, c.channels), y.Param("position", c.tokens+3, c.channels)))
		}})
	}
	return list
}

func swapCases() []opCase {
	var list []opCase
	for i, shape := range [][]int{{2, 3, 5, 7}, {1, 1}, {16, 16}, {17, 33}, {1, 8, 60, 12}, {2, 61, 52}, {2, 1, 90, 61}} {
		list = append(list, opCase{op: "swaplast", name: fmt.Sprint(shape), fill: ramp, card: i == 0, record: func(b *graph.Builder) {
			b.Output(b.In("y").SwapLast(b.In("x").Input(shape...)))
		}})
	}
	return list
}

// phrases fills owned with few tokens for each label, of which one has none, and logits
// with numbers from -4 to 4.
func phrases(rng *rand.Rand, path string, data []float32) {
	uniform(rng, path, data)
	for i := range data {
		switch {
		case path != "owned":
			data[i] *= 4
		case data[i] < 0.6 || i < 9: // of the first label at most the last tokens
			data[i] = 0
		default:
			data[i] = 1
		}
	}
}

func phraseCases() []opCase {
	var list []opCase
	for i, c := range []struct{ batch, positions, tokens, labels int }{{2, 21, 9, 5}, {1, 1, 1, 1}, {1, 300, 11, 80}, {1, 70, 256, 13}, {3, 16, 7, 3}, {1, 700, 16, 16}} {
		for _, a := range []graph.Aggregate{graph.Mean, graph.Max, graph.Power} {
			list = append(list, opCase{op: "phrasescores", name: fmt.Sprintf("%+v %v", c, a), fill: phrases, card: i < 2,
				bound: bound{each: 32 * ulp, rms: 8 * ulp, l2: 8 * ulp}, // exp of up to 4 and a sum of up to 100
				record: func(b *graph.Builder) {
					z := b.In("logits").Input(c.batch, c.positions, c.tokens)
					b.Output(b.In("y").PhraseScores(z, b.In("owned").Input(c.batch, c.labels, c.tokens), graph.PhraseScores{Aggregate: a}))
				}})
		}
	}
	return list
}
