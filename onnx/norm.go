package onnx

import "github.com/glipvk/glipvk/graph"

// What is brought to a mean, a length or a sum.

func layerNorm(l *lowerer, o graph.LayerNorm, n node) string {
	return l.op("LayerNormalization", list("axis", -1, "epsilon", o.Eps), n.in...)
}

// groupNorm norms each group as a channel of its own: opset 21 has an operator for groups, which few runtimes know yet.
func groupNorm(l *lowerer, o graph.GroupNorm, n node) string {
	height, width, channels := n.shape[1], n.shape[2], n.shape[3]
	ones, zeros := make([]float32, o.Groups), make([]float32, o.Groups)
	for i := range ones {
		ones[i] = 1
	}
	x := l.reshape(l.first(n.in[0]), -1, o.Groups, channels/o.Groups*height*width)
	x = l.op("InstanceNormalization", list("epsilon", o.Eps), x, l.floats([]int{o.Groups}, ones...), l.floats([]int{o.Groups}, zeros...))
	x = l.last(l.reshape(x, -1, channels, height, width))
	return l.add(l.mul(x, n.in[1]), n.in[2])
}

func normalize(l *lowerer, o graph.Normalize, n node) string {
	length := l.op("ReduceL2", list("keepdims", 1), n.in[0], l.ints(-1))
	return l.div(n.in[0], l.op("Max", nil, length, l.number(o.Eps)))
}

func softmax(l *lowerer, _ graph.Softmax, n node) string {
	return l.op("Softmax", list("axis", -1), n.in[0])
}
