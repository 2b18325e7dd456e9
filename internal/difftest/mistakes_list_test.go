package difftest_test

import (
	"math"
	"strings"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/difftest"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/synthetic"
)

// mistakes are those of variants.json, in its order.
func mistakes() []mistake {
	list := []mistake{
		{id: "gelu-tanh", spoil: geluAs(func(x float64) float64 {
			return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		})},
		{id: "gelu-sigmoid", spoil: geluAs(func(x float64) float64 { return x / (1 + math.Exp(-1.702*x)) })},
		{id: "eps-1e-6", rewrite: withEps(1e-6)},
		{id: "eps-1e-4", rewrite: withEps(1e-4)},
		{id: "eps-1e-3", rewrite: withEps(1e-3)},
		{id: "eps-0", rewrite: withEps(0)},
		{id: "eps-outside-root", spoil: layerNormAs(func(variance, _, eps float64) float64 { return math.Sqrt(variance) + eps })},
		{id: "variance-unbiased", spoil: layerNormAs(func(variance, c, eps float64) float64 {
			return math.Sqrt(variance*c/(c-1) + eps)
		})},
		{id: "residual-after-norm1", rewrite: suffixed(".residual", firstOperand(".residual", ".norm1"))},
		{id: "residual-after-norm2", rewrite: func(g *graph.Graph) {
			for i, n := range g.Nodes {
				if graph.Kind(n.Op) == "add" && strings.Count(n.Path, ".") == 3 && strings.Contains(n.Path, ".blocks.") {
					firstOperand("", ".norm2")(g, i)
				}
			}
		}},
		{id: "no-patch-norm", spoil: at("patch_embed.norm", func(s *spoiler, n graph.Node, data []float32) { copy(data, s.in(n, 0)) })},
		{id: "no-output-norm", spoil: func(s *spoiler, n graph.Node, data []float32) {
			if strings.HasPrefix(n.Path, "norm") {
				copy(data, s.in(n, 0))
			}
		}},
		{id: "pad-small-map", config: func(c *swin.Config) { c.PadSmallMap = !c.PadSmallMap }},
		{id: "one-weight-sign", weights: func(w difftest.Weights) difftest.Weights {
			return difftest.WeightsFunc(func(name string, shape []int) ([]float32, error) {
				data, err := w.Tensor(name, shape)
				if err == nil && name == "stages.2.blocks.1.attn.w_msa.proj.weight" {
					data[3*shape[1]+5] *= -1
				}
				return data, err
			})
		}},
		{id: "weights-float16", weights: roundedBy(synthetic.RoundFloat16)},
		{id: "weights-bfloat16", weights: roundedBy(synthetic.RoundBFloat16)},
		{id: "tf32", spoil: linearTF32},
		{id: "rgb", input: func(c *difftest.Case, x []float32) {
			repaint(c, x, func(pixel [3]float64, channel int) float64 {
				return (pixel[2-channel] - bgrMean[channel]) / bgrStd[channel]
			})
		}},
		{id: "unit-range", input: func(c *difftest.Case, x []float32) {
			repaint(c, x, func(pixel [3]float64, channel int) float64 {
				return (pixel[channel] - bgrMean[2-channel]) / bgrStd[2-channel]
			})
		}},
	}
	list = append(list, windowMistakes()...)
	return append(list, attentionMistakes()...)
}

// at spoils values whose path ends so.
func at(suffix string, spoil func(*spoiler, graph.Node, []float32)) func(*spoiler, graph.Node, []float32) {
	return func(s *spoiler, n graph.Node, data []float32) {
		if strings.HasSuffix(n.Path, suffix) {
			spoil(s, n, data)
		}
	}
}

func geluAs(f func(float64) float64) func(*spoiler, graph.Node, []float32) {
	return func(s *spoiler, n graph.Node, data []float32) {
		if graph.Kind(n.Op) != "gelu" {
			return
		}
		for i, x := range s.in(n, 0) {
			data[i] = float32(f(float64(x)))
		}
	}
}

func withEps(eps float64) func(*graph.Graph) {
	return func(g *graph.Graph) {
		for i := range g.Nodes {
			if _, ok := g.Nodes[i].Op.(graph.LayerNorm); ok {
				g.Nodes[i].Op = graph.LayerNorm{Eps: eps}
			}
		}
	}
}

// layerNormAs divides by another function of variance, channels and eps.
func layerNormAs(divisor func(variance, c, eps float64) float64) func(*spoiler, graph.Node, []float32) {
	return func(s *spoiler, n graph.Node, data []float32) {
		op, ok := n.Op.(graph.LayerNorm)
		if !ok {
			return
		}
		x, weight, bias := s.in(n, 0), s.in(n, 1), s.in(n, 2)
		c := n.Shape.Last()
		for start := 0; start < len(x); start += c {
			var mean, variance float64
			for _, v := range x[start:][:c] {
				mean += float64(v) / float64(c)
			}
			for _, v := range x[start:][:c] {
				variance += (float64(v) - mean) * (float64(v) - mean) / float64(c)
			}
			by := divisor(variance, float64(c), op.Eps)
			for j, v := range x[start:][:c] {
				data[start+j] = float32((float64(v)-mean)/by*float64(weight[j]) + float64(bias[j]))
			}
		}
	}
}

// firstOperand replaces the first operand by the node whose path has another ending.
func firstOperand(suffix, other string) func(*graph.Graph, int) {
	return func(g *graph.Graph, i int) {
		n := &g.Nodes[i]
		if id, ok := g.Find(strings.TrimSuffix(n.Path, suffix) + other); ok {
			n.Inputs[0] = id
		}
	}
}

func roundedBy(round func([]float32)) func(difftest.Weights) difftest.Weights {
	return func(w difftest.Weights) difftest.Weights {
		return difftest.WeightsFunc(func(name string, shape []int) ([]float32, error) {
			data, err := w.Tensor(name, shape)
			if err == nil {
				round(data)
			}
			return data, err
		})
	}
}

// linearTF32 rounds both factors of every linear layer to 10 bits of mantissa.
func linearTF32(s *spoiler, n graph.Node, data []float32) {
	if graph.Kind(n.Op) != "linear" {
		return
	}
	x, w := tf32(s.in(n, 0)), tf32(s.in(n, 1))
	columns := n.Shape.Last()
	k := len(w) / columns
	bias := make([]float32, columns)
	if len(n.Inputs) == 3 {
		bias = s.in(n, 2)
	}
	for i := range data {
		row, column := i/columns, i%columns
		sum := float64(bias[column])
		for e := range k {
			sum += x[row*k+e] * w[column*k+e]
		}
		data[i] = float32(sum)
	}
}

// tf32 rounds to the nearest number with 10 bits after the leading one, ties to even.
func tf32(x []float32) []float64 {
	rounded := make([]float64, len(x))
	for i, v := range x {
		fraction, exponent := math.Frexp(float64(v))
		rounded[i] = math.Ldexp(math.RoundToEven(fraction*(1<<11)), exponent-11)
	}
	return rounded
}

// The pipeline's constants, blue first.
var (
	bgrMean = [3]float64{103.53, 116.28, 123.675}
	bgrStd  = [3]float64{57.375, 57.12, 58.395}
)

// repaint normalises the pixels of an input in another way.
func repaint(c *difftest.Case, x []float32, normalised func(pixel [3]float64, channel int) float64) {
	plane := c.Input.Height * c.Input.Width
	for start := 0; start < len(x); start += 3 * plane {
		for i := start; i < start+plane; i++ {
			var pixel [3]float64
			for ch := range pixel {
				pixel[ch] = math.Round(float64(x[i+ch*plane])*bgrStd[ch] + bgrMean[ch])
			}
			for ch := range pixel {
				x[i+ch*plane] = float32(normalised(pixel, ch))
			}
		}
	}
}
