package onnx

import "github.com/glipvk/glipvk/graph"

// Products of values and weights, and of windows with themselves.

func linear(l *lowerer, _ graph.Linear, n node) string {
	y := l.matmul(n.in[0], l.matrix(n, 1))
	if len(n.in) == 3 {
		y = l.add(y, n.in[2])
	}
	return y
}

func conv(l *lowerer, o graph.Conv, n node) string {
	in := append([]string{l.first(n.in[0])}, n.in[1:]...)
	return l.last(l.op("Conv", list("strides", []int{o.Stride, o.Stride}, "pads", []int{o.Pad, o.Pad, o.Pad, o.Pad}), in...))
}

// part is q, k or v of all windows, [G, h, n, d], of qkv [G, n, 3C].
func (l *lowerer) part(qkv string, which, heads int, shape graph.Shape) string {
	c := shape[2] / 3
	return l.heads(l.slice(qkv, 2, which*c, (which+1)*c), heads, graph.Shape{shape[0], shape[1], c})
}

// heads cuts rows [B, n, E] into those of each head, [B, h, n, d]; joined puts them side by side again.
func (l *lowerer) heads(x string, heads int, shape graph.Shape) string {
	return l.transpose(l.reshape(x, -1, shape[1], heads, shape[2]/heads), 0, 2, 1, 3)
}

func (l *lowerer) joined(x string, shape graph.Shape) string {
	return l.reshape(l.transpose(x, 0, 2, 1, 3), -1, shape[1], shape[2])
}

// across is (q * Scale) kᵀ of heads [B, h, n, d] and [B, h, m, d].
func (l *lowerer) across(q, k string, scale float64) string {
	if scale != 1 {
		q = l.mul(q, l.number(scale))
	}
	return l.matmul(q, l.transpose(k, 0, 1, 3, 2))
}

func scores(l *lowerer, o graph.Scores, n node) string {
	q, k := l.part(n.in[0], 0, o.Heads, n.shapes[0]), l.part(n.in[0], 1, o.Heads, n.shapes[0])
	return l.across(q, k, o.Scale)
}

func contextOf(l *lowerer, o graph.Context, n node) string {
	return l.joined(l.matmul(n.in[0], l.part(n.in[1], 2, o.Heads, n.shapes[1])), n.shape)
}

func crossScores(l *lowerer, o graph.CrossScores, n node) string {
	y := l.across(l.heads(n.in[0], o.Heads, n.shapes[0]), l.heads(n.in[1], o.Heads, n.shapes[1]), o.Scale)
	if len(n.in) == 3 {
		y = l.add(y, l.reshape(n.in[2], -1, 1, 1, n.shapes[2][1]))
	}
	return y
}

func crossContext(l *lowerer, o graph.CrossContext, n node) string {
	y := l.joined(l.matmul(n.in[0], l.heads(n.in[1], o.Heads, n.shapes[1])), n.shape)
	if len(n.in) == 3 {
		y = l.add(y, n.in[2])
	}
	return y
}

// absorbKeys is k [B, h, T, d] by the rows of the weight that belong to a head, [h, d, C].
func absorbKeys(l *lowerer, o graph.AbsorbKeys, n node) string {
	e, c := n.shapes[1][0], n.shapes[1][1]
	y := l.matmul(l.heads(n.in[0], o.Heads, n.shapes[0]), l.reshape(n.in[1], o.Heads, e/o.Heads, c))
	if o.Scale != 1 {
		y = l.mul(y, l.number(o.Scale))
	}
	return l.reshape(y, -1, n.shape[1], c)
}

func absorbBias(l *lowerer, o graph.AbsorbBias, n node) string {
	tokens := n.shapes[0][1]
	y := l.matmul(l.heads(n.in[0], o.Heads, n.shapes[0]), l.reshape(n.in[1], o.Heads, n.shapes[1][0]/o.Heads, 1))
	if o.Scale != 1 {
		y = l.mul(y, l.number(o.Scale))
	}
	y = l.reshape(y, -1, o.Heads, tokens)
	if len(n.in) == 3 {
		y = l.add(y, l.reshape(n.in[2], -1, 1, tokens))
	}
	return l.reshape(y, -1, n.shape[1])
}

func absorbValues(l *lowerer, o graph.AbsorbValues, n node) string {
	c, e := n.shapes[1][0], n.shapes[1][1]
	y := l.matmul(l.heads(n.in[0], o.Heads, n.shapes[0]), l.reshape(l.matrix(n, 1), o.Heads, e/o.Heads, c))
	return l.reshape(y, -1, n.shape[1], c)
}

func headLinear(l *lowerer, o graph.HeadLinear, n node) string {
	e, c := n.shapes[1][0], n.shapes[1][1]
	weight := l.transpose(l.reshape(n.in[1], o.Heads, e/o.Heads, c), 0, 2, 1) // [h, C, d]
	y := l.matmul(l.reshape(n.in[0], -1, o.Heads, n.shape[1], c), weight)
	return l.add(l.joined(y, n.shape), n.in[2])
}

func tokenLogits(l *lowerer, o graph.TokenLogits, n node) string {
	x, projected, tokens, biasLang, bias0, logScale := n.in[0], n.in[1], n.in[2], n.in[3], n.in[4], n.in[5]
	positions, d := n.shape[1], n.shapes[2][2]
	y := l.matmul(l.reshape(x, -1, positions, n.shapes[0].Last()), l.transpose(projected, 0, 2, 1))
	y = l.div(y, l.op("Exp", nil, logScale))
	own := l.add(l.matmul(tokens, l.reshape(biasLang, d, 1)), bias0) // [B, T, 1]
	return l.clip(l.add(y, l.reshape(own, -1, 1, n.shape[2])), o.Limit)
}
