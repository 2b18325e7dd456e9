package kernels

import (
	"github.com/glipvk/glipvk/graph"
)

// step is one operation to be lowered: a node of the graph, or several that a rewrite
// joined. Its output is the value of the last node it stands for.
type step struct {
	path string
	op   operation
	in   []graph.ID
	out  graph.ID
}

// operation is what a step does: an operation of the graph, or one of the joined
// forms of the rewrites. Its kind selects the lowering.
type operation any

// outs are the values that a step makes.
func (s step) outs() []graph.ID {
	if o, ok := s.op.(biattention); ok {
		return []graph.ID{s.out, o.read.out}
	}
	return []graph.ID{s.out}
}

// linear is [graph.Linear] with what the matrix product can take over: in the loads of
// its rows, and in the epilogue. Operands: x, weight, then as far as there are such bias,
// weight and bias of the norm, residual.
type linear struct {
	bias, gelu, residual bool
	norm                 *graph.LayerNorm // rows are normed; then, by rows, padded with zeros
	rows                 *move            // rows of x in the order of this partition or reverse
	merge                *merge           // rows of x interleaved from 2 x 2 neighbours, then normed
}

// linearOperands are those of a step, -1 where there is none.
type linearOperands struct{ x, weight, bias, normWeight, normBias, residual graph.ID }

func (o linear) operands(in []graph.ID) linearOperands {
	p := linearOperands{in[0], in[1], -1, -1, -1, -1}
	rest := in[2:]
	next := func() graph.ID {
		id := rest[0]
		rest = rest[1:]
		return id
	}
	if o.bias {
		p.bias = next()
	}
	if o.norm != nil {
		p.normWeight, p.normBias = next(), next()
	}
	if o.residual {
		p.residual = next()
	}
	return p
}

// list is the inverse of operands.
func (p linearOperands) list() []graph.ID {
	var ids []graph.ID
	for _, id := range []graph.ID{p.x, p.weight, p.bias, p.normWeight, p.normBias, p.residual} {
		if id >= 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// merge is [graph.MergePatches] of a map to half its size.
type merge struct{ mapH, mapW, outH, outW int }

// attention is everything between the queries, keys and values of windows and their
// context. Operands: qkv, then the bias table where there is one.
type attention struct {
	heads int
	scale float64
	bias  bool
	mask  *graph.ShiftMask
	side  int // of the window
}

// softmax is [graph.Softmax] with what attention adds to the scores before it.
// Operands: scores, then the bias table where there is one.
type softmax struct {
	bias bool
	mask *graph.ShiftMask
	side int // of the window, with bias or mask
}

// biattention is attention of positions to tokens and of tokens to positions, from the same scores, in
// the form of package rewrite. Its parts are the steps that it stands for: scores of positions
// and all heads' tokens, clamped; the weighted sums of positions, whose value is the step's; those of
// tokens, whose value it makes too. Operands: positions, keys, their biases, values, bias.
type biattention struct {
	scores, weigh, read step
	limit               float64
	heads, tokens       int
}

// normFirst is [graph.LayerNorm], then [graph.ChannelsFirst]. Operands: those of the norm.
type normFirst struct{ norm graph.LayerNorm }

// move is every operation that only moves tokens (rows of C floats) between a map
// and its windows: pad, crop, roll, partition, reverse, alone or joined.
type move struct {
	mode        moveMode
	mapH, mapW  int // the map: input of partition and remap, output of reverse
	padH, padW  int // the padded map; of remap, the output
	size        int // side of a window, 1 for remap
	down, right int // 0 <= down < padH: output (y, x) comes from (y+down, x+right) modulo the padded map
}

type moveMode uint32

// The modes of rowmap.glsl.
const (
	partition moveMode = iota
	reverse
	remap
	identity
	merged
	convolved
	deformed
	padded
	turned
)

// steps turns the nodes of a graph into steps, one each, in the joined forms' terms.
func steps(g *graph.Graph) []step {
	var list []step
	for i, n := range g.Nodes {
		s := step{path: n.Path, op: n.Op, in: append([]graph.ID(nil), n.Inputs...), out: graph.ID(i)}
		switch o := n.Op.(type) {
		case graph.Input, graph.Param:
			continue
		case graph.Linear:
			s.op = linear{bias: len(n.Inputs) == 3}
		case graph.Softmax:
			s.op = softmax{}
		case graph.Pad, graph.Crop:
			in := g.Nodes[n.Inputs[0]].Shape
			s.op = move{mode: remap, mapH: in[1], mapW: in[2], padH: n.Shape[1], padW: n.Shape[2], size: 1}
		case graph.Roll:
			h, w := n.Shape[1], n.Shape[2]
			s.op = move{mode: remap, mapH: h, mapW: w, padH: h, padW: w, size: 1, down: (o.Down + h) % h, right: (o.Right + w) % w}
		case graph.WindowPartition:
			in := g.Nodes[n.Inputs[0]].Shape
			s.op = move{mode: partition, mapH: in[1], mapW: in[2], padH: in[1], padW: in[2], size: o.Size}
		case graph.WindowReverse:
			s.op = move{mode: reverse, mapH: o.Height, mapW: o.Width, padH: o.Height, padW: o.Width, size: o.Size}
		}
		list = append(list, s)
	}
	return list
}
