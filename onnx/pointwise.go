package onnx

import (
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// What works element by element.

// add cuts each axis of the first operand over which the second is repeated in two, repeats before elements, so that the runtime's
// broadcasting repeats it.
func add(l *lowerer, _ graph.Add, n node) string {
	a, b := n.shapes[0], n.shapes[1]
	b = append(slices.Repeat(graph.Shape{1}, len(a)-len(b)), b...)
	var cut, tile []int
	for i := range a {
		if b[i] != 1 && b[i] != a[i] {
			cut, tile = append(cut, a[i]/b[i], b[i]), append(tile, 1, b[i])
		} else {
			cut, tile = append(cut, a[i]), append(tile, b[i])
		}
	}
	if len(cut) == len(a) {
		return l.add(n.in[0], n.in[1])
	}
	cut[0] = -1
	y := l.add(l.reshape(n.in[0], cut...), l.reshape(n.in[1], open(tile, b[0])...))
	return l.reshape(y, append([]int{-1}, a[1:]...)...)
}

// open leaves the first size of a tile open where it may grow with the batch: not where its axis was cut, which keeps its size.
func open(tile []int, first int) []int {
	if tile[0] == first {
		tile[0] = -1
	}
	return tile
}

func addScaled(l *lowerer, _ graph.AddScaled, n node) string {
	return l.add(n.in[0], l.mul(n.in[1], n.in[2]))
}

func scale(l *lowerer, o graph.Scale, n node) string { return l.mul(n.in[0], l.number(o.Factor)) }

func mulScalar(l *lowerer, _ graph.MulScalar, n node) string { return l.mul(n.in[0], n.in[1]) }

func gelu(l *lowerer, _ graph.GELU, n node) string { return l.op("Gelu", nil, n.in[0]) }

func relu(l *lowerer, _ graph.ReLU, n node) string { return l.op("Relu", nil, n.in[0]) }

func sigmoid(l *lowerer, o graph.Sigmoid, n node) string {
	if o.From == 0 {
		return l.op("Sigmoid", nil, n.in[0])
	}
	axis := len(n.shape) - 1
	before, behind := l.slice(n.in[0], axis, 0, o.From), l.slice(n.in[0], axis, o.From, n.shape[axis])
	return l.concat(axis, before, l.op("Sigmoid", nil, behind))
}

func hardSigmoid(l *lowerer, _ graph.HardSigmoid, n node) string {
	return l.op("HardSigmoid", list("alpha", 1.0/6, "beta", 0.5), n.in[0])
}

// clip is min(max(x, -limit), limit).
func (l *lowerer) clip(x string, limit float64) string {
	return l.op("Clip", nil, x, l.number(-limit), l.number(limit))
}

func clamp(l *lowerer, o graph.Clamp, n node) string { return l.clip(n.in[0], o.Limit) }

func dynamicReLU(l *lowerer, _ graph.DynamicReLU, n node) string {
	c := n.shape[3]
	t := func(i int) string { return l.reshape(l.slice(n.in[1], 1, i*c, (i+1)*c), -1, 1, 1, c) }
	half, one, two := l.number(0.5), l.number(1), l.number(2)
	line := func(a, b string) string { return l.add(l.mul(n.in[0], a), b) }
	first := line(l.mul(t(0), two), l.sub(t(1), half)) // 2(a1 - 0.5) + 1
	second := line(l.sub(l.mul(t(2), two), one), l.sub(t(3), half))
	return l.op("Max", nil, first, second)
}
