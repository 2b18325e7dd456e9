package grad

import "github.com/glipvk/glipvk/graph"

// norm has the rules of what is brought to a mean, a length or a sum.
func (t *tape) norm(g graph.Value) bool {
	switch o := t.node.Op.(type) {
	case graph.LayerNorm:
		if t.wants(0) {
			t.to(0, t.at("x").LayerNormGradX(g, t.in(0), t.in(1), o.Eps))
		}
		if t.wants(1) {
			t.to(1, t.at("weight").LayerNormGradWeight(g, t.in(0), o.Eps))
		}
		t.sum(2, g)
	case graph.GroupNorm:
		if t.wants(0) {
			t.to(0, t.at("x").GroupNormGradX(g, t.in(0), t.in(1), o))
		}
		if t.wants(1) {
			t.to(1, t.at("weight").GroupNormGradWeight(g, t.in(0), o))
		}
		t.sum(2, g)
	case graph.Normalize:
		t.to(0, t.at("x").NormalizeGradX(g, t.in(0), o.Eps))
	case graph.Softmax:
		t.to(0, t.at("x").SoftmaxGradX(g, t.out()))
	default:
		return false
	}
	return true
}
