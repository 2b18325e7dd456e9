package cpuref_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/graph"
)

func groundingRows() []opRow {
	nan, ln3 := float32(math.NaN()), float32(math.Log(3))
	logits := func(b *graph.Builder, in []graph.Value) graph.Value {
		w := graph.TokenWeights{
			BiasLang: b.Param("bias_lang", in[2].Shape().Last()), Bias0: b.Param("bias0", 1), LogScale: b.Param("log_scale", 1),
		}
		return b.TokenLogits(in[0], in[1], in[2], w, graph.TokenLogits{Limit: 50.5})
	}
	phrases := func(o graph.PhraseScores) func(*graph.Builder, []graph.Value) graph.Value {
		return func(b *graph.Builder, in []graph.Value) graph.Value { return b.PhraseScores(in[0], in[1], o) }
	}
	probabilities := []float32{0, ln3, -ln3, nan, 1000, -1000} // 1/2 3/4 1/4, NaN 1 0
	owned := []float32{1, 1, 0, 0, 0, 0, 0, 0.5, 2}
	return []opRow{
		{
			// (1 2) and (3 4) against (1 1) and (2 0): 3 2 and 7 6, halved because exp(ln 2) is 2.
			// The tokens add 10 - 1 and 20 + 30 - 1; 52 is beyond the limit.
			kind:   "tokenlogits",
			record: of(logits, graph.Shape{1, 1, 2, 2}, graph.Shape{1, 2, 2}, graph.Shape{1, 2, 3}),
			weights: weightMap{
				"op.bias_lang": {10, 20, 30}, "op.bias0": {-1}, "op.log_scale": {math.Ln2},
			},
			inputs: [][]float32{{1, 2, 3, 4}, {1, 1, 2, 0}, {1, 0, 0, 0, 1, 1}},
			want:   []float32{10.5, 50, 12.5, 50.5},
			relTol: 1e-7,
		},
		{
			kind: "tokenlogits", about: "of two pictures",
			record:  of(logits, graph.Shape{2, 1, 1}, graph.Shape{2, 1, 1}, graph.Shape{2, 1, 1}),
			weights: weightMap{"op.bias_lang": {10}, "op.bias0": {0}, "op.log_scale": {0}},
			inputs:  [][]float32{{1, 2}, {3, -40}, {0, 1}},
			want:    []float32{3, -50.5},
		},
		{
			// (1/2 + 3/4)/2 and (3/4 + 1/4)/2; the sigmoid of mean logits would be 0.634 and 1/2.
			// The middle label has no tokens.
			kind:   "phrasescores",
			record: of(phrases(graph.PhraseScores{}), graph.Shape{1, 2, 3}, graph.Shape{1, 3, 3}),
			inputs: [][]float32{probabilities, owned},
			want:   []float32{0.625, 0, 0.5, nan, 0, 0.5},
			relTol: 1e-7,
		},
		{
			kind: "phrasescores", about: "largest",
			record: of(phrases(graph.PhraseScores{Aggregate: graph.Max}), graph.Shape{1, 2, 3}, graph.Shape{1, 3, 3}),
			inputs: [][]float32{probabilities, owned},
			want:   []float32{0.75, 0, 0.75, nan, 0, 1},
			relTol: 1e-7,
		},
		{
			// Two pictures of one position: 3/4 is what the second label of the first picture
			// owns, and the mean of 1/4 and 1 the first of the second.
			kind: "phrasescores", about: "of two pictures",
			record: of(phrases(graph.PhraseScores{}), graph.Shape{2, 1, 2}, graph.Shape{2, 2, 2}),
			inputs: [][]float32{{0, ln3, -ln3, 1000}, {0, 0, 0, 1, 1, 1, 0, 0}},
			want:   []float32{0, 0.75, 0.625, 0},
			relTol: 1e-7,
		},
		{
			// sqrt(1/2 * 3/4) and sqrt(3/4 * 1/4).
			kind: "phrasescores", about: "geometric mean",
			record: of(phrases(graph.PhraseScores{Aggregate: graph.Power}), graph.Shape{1, 2, 3}, graph.Shape{1, 3, 3}),
			inputs: [][]float32{probabilities, owned},
			want:   []float32{float32(math.Sqrt(0.375)), 0, float32(math.Sqrt(0.1875)), nan, 0, 0},
			relTol: 1e-7,
		},
	}
}

// candidateRows have four positions and two labels. The sigmoids of the centerness
// are 1, 1/2, 0, 1.
func candidateRows() []opRow {
	nan := float32(math.NaN())
	selected := func(o graph.Candidates) func(*graph.Builder, []graph.Value) graph.Value {
		return func(b *graph.Builder, in []graph.Value) graph.Value { return b.Candidates(in[0], in[1], in[2], o) }
	}
	scores, centerness := []float32{0.5, 0.25, nan, 0.75, 1, 0.5, 0.5, 0.5}, []float32{1000, 0, -1000, 1000}
	return []opRow{
		{
			// q = 1/2 three times, in the order of positions and labels, before 3/8 and 0 and 0.
			// 1/4 is not above the threshold, NaN is nothing.
			kind:   "candidates",
			record: of(selected(graph.Candidates{Threshold: 0.25, Limit: 4}), graph.Shape{1, 4, 2}, graph.Shape{1, 2, 2, 1}, graph.Shape{1, 2, 2, 4}),
			inputs: [][]float32{scores, centerness, upTo(16)},
			want: []float32{
				0.5, 0.5, 0, 1, 0, 1, 2, 3,
				0.5, 0.5, 3, 1, 12, 13, 14, 15,
				0.5, 0.5, 3, 2, 12, 13, 14, 15,
				0.375, 0.75, 1, 2, 4, 5, 6, 7,
			},
		},
		{
			// Only 3/4 and 1 pass; a q of 0 is a candidate, told from a row left over by its label.
			kind: "candidates", about: "fewer than the limit",
			record: of(selected(graph.Candidates{Threshold: 0.5, Limit: 3}), graph.Shape{1, 4, 2}, graph.Shape{1, 4, 1}, graph.Shape{1, 4, 4}),
			inputs: [][]float32{scores, centerness, upTo(16)},
			want: []float32{
				0.375, 0.75, 1, 2, 4, 5, 6, 7,
				0, 1, 2, 1, 8, 9, 10, 11,
				0, 0, 0, 0, 0, 0, 0, 0,
			},
		},
		{
			// The float32 nearest to 0.05 is above it. A centerness of NaN makes no candidate.
			kind: "candidates", about: "on the threshold, of two pictures",
			record: of(selected(graph.Candidates{Threshold: 0.05, Limit: 1}), graph.Shape{2, 1, 1}, graph.Shape{2, 1, 1}, graph.Shape{2, 1, 4}),
			inputs: [][]float32{{0.05, 0.5}, {1000, nan}, upTo(8)},
			want: []float32{
				0.05, 0.05, 0, 1, 0, 1, 2, 3,
				0, 0, 0, 0, 0, 0, 0, 0,
			},
		},
	}
}

// TestCandidatesOrder compares with repeated selection of the best that is left, on
// scores with many ties.
func TestCandidatesOrder(t *testing.T) {
	const positions, labels, limit = 37, 5, 60
	scores, centerness := make([]float32, positions*labels), make([]float32, positions)
	for i := range scores {
		scores[i] = float32(i*i%7) / 8
	}
	for s := range centerness {
		centerness[s] = float32(s*s%3) - 1
	}
	b := graph.NewBuilder()
	b.Output(b.In("op").Candidates(b.In("p").Input(1, positions, labels), b.In("c").Input(1, positions, 1),
		b.In("d").Input(1, positions, 4), graph.Candidates{Threshold: 0.3, Limit: limit}))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cpuref.Run(context.Background(), g, nil, cpuref.Options{}, scores, centerness, make([]float32, 4*positions))
	if err != nil {
		t.Fatal(err)
	}
	left := slices.Clone(scores)
	for i := range limit {
		best, largest := -1, float32(0)
		for pair, p := range left {
			q := float32(float64(p) / (1 + math.Exp(-float64(centerness[pair/labels]))))
			if p > 0.3 && (best < 0 || q > largest) {
				best, largest = pair, q
			}
		}
		want := make([]float32, graph.CandidateFields)
		if best >= 0 {
			copy(want, []float32{largest, left[best], float32(best / labels), float32(best%labels + 1)})
			left[best] = 0
		}
		if got := out[0][i*graph.CandidateFields:][:graph.CandidateFields]; !slices.Equal(got, want) {
			t.Fatalf("row %d is %v, want %v", i, got, want)
		}
	}
}
