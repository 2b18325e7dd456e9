package graph

// Losses of GLIP's training (maskrcnn_benchmark/modeling/rpn/loss.py), each a sum that the
// graph divides by what belongs below it, and their gradients, times the gradient g [1] of
// that sum.

// TokenFocalLoss is the sum of the focal losses of all positions and tokens (token_sigmoid_focal_loss
// of maskrcnn_benchmark/layers/sigmoid_focal_loss.py): logits z [B, S, T], matched [B, S], the
// number of the box that a position belongs to, 0 for none, positive [B, M, T], whose row m is 1
// where a token stands for box m and row 0 what a position without a box is to be, mask [B, T], not
// 0 where there is a token -> [1]. With p = sigmoid(z) a positive token counts
// -Alpha (1-p)^Gamma ln p, another -(1-Alpha) p^Gamma ln(1-p). A matched number that is no row counts
// as the nearest that is.
type TokenFocalLoss struct{ Alpha, Gamma float64 }

func (TokenFocalLoss) takes(int) []string { return []string{"BST", "BS", "BMT", "BT"} }
func (o TokenFocalLoss) valid([]Shape, *sizes) error {
	return must(o.Alpha >= 0 && o.Alpha <= 1 && o.Gamma >= 0, "alpha %g and gamma %g, want 0 to 1 and at least 0", o.Alpha, o.Gamma)
}
func (TokenFocalLoss) infer([]Shape, *sizes) Shape { return Shape{1} }

// TokenFocalLossGradX is g times the derivatives of [TokenFocalLoss] by the logits: g [1], then
// its operands -> [B, S, T].
type TokenFocalLossGradX struct{ TokenFocalLoss }

func (o TokenFocalLossGradX) takes(n int) []string {
	return append([]string{"1"}, o.TokenFocalLoss.takes(n)...)
}
func (TokenFocalLossGradX) infer(in []Shape, _ *sizes) Shape { return in[1] }

// GIoULoss is the sum of weight * (1 - GIoU) over the positions whose weight is above 0
// (GIOULoss of loss.py): deltas [B, S, 4] or [B, H, W, 4], which move the anchors as
// [Candidates]' readers do, anchors [S, 4], inclusive corners, boxes [B, S, 4], what is to be
// found, weight [B, S] -> [1].
//
// A side is the difference of its corners; a right or lower corner before the other takes its
// place; where boxes do not overlap on both axes the intersection is 0; union and enclosing area
// count 1e-7 more. Growth beyond a factor of 1000/16 is cut, without a gradient.
type GIoULoss struct{}

func (GIoULoss) takes(int) []string { return []string{"B*4", "S4", "BS4", "BS"} }
func (GIoULoss) valid(in []Shape, s *sizes) error {
	return must(in[0].Rows() == s['B']*s['S'], "deltas %v of %d anchors, want four for each", in[0], s['S'])
}
func (GIoULoss) infer([]Shape, *sizes) Shape { return Shape{1} }

// GIoULossGradX is g times the derivatives of [GIoULoss] by the deltas, where two are equal half
// to each: g [1], then its operands -> like the deltas.
type GIoULossGradX struct{}

func (GIoULossGradX) takes(n int) []string             { return append([]string{"1"}, GIoULoss{}.takes(n)...) }
func (GIoULossGradX) valid(in []Shape, s *sizes) error { return GIoULoss{}.valid(in[1:], s) }
func (GIoULossGradX) infer(in []Shape, _ *sizes) Shape { return in[1] }

// CenternessLoss is the sum of the binary cross-entropies of logits z [B, S, 1] or [B, H, W, 1]
// with targets c [B, S] over the positions whose target is above 0 -> [1].
type CenternessLoss struct{}

func (CenternessLoss) takes(int) []string { return []string{"B*1", "BS"} }
func (CenternessLoss) valid(in []Shape, _ *sizes) error {
	return must(in[0].Elements() == in[1].Elements(), "logits %v and targets %v, want as many", in[0], in[1])
}
func (CenternessLoss) infer([]Shape, *sizes) Shape { return Shape{1} }

// CenternessLossGradX is g times the derivatives of [CenternessLoss] by the logits: g [1], then
// its operands -> like the logits.
type CenternessLossGradX struct{}

func (CenternessLossGradX) takes(n int) []string {
	return append([]string{"1"}, CenternessLoss{}.takes(n)...)
}
func (CenternessLossGradX) valid(in []Shape, s *sizes) error {
	return CenternessLoss{}.valid(in[1:], s)
}
func (CenternessLossGradX) infer(in []Shape, _ *sizes) Shape { return in[1] }
