package grad

import "github.com/glipvk/glipvk/graph"

// loss has the rules of losses. What the model said has a gradient; targets are constants.
func (t *tape) loss(g graph.Value) bool {
	b := t.at()
	switch o := t.node.Op.(type) {
	case graph.TokenFocalLoss:
		t.to(0, b.Record(graph.TokenFocalLossGradX{TokenFocalLoss: o}, g, t.in(0), t.in(1), t.in(2), t.in(3)))
	case graph.GIoULoss:
		t.to(0, b.Record(graph.GIoULossGradX{}, g, t.in(0), t.in(1), t.in(2), t.in(3)))
	case graph.CenternessLoss:
		t.to(0, b.Record(graph.CenternessLossGradX{}, g, t.in(0), t.in(1)))
	default:
		return false
	}
	return true
}
