package glip

import "github.com/glipvk/glipvk/graph"

// focal has the settings of the original (FOCAL of maskrcnn_benchmark/config/defaults.py).
var focal = graph.TokenFocalLoss{Alpha: 0.25, Gamma: 2}

// sought are the inputs that say what a batch is to make a model say.
type sought struct {
	matched, positive, mask, anchors, boxes, weight, perWeight, perPositive graph.Value
}

// targets records the inputs for [Targets].
func (m model) targets(b *graph.Builder, s Training) sought {
	n := s.positions()
	return sought{
		matched:     b.In("matched").Input(s.Batch, n),
		positive:    b.In("positive").Input(s.Batch, 1+s.Objects, s.Tokens),
		mask:        b.In("mask").Input(s.Batch, s.Tokens),
		anchors:     b.In("anchors").Input(n, 4),
		boxes:       b.In("boxes").Input(s.Batch, n, 4),
		weight:      b.In("weight").Input(s.Batch, n),
		perWeight:   b.In("per_weight").Input(1),
		perPositive: b.In("per_positive").Input(1),
	}
}

// TargetPaths are where [RecordTraining] has the inputs for [Targets.Inputs].
func TargetPaths() []string {
	var paths []string
	for _, name := range []string{"matched", "positive", "mask", "anchors", "boxes", "weight", "per_weight", "per_positive"} {
		paths = append(paths, "targets."+name)
	}
	return paths
}

// Inputs are the values of [Targets] in the order in which they are recorded.
func (t Targets) Inputs() [][]float32 {
	return [][]float32{t.Matched, t.Positive, t.Mask, t.Anchors, t.Boxes, t.Weight, {t.PerWeight}, {t.PerPositive}}
}

// loss records the losses of the predictions of all levels, marks each as an output, and their
// sum (ATSSLossComputation.__call__ of maskrcnn_benchmark/modeling/rpn/loss.py).
func (m model) loss(b *graph.Builder, list []prediction, s sought) {
	var logits, deltas, centers []graph.Value
	for _, p := range list {
		logits, deltas, centers = append(logits, p.logits), append(deltas, p.deltas), append(centers, p.centerness)
	}
	all := b.In("all")
	box := b.In("box", "sum").Record(graph.GIoULoss{}, all.In("deltas").ConcatTokens(deltas...), s.anchors, s.boxes, s.weight)
	centerness := b.In("centerness", "sum").Record(graph.CenternessLoss{}, all.In("centerness").ConcatTokens(centers...), s.weight)
	token := b.In("token", "sum").Record(focal, all.In("logits").ConcatTokens(logits...), s.matched, s.positive, s.mask)
	box = b.In("box").MulScalar(box, s.perWeight)
	centerness = b.In("centerness").MulScalar(centerness, s.perPositive)
	token = b.In("token").MulScalar(token, s.perPositive)
	for _, v := range []graph.Value{box, centerness, token} {
		b.Output(v)
	}
	b.In("sum").Add(b.In("boxes").Add(box, centerness), token)
}
