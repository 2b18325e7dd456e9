package grad

import "github.com/glipvk/glipvk/graph"

// norm has the rules of what is brought to a mean, a length or a sum.
func (t *tape) norm(g graph.Value) bool {
	switch o := t.node.Op.(type) {
	case graph.LayerNorm:
		if t.wants(0) {
			t.to(0, t.at("x").Record(graph.LayerNormGradX(o), g, t.in(0), t.in(1)))
		}
		if t.wants(1) {
			t.to(1, t.at("weight").Record(graph.LayerNormGradWeight(o), g, t.in(0)))
		}
		t.sum(2, g)
	case graph.GroupNorm:
		if t.wants(0) {
			t.to(0, t.at("x").Record(graph.GroupNormGradX{GroupNorm: o}, g, t.in(0), t.in(1)))
		}
		if t.wants(1) {
			t.to(1, t.at("weight").Record(graph.GroupNormGradWeight{GroupNorm: o}, g, t.in(0)))
		}
		t.sum(2, g)
	case graph.Normalize:
		t.to(0, t.at("x").Record(graph.NormalizeGradX(o), g, t.in(0)))
	case graph.Softmax:
		t.to(0, t.at("x").Record(graph.SoftmaxGradX{}, g, t.out()))
	default:
		return false
	}
	return true
}
