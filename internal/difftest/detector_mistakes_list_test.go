package difftest_test

import (
	"math"
	"strings"

	"github.com/glipvk/glipvk/graph"
)

// fuseScope and dyConvScope are the scopes of the modules' cases.
const (
	fuseScope   = "rpn.head.dyhead_tower.0."
	dyConvScope = "rpn.head.dyhead_tower.2."
)

// detectorMistakes are those of group variants that are made, in its order.
func detectorMistakes() []detectorMistake {
	return joined(fusionMistakes(), textLayerMistakes(), pyramidMistakes(), dyConvMistakes(), dynamicReLUMistakes(), headMistakes())
}

func joined(lists ...[]detectorMistake) (all []detectorMistake) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

func fusionMistakes() []detectorMistake {
	const attention = fuseScope + "b_attn.attn."
	scaled := func(scale float64) func(*graph.Graph) {
		return opsOf(func(o graph.CrossScores) graph.Op { o.Scale = scale; return o })
	}
	return []detectorMistake{
		// The text side ignores the mask, so its rows are all right ones with the padding.
		{variant: "vlfuse: text weights normalised over the tokens", padded: true, judged: "out_lang", rewrite: func(g *graph.Graph) {
			pointing(g, attention+"scores_l", 0, attention+"softmax_v")
			pointing(g, attention+"context_l", 0, attention+"scores_l")
		}},
		{variant: "vlfuse: no mask", padded: true, rewrite: func(*graph.Graph) {}},
		{variant: "vlfuse: no 1/sqrt(head width)", padded: true, judged: "out_lang", rewrite: scaled(1)},
		{variant: "vlfuse: no 1/sqrt(head width)", judged: "out_visual", rewrite: scaled(1)},
		{variant: "vlfuse: scale 1/sqrt(inner width)", judged: "out_visual", rewrite: scaled(1 / math.Sqrt(2048))},
		{variant: "vlfuse: residual from the tensor before the norm", padded: true, judged: "out_lang", rewrite: rawResidual},
		{variant: "vlfuse: residual from the tensor before the norm", judged: "out_visual", rewrite: rawResidual},
		{variant: "vlfuse: gammas ignored", judged: "out_visual", weights: filled(1, "gamma_v", "gamma_l")},
		{variant: "vlfuse: LayerNorm eps 1e-12", judged: "out_visual", rewrite: withEps(1e-12)},
	}
}

func rawResidual(g *graph.Graph) {
	pointing(g, fuseScope+"b_attn.residual_v", 0, fuseScope+"b_attn.visual")
	pointing(g, fuseScope+"lang", 0, "text")
}

// opsOf replaces the operations of a kind.
func opsOf[O graph.Op](by func(O) graph.Op) func(*graph.Graph) {
	return func(g *graph.Graph) {
		for i, n := range g.Nodes {
			if o, ok := n.Op.(O); ok {
				g.Nodes[i].Op = by(o)
			}
		}
	}
}

// filled makes weights whose names end so a constant.
func filled(value float32, suffixes ...string) func(string, []float32) []float32 {
	return func(name string, data []float32) []float32 {
		for _, s := range suffixes {
			if strings.HasSuffix(name, s) {
				for i := range data {
					data[i] = value
				}
			}
		}
		return data
	}
}

func textLayerMistakes() []detectorMistake {
	const layer = "rpn.head.dyhead_tower.1."
	return []detectorMistake{
		{variant: "bertlayer: tanh GELU", judged: "out", spoil: geluAs(func(x float64) float64 {
			return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		})},
		{variant: "bertlayer: no mask", padded: true, rewrite: func(*graph.Graph) {}},
		{variant: "bertlayer: no 1/sqrt(head width)", judged: "out",
			rewrite: opsOf(func(o graph.CrossScores) graph.Op { o.Scale = 1; return o })},
		{variant: "bertlayer: no residual in the attention", judged: "out", rewrite: func(g *graph.Graph) {
			pointing(g, layer+"attention.output.LayerNorm", 0, layer+"attention.output.dense")
		}},
		{variant: "bertlayer: LayerNorm eps 1e-5", judged: "out", rewrite: withEps(1e-5)},
	}
}

func pyramidMistakes() []detectorMistake {
	const fpn = "backbone.fpn."
	return []detectorMistake{
		{variant: "fpn: p7 without relu", rewrite: func(g *graph.Graph) { pointing(g, fpn+"top_blocks.p7", 0, fpn+"top_blocks.p6") }},
		{variant: "fpn: no top-down path", rewrite: func(g *graph.Graph) {
			pointing(g, fpn+"fpn_layer3", 0, fpn+"fpn_inner3")
			pointing(g, fpn+"fpn_layer2", 0, fpn+"fpn_inner2")
		}},
	}
}

func headMistakes() []detectorMistake {
	return []detectorMistake{
		{variant: "heads: text not normalised", rewrite: func(g *graph.Graph) {
			for _, n := range g.Nodes {
				if graph.Kind(n.Op) == graph.Kind(graph.TokenLogits{}) {
					pointing(g, n.Path, 2, "text")
				}
			}
			pointing(g, "rpn.head.halved", 0, "text")
		}},
		{variant: "heads: halved text in the bias too", rewrite: func(g *graph.Graph) {
			for _, n := range g.Nodes {
				if graph.Kind(n.Op) == graph.Kind(graph.TokenLogits{}) {
					pointing(g, n.Path, 2, "rpn.head.halved")
				}
			}
		}},
		{variant: "heads: no division by 2", rewrite: opsOf(func(graph.Scale) graph.Op { return graph.Scale{Factor: 1} })},
		{variant: "heads: log_scale ignored", weights: filled(0, ".log_scale")},
		{variant: "heads: bias_lang ignored", weights: filled(0, ".bias_lang")},
		{variant: "heads: bias0 ignored", weights: filled(0, ".bias0")},
		{variant: "heads: level scales ignored", weights: filled(1, ".scale")},
	}
}
