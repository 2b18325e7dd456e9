package onnx

import (
	"math"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/onnx/schema"
)

// What makes detections of token logits.

func phraseScores(l *lowerer, o graph.PhraseScores, n node) string {
	logits, zero := n.in[0], l.number(0)
	owned := l.cast(l.op("Not", nil, l.op("Equal", nil, n.in[1], zero)), schema.TensorProto_FLOAT) // [B, L, T]
	if o.Aggregate == graph.Max {
		tokens := n.shapes[0][2]
		all := l.mul(l.reshape(l.op("Sigmoid", nil, logits), -1, n.shape[1], 1, tokens), l.reshape(owned, -1, 1, n.shape[2], tokens))
		return l.op("ReduceMax", list("keepdims", 0), all, l.ints(-1))
	}
	count := l.reshape(l.op("ReduceSum", list("keepdims", 0), owned, l.ints(-1)), -1, 1, n.shape[2]) // [B, 1, L]
	some := l.op("Max", nil, count, l.number(1))
	columns := l.transpose(owned, 0, 2, 1) // [B, T, L]
	if o.Aggregate == graph.Power {
		// The logarithm of a sigmoid is -softplus(-z), which is finite.
		logs := l.op("Softplus", nil, l.op("Neg", nil, logits))
		mean := l.op("Exp", nil, l.op("Neg", nil, l.div(l.matmul(logs, columns), some)))
		return l.mul(mean, l.op("Min", nil, count, l.number(1)))
	}
	return l.div(l.matmul(l.op("Sigmoid", nil, logits), columns), some)
}

// below is the largest float32 that is not above a threshold: a float32 is above it if it is above the threshold.
func below(threshold float64) float64 {
	t := float32(threshold)
	if float64(t) > threshold {
		t = math.Nextafter32(t, -1)
	}
	return float64(t)
}

// candidates takes the largest q by TopK, where what is no candidate has -1. Of equal ones TopK takes the smaller index first.
func candidates(l *lowerer, o graph.Candidates, n node) string {
	positions, labels := n.shapes[0][1], n.shapes[0][2]
	pairs := positions * labels
	kept := min(o.Limit, pairs)
	p, deltas := n.in[0], l.reshape(n.in[2], -1, positions, 4)
	q := l.mul(p, l.op("Sigmoid", nil, l.reshape(n.in[1], -1, positions, 1)))
	valid := l.op("And", nil, l.op("Greater", nil, p, l.number(below(o.Threshold))), l.op("Not", nil, l.op("IsNaN", nil, q)))
	ranked := l.reshape(l.op("Where", nil, valid, q, l.number(-1)), -1, pairs)
	top := l.ops("TopK", 2, list("axis", -1, "largest", 1, "sorted", 1), ranked, l.ints(kept))
	best, index := top[0], top[1] // [B, kept]

	position := l.div(index, l.integer(labels))
	label := l.add(l.sub(index, l.mul(position, l.integer(labels))), l.integer(1))
	column := func(x string) string { return l.reshape(x, -1, kept, 1) }
	number := func(x string) string { return column(l.cast(x, schema.TensorProto_FLOAT)) }
	row := l.concat(2, column(best), column(l.op("GatherElements", list("axis", 1), l.reshape(p, -1, pairs), index)), number(position), number(label),
		l.op("GatherND", list("batch_dims", 1), deltas, column(position)))
	row = l.op("Where", nil, column(l.op("GreaterOrEqual", nil, best, l.number(0))), row, l.number(0))
	if kept < o.Limit {
		row = l.op("Pad", nil, row, l.ints(0, 0, 0, 0, o.Limit-kept, 0))
	}
	return row
}
