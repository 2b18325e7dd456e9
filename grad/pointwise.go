package grad

import "github.com/glipvk/glipvk/graph"

// pointwise has the rules of what works element by element.
func (t *tape) pointwise(g graph.Value) bool {
	switch o := t.node.Op.(type) {
	case graph.Add:
		t.sum(0, g)
		t.sum(1, g)
	case graph.AddScaled:
		t.sum(0, g)
		if t.wants(1) {
			t.to(1, t.at("y").Mul(g, t.in(2)))
		}
		if t.wants(2) {
			t.sum(2, t.at("gamma").Mul(g, t.in(1)))
		}
	case graph.Mul, graph.MulScalar:
		if t.wants(0) {
			t.to(0, t.at("x").Mul(g, t.in(1)))
		}
		if t.wants(1) {
			t.sum(1, t.at("times").Mul(g, t.in(0)))
		}
	case graph.Scale:
		t.to(0, t.at().Scale(g, o.Factor))
	case graph.Tile:
		t.sum(0, g)
	case graph.SumTiles:
		t.to(0, t.at().Record(graph.Tile{To: t.in(0).Shape()}, g))
	case graph.DynamicReLU:
		if t.wants(0) {
			t.to(0, t.at("x").Record(graph.DynamicReLUGradX{}, g, t.in(0), t.in(1)))
		}
		if t.wants(1) {
			t.to(1, t.at("t").Record(graph.DynamicReLUGradT{}, g, t.in(0), t.in(1)))
		}
	default:
		return t.unary(g)
	}
	return true
}

// unary has the rules of functions of one value.
func (t *tape) unary(g graph.Value) bool {
	b := t.at()
	switch o := t.node.Op.(type) {
	case graph.GELU:
		t.to(0, b.Record(graph.GELUGradX{}, g, t.in(0)))
	case graph.ReLU:
		t.to(0, b.Record(graph.ReLUGradX{}, g, t.in(0)))
	case graph.Sigmoid:
		t.to(0, b.Record(graph.SigmoidGradX{From: o.From}, g, t.out()))
	case graph.HardSigmoid:
		t.to(0, b.Record(graph.HardSigmoidGradX{}, g, t.in(0)))
	case graph.Clamp:
		t.to(0, b.Record(graph.ClampGradX{Limit: o.Limit}, g, t.in(0)))
	case graph.Exp:
		t.to(0, b.Mul(g, t.out()))
	default:
		return false
	}
	return true
}
