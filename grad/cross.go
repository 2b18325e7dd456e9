package grad

import "github.com/glipvk/glipvk/graph"

// cross has the rules of the products between pictures and text. Those of the absorbed
// forms are one another's.
func (t *tape) cross(g graph.Value) bool {
	switch o := t.node.Op.(type) {
	case graph.CrossScores:
		t.crossScores(g, o)
	case graph.CrossContext:
		t.crossContext(g, o)
	case graph.AbsorbKeys:
		t.absorbKeys(g, o)
	case graph.AbsorbBias:
		t.absorbBias(g, o)
	case graph.AbsorbValues:
		t.absorbValues(g, o)
	case graph.HeadLinear:
		t.headLinear(g, o)
	default:
		return false
	}
	return true
}

func (t *tape) crossScores(g graph.Value, o graph.CrossScores) {
	if t.wants(0) {
		t.to(0, t.at("q").Scale(t.at("grad_q").CrossContext(g, t.in(1), o.Heads), o.Scale))
	}
	if t.wants(1) {
		t.to(1, t.at("k").Scale(t.at("grad_k").CrossContext(t.at("swapped").SwapLast(g), t.in(0), o.Heads), o.Scale))
	}
	if t.wants(2) {
		shape := t.in(2).Shape()
		t.to(2, t.at("shaped").Reshape(t.at("bias").Record(graph.SumTiles{To: graph.Shape{shape[0], 1, 1, shape[1]}}, g), shape...))
	}
}

func (t *tape) crossContext(g graph.Value, o graph.CrossContext) {
	if t.wants(0) {
		t.to(0, t.at("probabilities").CrossScores(g, t.in(1), graph.CrossScores{Heads: o.Heads, Scale: 1}))
	}
	if t.wants(1) {
		t.to(1, t.at("v").CrossContext(t.at("swapped").SwapLast(t.in(0)), g, o.Heads))
	}
	t.sum(2, g)
}

// project is [graph.HeadLinear] without a bias.
func (t *tape) project(g, weight graph.Value, heads int) graph.Value {
	return t.at("project").Record(graph.HeadLinear{Heads: heads}, g, weight, t.at("none").Record(graph.Fill{To: weight.Shape()[:1]}))
}

func (t *tape) absorbKeys(g graph.Value, o graph.AbsorbKeys) {
	if t.wants(0) {
		t.to(0, t.at("k").Scale(t.project(g, t.in(1), o.Heads), o.Scale))
	}
	if t.wants(1) {
		t.to(1, t.at("weight").Scale(t.at("grad_weight").Record(graph.HeadLinearGradWeight{Heads: o.Heads}, t.in(0), g), o.Scale))
	}
}

func (t *tape) absorbBias(g graph.Value, o graph.AbsorbBias) {
	k, bias := t.in(0), t.in(1)
	batch, e := k.Shape()[0], bias.Shape()[0]
	column := t.at("column").Reshape(g, batch, g.Shape()[1], 1)
	if t.wants(0) {
		t.to(0, t.at("k").Scale(t.project(column, t.at("bias_column").Reshape(bias, e, 1), o.Heads), o.Scale))
	}
	if t.wants(1) {
		y := t.at("grad_bias").Record(graph.HeadLinearGradWeight{Heads: o.Heads}, k, column)
		t.to(1, t.at("bias").Scale(t.at("row").Reshape(y, e), o.Scale))
	}
	if t.wants(2) {
		tokens := k.Shape()[1]
		y := t.at("mask").Record(graph.SumTiles{To: graph.Shape{batch, 1, tokens}}, t.at("heads").Reshape(g, batch, o.Heads, tokens))
		t.to(2, t.at("shaped").Reshape(y, batch, tokens))
	}
}

func (t *tape) absorbValues(g graph.Value, o graph.AbsorbValues) {
	if t.wants(0) {
		t.to(0, t.project(g, t.at("swapped").SwapLast(t.in(1)), o.Heads))
	}
	if t.wants(1) {
		t.to(1, t.at("weight").SwapLast(t.at("grad_weight").Record(graph.HeadLinearGradWeight(o), t.in(0), g)))
	}
}

func (t *tape) headLinear(g graph.Value, o graph.HeadLinear) {
	if t.wants(0) {
		t.to(0, t.at("x").Record(graph.AbsorbKeys{Heads: o.Heads, Scale: 1}, g, t.in(1)))
	}
	if t.wants(1) {
		t.to(1, t.at("weight").Record(graph.HeadLinearGradWeight(o), g, t.in(0)))
	}
	t.sum(2, g)
}
