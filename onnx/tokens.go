package onnx

import (
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/onnx/schema"
)

// Lists of tokens, and elements in another order.

func embed(l *lowerer, _ graph.Embed, n node) string {
	ids := l.op("Where", nil, l.op("IsNaN", nil, n.in[0]), l.number(0), n.in[0])
	ids = l.op("Clip", nil, ids, l.number(0), l.number(float64(n.shapes[1][0]-1)))
	word := l.op("Gather", list("axis", 0), n.in[1], l.cast(ids, schema.TensorProto_INT64))
	y := l.add(word, l.slice(n.in[2], 0, 0, 1))
	return l.add(y, l.slice(n.in[3], 0, 0, n.shape[1]))
}

func concatTokens(l *lowerer, _ graph.ConcatTokens, n node) string {
	var parts []string
	for i, x := range n.in {
		s := n.shapes[i]
		parts = append(parts, l.reshape(x, -1, s[1:len(s)-1].Elements(), s.Last()))
	}
	return l.concat(1, parts...)
}

func sliceTokens(l *lowerer, o graph.SliceTokens, n node) string {
	x := l.slice(n.in[0], 1, o.Begin, o.Begin+o.Height*o.Width)
	return l.reshape(x, -1, o.Height, o.Width, n.shape[3])
}

// reshape leaves the first size open, which is the one that grows with a batch.
func reshape(l *lowerer, o graph.Reshape, n node) string {
	dims := append([]int{-1}, o.To[min(1, len(o.To)):]...)
	if len(o.To) == 0 {
		dims = nil
	}
	return l.reshape(n.in[0], dims...)
}

func swapLast(l *lowerer, _ graph.SwapLast, n node) string {
	axes := make([]int, len(n.shape))
	for i := range axes {
		axes[i] = i
	}
	last := len(axes) - 1
	axes[last-1], axes[last] = last, last-1
	return l.transpose(n.in[0], axes...)
}
