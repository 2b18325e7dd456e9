package difftest_test

import (
	"math"
	"strings"

	"github.com/glipvk/glipvk/graph"
)

// attentionMistakes are those between qkv and softmax.
func attentionMistakes() []mistake {
	return []mistake{
		{id: "no-mask", spoil: maskOf(0)},
		{id: "mask-10", spoil: maskOf(-10)},
		{id: mayPass, spoil: maskOf(math.Inf(-1))},
		{id: "mask-padding", spoil: maskPadding},
		{id: "qkv-layout", spoil: qkvFrom(func(which, head, heads int) int { return head*3 + which })},
		{id: "swap-q-k", spoil: qkvFrom(func(which, head, heads int) int { return []int{1, 0, 2}[which]*heads + head })},
		{id: "index-transposed", spoil: biasFrom(func(down, right int) (int, int) { return -down, -right })},
		{id: "index-axes", spoil: biasFrom(func(down, right int) (int, int) { return right, down })},
		{id: "no-position-bias", spoil: at(".position_bias", func(_ *spoiler, _ graph.Node, data []float32) { clear(data) })},
		{id: "no-qk-scale", rewrite: scaledBy(func(int) float64 { return 1 })},
		{id: "scale-embed", rewrite: scaledBy(func(channels int) float64 { return 1 / math.Sqrt(float64(channels)) })},
	}
}

// maskOf replaces the mask's -100.
func maskOf(v float64) func(*spoiler, graph.Node, []float32) {
	return at(".mask", func(_ *spoiler, _ graph.Node, data []float32) {
		for i := range data {
			if data[i] != 0 {
				data[i] = float32(v)
			}
		}
	})
}

// qkvFrom reads the vector of (which, head) from another place, counted in heads.
func qkvFrom(place func(which, head, heads int) int) func(*spoiler, graph.Node, []float32) {
	return at(".qkv", func(s *spoiler, n graph.Node, data []float32) {
		heads := s.find(strings.TrimSuffix(n.Path, "qkv") + "scores").Op.(graph.Scores).Heads
		length := n.Shape.Last()
		d := length / 3 / heads
		right := make([]float32, length)
		for start := 0; start < len(data); start += length {
			token := data[start:][:length]
			copy(right, token)
			for i := range 3 * heads {
				copy(token[i*d:][:d], right[place(i/heads, i%heads, heads)*d:])
			}
		}
	})
}

// biasFrom reads the bias for another pair of differences.
func biasFrom(other func(down, right int) (int, int)) func(*spoiler, graph.Node, []float32) {
	return at(".position_bias", func(s *spoiler, n graph.Node, data []float32) {
		w, heads, table := n.Op.(graph.PositionBias).Window, n.Shape[0], s.in(n, 0)
		tokens := w * w
		for i := range data {
			head, a, b := i/tokens/tokens, i/tokens%tokens, i%tokens
			down, right := other(a/w-b/w, a%w-b%w)
			data[i] = table[((down+w-1)*(2*w-1)+right+w-1)*heads+head]
		}
	})
}

func scaledBy(scale func(channels int) float64) func(*graph.Graph) {
	return suffixed(".scores", func(g *graph.Graph, i int) {
		op := g.Nodes[i].Op.(graph.Scores)
		op.Scale = scale(g.Nodes[g.Nodes[i].Inputs[0]].Shape[2] / 3)
		g.Nodes[i].Op = op
	})
}

// maskPadding keeps attention away from padded tokens.
func maskPadding(s *spoiler, n graph.Node, data []float32) {
	attn, name, found := strings.Cut(n.Path, ".w_msa.")
	if !found {
		return
	}
	shift := 0
	if id, shifted := s.graph.Find(attn + ".rolled"); shifted {
		shift = s.graph.Nodes[id].Op.(graph.Roll).Down
		if name != "scores_masked" {
			return
		}
	} else if name != "scores_biased" {
		return
	}
	pad := s.find(attn + ".padded")
	height, width := pad.Shape[1], pad.Shape[2]
	real := s.graph.Nodes[pad.Inputs[0]].Shape
	w := int(math.Sqrt(float64(n.Shape[3])))
	for i := range data {
		window, token := i/n.Shape[3]/n.Shape[2]/n.Shape[1], i%n.Shape[3]
		window %= height / w * (width / w)
		y := (window/(width/w)*w + token/w + shift) % height
		x := (window%(width/w)*w + token%w + shift) % width
		if y >= real[1] || x >= real[2] {
			data[i] -= 100
		}
	}
}
