package grad

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// matrix has the rules of products of values and weights, and of windows with themselves.
func (t *tape) matrix(g graph.Value) bool {
	switch o := t.node.Op.(type) {
	case graph.Linear:
		t.linear(g)
	case graph.Conv:
		t.conv(g, o)
	case graph.DeformConv:
		t.deformConv(g, o)
	case graph.Scores:
		t.scores(g, o)
	case graph.Context:
		t.context(g, o)
	case graph.TokenLogits:
		t.tokenLogits(g, o)
	default:
		return false
	}
	return true
}

// sum hands operand i, where it is wanted, the gradient summed to its shape.
func (t *tape) sum(i int, g graph.Value) {
	if !t.wants(i) {
		return
	}
	if shape := t.in(i).Shape(); !shape.Equal(g.Shape()) {
		g = t.at("sum", i).Record(graph.SumTiles{To: shape}, g)
	}
	t.to(i, g)
}

func (t *tape) linear(g graph.Value) {
	x, w := t.in(0), t.in(1)
	if t.wants(0) {
		t.to(0, t.at("x").Record(graph.LinearGradX{}, g, w))
	}
	if t.wants(1) {
		t.to(1, t.at("weight").Record(graph.LinearGradWeight{Weight: w.Shape()}, g, x))
	}
	t.sum(2, g)
}

func (t *tape) conv(g graph.Value, o graph.Conv) {
	x, w := t.in(0), t.in(1)
	if t.wants(0) {
		t.to(0, t.at("x").Record(graph.ConvGradX{Conv: o, Height: x.Shape()[1], Width: x.Shape()[2]}, g, w))
	}
	if t.wants(1) {
		t.to(1, t.at("weight").Record(graph.ConvGradWeight{Conv: o, Size: w.Shape()[2]}, g, x))
	}
	t.sum(2, g)
}

func (t *tape) deformConv(g graph.Value, o graph.DeformConv) {
	x, om, w := t.in(0), t.in(1), t.in(2)
	if t.wants(1) {
		t.to(1, t.at("offset").Record(graph.DeformConvGradOffset{DeformConv: o}, g, x, om, w))
	}
	if t.wants(0) { // behind the other, which reads the map: one step may compute both
		t.to(0, t.at("x").Record(graph.DeformConvGradX{DeformConv: o, Height: x.Shape()[1], Width: x.Shape()[2]}, g, om, w))
	}
	if t.wants(2) {
		t.to(2, t.at("weight").Record(graph.DeformConvGradWeight{DeformConv: o, Size: w.Shape()[2]}, g, x, om))
	}
	t.sum(3, g)
}

// third is the queries, keys or values, number which, of the packed operand i.
func (t *tape) third(i, which int) graph.Value {
	c := t.in(i).Shape().Last() / 3
	return t.at([]string{"q", "k", "v"}[which]).Record(graph.SliceChannels{Begin: which * c, Count: c}, t.in(i))
}

// toThird hands the gradient of queries, keys or values to the packed operand i.
func (t *tape) toThird(i, which int, g graph.Value) {
	c := t.in(i).Shape().Last() / 3
	t.toPart(i, channels, which*c, c, g)
}

func (t *tape) scores(g graph.Value, o graph.Scores) {
	q := t.at("grad_q").CrossContext(g, t.third(0, 1), o.Heads)
	k := t.at("grad_k").CrossContext(t.at("swapped").SwapLast(g), t.third(0, 0), o.Heads)
	t.toThird(0, 0, t.at("scaled_q").Scale(q, o.Scale))
	t.toThird(0, 1, t.at("scaled_k").Scale(k, o.Scale))
}

func (t *tape) context(g graph.Value, o graph.Context) {
	if t.wants(0) {
		t.to(0, t.at("probabilities").CrossScores(g, t.third(1, 2), graph.CrossScores{Heads: o.Heads, Scale: 1}))
	}
	if t.wants(1) {
		t.toThird(1, 2, t.at("grad_v").CrossContext(t.at("swapped").SwapLast(t.in(0)), g, o.Heads))
	}
}

// tokenLogits differentiates clamp(x·p / exp(s) + e·b + b0).
func (t *tape) tokenLogits(g graph.Value, o graph.TokenLogits) {
	x, p, e, bias := t.in(0), t.in(1), t.in(2), t.in(3)
	whole := t.at("whole").TokenLogits(x, p, e, graph.TokenWeights{BiasLang: bias, Bias0: t.in(4), LogScale: t.in(5)}, graph.TokenLogits{Limit: math.MaxFloat32})
	g = t.at("clamp").Record(graph.ClampGradX{Limit: o.Limit}, g, whole) // [B, S, T]
	shape := g.Shape()
	if shape == nil {
		return
	}
	batch, positions, count := shape[0], shape[1], shape[2]
	heads := t.at("heads").Reshape(g, batch, 1, positions, count)
	scale := t.at("scale").Record(graph.Exp{}, t.at("minus").Scale(t.in(5), -1))
	if t.wants(0) {
		y := t.at("x").MulScalar(t.at("grad_x").CrossContext(heads, p, 1), scale)
		t.to(0, t.at("shaped").Reshape(y, x.Shape()...))
	}
	if t.wants(1) || t.wants(5) {
		flat := t.at("flat").Reshape(x, batch, positions, x.Shape().Last())
		y := t.at("p").MulScalar(t.at("grad_p").CrossContext(t.at("swapped").SwapLast(heads), flat, 1), scale)
		if t.wants(1) {
			t.to(1, y)
		}
		if t.wants(5) { // x·p / exp(s) has the derivative -x·p / exp(s)
			t.to(5, t.at("log_scale").Scale(t.at("sum_p").Record(graph.SumTiles{To: graph.Shape{1}}, t.at("times_p").Mul(y, p)), -1))
		}
	}
	own := t.at("tokens").Reshape(t.at("sum_s").Record(graph.SumTiles{To: graph.Shape{batch, 1, count}}, g), batch, count, 1)
	if t.wants(2) {
		t.to(2, t.at("e").LinearOf(own, t.at("column").Reshape(bias, bias.Shape().Last(), 1), graph.NoBias))
	}
	if t.wants(3) {
		d := bias.Shape().Last()
		t.to(3, t.at("row").Reshape(t.at("bias_lang").Record(graph.LinearGradWeight{Weight: graph.Shape{1, d}}, own, e), d))
	}
	t.sum(4, g)
}
