package train

import (
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
)

// Predictions are what the head says of all positions, level by level.
type Predictions struct {
	Logits     graph.Value // [B, S, T]
	Deltas     graph.Value // [B, S, 4]
	Centerness graph.Value // [B, S, 1]
}

// Losses are the parts of the loss and their sum, each [1].
type Losses struct {
	Box, Centerness, Token, Sum graph.Value
}

// FocalLoss has the settings of the original (FOCAL of maskrcnn_benchmark/config/defaults.py).
var FocalLoss = graph.TokenFocalLoss{Alpha: 0.25, Gamma: 2}

// RecordLosses records the losses of predictions below the scope of b, after inputs for
// [Targets]: matched, positive, mask, anchors, boxes, weight, per_weight and per_positive.
// The sum is at loss (ATSSLossComputation.__call__ of maskrcnn_benchmark/modeling/rpn/loss.py).
func RecordLosses(b *graph.Builder, p Predictions, s Size) Losses {
	n, in := s.positions(), b.In("targets")
	matched := in.In("matched").Input(s.Batch, n)
	positive := in.In("positive").Input(s.Batch, 1+s.Objects, s.Tokens)
	mask := in.In("mask").Input(s.Batch, s.Tokens)
	anchors := in.In("anchors").Input(n, 4)
	boxes := in.In("boxes").Input(s.Batch, n, 4)
	weight := in.In("weight").Input(s.Batch, n)
	perWeight, perPositive := in.In("per_weight").Input(1), in.In("per_positive").Input(1)

	box := b.In("box", "sum").GIoULoss(p.Deltas, anchors, boxes, weight)
	centerness := b.In("centerness", "sum").CenternessLoss(p.Centerness, weight)
	token := b.In("token", "sum").TokenFocalLoss(p.Logits, matched, positive, mask, FocalLoss)
	l := Losses{
		Box:        b.In("box").MulScalar(box, perWeight),
		Centerness: b.In("centerness").MulScalar(centerness, perPositive),
		Token:      b.In("token").MulScalar(token, perPositive),
	}
	l.Sum = b.In("sum").Add(b.In("boxes").Add(l.Box, l.Centerness), l.Token)
	return l
}

// Inputs are the values of what [RecordLosses] records, in order.
func (t Targets) Inputs() [][]float32 {
	return [][]float32{t.Matched, t.Positive, t.Mask, t.Anchors, t.Boxes, t.Weight, {t.PerWeight}, {t.PerPositive}}
}

// Joined puts the predictions of all levels one after the other.
func Joined(b *graph.Builder, p glip.Predictions) Predictions {
	return Predictions{
		Logits:     b.In("logits").ConcatTokens(p.Logits...),
		Deltas:     b.In("deltas").ConcatTokens(p.Deltas...),
		Centerness: b.In("centerness").ConcatTokens(p.Centerness...),
	}
}
