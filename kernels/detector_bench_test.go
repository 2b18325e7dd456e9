package kernels_test

import (
	"math/rand/v2"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/vulkan"
)

// The names say the place in GLIP's detector for a picture of 800 x 1333: maps of 100x168,
// 22400 positions of all levels, 20 tokens (or 256) and 8 heads.
func BenchmarkDetector(b *testing.B) {
	for _, c := range detectorPlaces() {
		b.Run(c.name, func(b *testing.B) {
			g, s := build(b, c.record), tensors{fewOwned, seed}
			measure(b, compile(b, unchecked(b), g, s, vulkan.Options{}), s.inputs(g)...)
		})
	}
}

// fewOwned is uniform, but of the tokens that stand for a label, which are the three after three
// times its number, as far as there are so many.
func fewOwned(rng *rand.Rand, path string, data []float32) {
	uniform(rng, path, data)
	if path != "owned" {
		return
	}
	tokens := 20
	if len(data)%256 == 0 {
		tokens = 256
	}
	for i := range data {
		data[i] = 0
		if i%tokens/3 == i/tokens {
			data[i] = 1
		}
	}
}

// detectorPlace is one operation at the size that it has in the detector.
type detectorPlace struct {
	name   string
	record func(b *graph.Builder)
}

func detectorPlaces() []detectorPlace {
	top := func(b *graph.Builder) graph.Value { return b.In("x").Input(1, 100, 168, 256) }
	return []detectorPlace{
		{"sigmoid 16800x27 from 18", func(b *graph.Builder) { b.Output(b.In("y").Sigmoid(b.In("x").Input(1, 100, 168, 27), 18)) }},
		{"relu 16800x256", func(b *graph.Builder) { b.Output(b.In("y").ReLU(top(b))) }},
		{"hardsigmoid 1024", func(b *graph.Builder) { b.Output(b.In("y").HardSigmoid(b.In("x").Input(1, 1024))) }},
		{"scale 16800x256", func(b *graph.Builder) { b.Output(b.In("y").Scale(top(b), 0.5)) }},
		{"mulscalar 16800x4", func(b *graph.Builder) {
			b.Output(b.In("y").MulScalar(b.In("x").Input(1, 100, 168, 4), b.Param("scale", 1)))
		}},
		{"clamp 22400x160", func(b *graph.Builder) { b.Output(b.In("y").Clamp(b.In("x").Input(1, 1, 22400, 160), 50000)) }},
		{"groupnorm 16800x256", func(b *graph.Builder) {
			b.Output(b.In("y").GroupNorm(top(b), graph.GroupNorm{Groups: 16, Eps: 1e-5}))
		}},
		{"globalmean 16800x256", func(b *graph.Builder) { b.Output(b.In("y").GlobalMean(top(b))) }},
		{"resizenearest 4200x256 to 16800", func(b *graph.Builder) {
			b.Output(b.In("y").ResizeNearest(b.In("x").Input(1, 50, 84, 256), 100, 168))
		}},
		{"resizebilinear 4200x256 to 16800", func(b *graph.Builder) {
			b.Output(b.In("y").ResizeBilinear(b.In("x").Input(1, 50, 84, 256), 100, 168))
		}},
		{"weightedmean 3 of 16800x256", func(b *graph.Builder) {
			var list []graph.Value
			for _, name := range []string{"a", "b", "c"} {
				list = append(list, b.In(name).Input(1, 100, 168, 256), b.In("gate"+name).Input(1, 1))
			}
			b.Output(b.In("y").WeightedMean(list...))
		}},
		{"dynamicrelu 16800x256", func(b *graph.Builder) { b.Output(b.In("y").DynamicReLU(top(b), b.In("t").Input(1, 1024))) }},
		{"addscaled 22400x256", func(b *graph.Builder) {
			b.Output(b.In("y").AddScaled(b.In("x").Input(1, 22400, 256), b.In("z").Input(1, 22400, 256), b.Param("gamma", 256)))
		}},
		{"normalize 256x768", func(b *graph.Builder) { b.Output(b.In("y").Normalize(b.In("x").Input(1, 256, 768), 1e-12)) }},
		{"concattokens 22400x256", func(b *graph.Builder) {
			b.Output(b.In("y").ConcatTokens(top(b), b.In("z").Input(1, 50, 112, 256)))
		}},
		{"slicetokens 16800x256 of 22400", func(b *graph.Builder) {
			b.Output(b.In("y").SliceTokens(b.In("x").Input(1, 22400, 256), graph.SliceTokens{Height: 100, Width: 168}))
		}},
		{"reshape 16800x256", func(b *graph.Builder) { b.Output(b.In("y").Reshape(top(b), 1, 16800, 256)) }},
		{"embed 256x768", func(b *graph.Builder) {
			b.Output(b.In("y").Embed(b.In("x").Input(1, 256), b.Param("word", 30522, 768), b.Param("kind", 2, 768), b.Param("position", 512, 768)))
		}},
		{"swaplast 22400x160", func(b *graph.Builder) { b.Output(b.In("y").SwapLast(b.In("x").Input(1, 1, 22400, 160))) }},
		{"swaplast 20267x160", func(b *graph.Builder) { b.Output(b.In("y").SwapLast(b.In("x").Input(1, 1, 20267, 160))) }},
		{"swaplast 8x22400x256", func(b *graph.Builder) { b.Output(b.In("y").SwapLast(b.In("x").Input(1, 8, 22400, 256))) }},
		{"softmax 160x22400", func(b *graph.Builder) { b.Output(b.In("y").Softmax(b.In("x").Input(1, 1, 160, 22400))) }},
		{"softmax 22400x8x20", func(b *graph.Builder) { b.Output(b.In("y").Softmax(b.In("x").Input(1, 22400, 8, 20))) }},
		{"phrasescores 16800x20 of 6", func(b *graph.Builder) {
			b.Output(b.In("y").PhraseScores(b.In("logits").Input(1, 16800, 20), b.In("owned").Input(1, 6, 20), graph.PhraseScores{}))
		}},
		{"phrasescores 16800x256 of 80", func(b *graph.Builder) {
			b.Output(b.In("y").PhraseScores(b.In("logits").Input(1, 16800, 256), b.In("owned").Input(1, 80, 256), graph.PhraseScores{}))
		}},
		{"candidates 16800x8", candidatesOf(16800, 8, 0.9)},
		{"candidates 16800x80", candidatesOf(16800, 80, 0.9)},
		{"candidates 16800x80 none pass", candidatesOf(16800, 80, 2)},
		{"candidates 16800x80 all pass", candidatesOf(16800, 80, 0)},
	}
}

// candidatesOf selects 1000 of scores from -1 to 1.
func candidatesOf(positions, labels int, threshold float64) func(b *graph.Builder) {
	return func(b *graph.Builder) {
		b.Output(b.In("y").Candidates(b.In("p").Input(1, positions, labels), b.In("c").Input(1, positions, 1), b.In("d").Input(1, positions, 4),
			graph.Candidates{Threshold: threshold, Limit: 1000}))
	}
}
