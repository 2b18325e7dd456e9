package graph

import "fmt"

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

// Kind implements [Op].
func (TokenFocalLoss) Kind() string { return "tokenfocalloss" }

func (TokenFocalLoss) takes() (least, most int) { return 4, 4 }
func (o TokenFocalLoss) infer(in []Shape) (Shape, error) {
	z, matched, positive, mask := in[0], in[1], in[2], in[3]
	if len(z) != 3 || !matched.Equal(z[:2]) || len(positive) != 3 || positive[0] != z[0] || positive[2] != z[2] || !mask.Equal(Shape{z[0], z[2]}) {
		return refuse("logits %v, matched %v, positive %v and mask %v, want [B, S, T], [B, S], [B, M, T] and [B, T]", z, matched, positive, mask)
	}
	if !(o.Alpha >= 0 && o.Alpha <= 1 && o.Gamma >= 0) {
		return refuse("alpha %g and gamma %g, want 0 to 1 and at least 0", o.Alpha, o.Gamma)
	}
	return Shape{1}, nil
}

// TokenFocalLoss records [TokenFocalLoss].
func (b *Builder) TokenFocalLoss(z, matched, positive, mask Value, o TokenFocalLoss) Value {
	return b.add(o, z, matched, positive, mask)
}

// TokenFocalLossGradX is g times the derivatives of [TokenFocalLoss] by the logits: g [1], then
// its operands -> [B, S, T].
type TokenFocalLossGradX struct{ TokenFocalLoss }

// Kind implements [Op].
func (TokenFocalLossGradX) Kind() string { return "tokenfocallossgradx" }

func (TokenFocalLossGradX) takes() (least, most int) { return 5, 5 }
func (o TokenFocalLossGradX) infer(in []Shape) (Shape, error) {
	if _, err := o.TokenFocalLoss.infer(in[1:]); err != nil {
		return nil, err
	}
	return in[1], one(in[0])
}

// TokenFocalLossGradX records [TokenFocalLossGradX].
func (b *Builder) TokenFocalLossGradX(g, z, matched, positive, mask Value, o TokenFocalLoss) Value {
	return b.add(TokenFocalLossGradX{o}, g, z, matched, positive, mask)
}

// one checks the gradient of a sum.
func one(g Shape) error {
	if !g.Equal(Shape{1}) {
		return fmt.Errorf("%w: gradient %v of a sum, want [1]", ErrShape, g)
	}
	return nil
}

// GIoULoss is the sum of weight * (1 - GIoU) over the positions whose weight is above 0
// (GIOULoss of loss.py): deltas [B, S, 4] or [B, H, W, 4], which move the anchors as
// [Candidates]' readers do, anchors [S, 4], inclusive corners, boxes [B, S, 4], what is to be
// found, weight [B, S] -> [1].
//
// A side is the difference of its corners; a right or lower corner before the other takes its
// place; where boxes do not overlap on both axes the intersection is 0; union and enclosing area
// count 1e-7 more. Growth beyond a factor of 1000/16 is cut, without a gradient.
type GIoULoss struct{}

// Kind implements [Op].
func (GIoULoss) Kind() string { return "giouloss" }

func (GIoULoss) takes() (least, most int) { return 4, 4 }
func (GIoULoss) infer(in []Shape) (Shape, error) {
	deltas, anchors, boxes, weight := in[0], in[1], in[2], in[3]
	if len(deltas) < 3 || deltas.Last() != 4 {
		return refuse("deltas %v, want [B, S, 4]", deltas)
	}
	batch, positions := deltas[0], deltas[1:len(deltas)-1].Elements()
	if !anchors.Equal(Shape{positions, 4}) || !boxes.Equal(Shape{batch, positions, 4}) || !weight.Equal(Shape{batch, positions}) {
		return refuse("anchors %v, boxes %v and weight %v beside deltas %v, want [S, 4], [B, S, 4] and [B, S]", anchors, boxes, weight, deltas)
	}
	return Shape{1}, nil
}

// GIoULoss records [GIoULoss].
func (b *Builder) GIoULoss(deltas, anchors, boxes, weight Value) Value {
	return b.add(GIoULoss{}, deltas, anchors, boxes, weight)
}

// GIoULossGradX is g times the derivatives of [GIoULoss] by the deltas, where two are equal half
// to each: g [1], then its operands -> like the deltas.
type GIoULossGradX struct{}

// Kind implements [Op].
func (GIoULossGradX) Kind() string { return "gioulossgradx" }

func (GIoULossGradX) takes() (least, most int) { return 5, 5 }
func (GIoULossGradX) infer(in []Shape) (Shape, error) {
	if _, err := (GIoULoss{}).infer(in[1:]); err != nil {
		return nil, err
	}
	return in[1], one(in[0])
}

// GIoULossGradX records [GIoULossGradX].
func (b *Builder) GIoULossGradX(g, deltas, anchors, boxes, weight Value) Value {
	return b.add(GIoULossGradX{}, g, deltas, anchors, boxes, weight)
}

// CenternessLoss is the sum of the binary cross-entropies of logits z [B, S, 1] or [B, H, W, 1]
// with targets c [B, S] over the positions whose target is above 0 -> [1].
type CenternessLoss struct{}

// Kind implements [Op].
func (CenternessLoss) Kind() string { return "centernessloss" }

func (CenternessLoss) takes() (least, most int) { return 2, 2 }
func (CenternessLoss) infer(in []Shape) (Shape, error) {
	z, c := in[0], in[1]
	if len(z) < 3 || z.Last() != 1 || !c.Equal(Shape{z[0], z[1:].Elements()}) {
		return refuse("logits %v and targets %v, want [B, S, 1] and [B, S]", z, c)
	}
	return Shape{1}, nil
}

// CenternessLoss records [CenternessLoss].
func (b *Builder) CenternessLoss(z, targets Value) Value { return b.add(CenternessLoss{}, z, targets) }

// CenternessLossGradX is g times the derivatives of [CenternessLoss] by the logits: g [1], then
// its operands -> like the logits.
type CenternessLossGradX struct{}

// Kind implements [Op].
func (CenternessLossGradX) Kind() string { return "centernesslossgradx" }

func (CenternessLossGradX) takes() (least, most int) { return 3, 3 }
func (CenternessLossGradX) infer(in []Shape) (Shape, error) {
	if _, err := (CenternessLoss{}).infer(in[1:]); err != nil {
		return nil, err
	}
	return in[1], one(in[0])
}

// CenternessLossGradX records [CenternessLossGradX].
func (b *Builder) CenternessLossGradX(g, z, targets Value) Value {
	return b.add(CenternessLossGradX{}, g, z, targets)
}
