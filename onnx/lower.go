package onnx

import (
	"errors"
	"fmt"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/onnx/schema"
)

// ErrOperation is wrapped where an operation of a graph has no counterpart in ONNX, as those of training. Remedy: export the graph of
// inference.
var ErrOperation = errors.New("cannot be written as ONNX")

// node is an operation to be lowered: names of its operands' values, their shapes and its own. The first size of a value that grows with
// the batch may differ when the model runs, so that lowerings write -1 for it.
type node struct {
	ids    []graph.ID
	in     []string
	shapes []graph.Shape
	shape  graph.Shape
}

// lowering writes an operation and returns the name of its value.
type lowering func(l *lowerer, op graph.Op, n node) string

// of is the lowering of one operation.
func of[O graph.Op](lower func(l *lowerer, o O, n node) string) lowering {
	return func(l *lowerer, op graph.Op, n node) string { return lower(l, op.(O), n) }
}

// lowerings are those of the operations that models have at inference, by kind.
var lowerings = map[string]lowering{
	"linear": of(linear), "conv": of(conv), "deformconv": of(deformConv), "scores": of(scores), "context": of(contextOf),
	"crossscores": of(crossScores), "crosscontext": of(crossContext), "absorbkeys": of(absorbKeys), "absorbbias": of(absorbBias),
	"absorbvalues": of(absorbValues), "headlinear": of(headLinear), "tokenlogits": of(tokenLogits),
	"layernorm": of(layerNorm), "groupnorm": of(groupNorm), "normalize": of(normalize), "softmax": of(softmax),
	"windowpartition": of(windowPartition), "windowreverse": of(windowReverse), "roll": of(roll), "positionbias": of(positionBias),
	"shiftmask": of(shiftMask), "patches": of(patches), "mergepatches": of(mergePatches), "resizeposition": of(resizePosition),
	"channelsfirst": of(channelsFirst), "pad": of(pad), "crop": of(crop), "resizenearest": of(resizeNearest),
	"resizebilinear": of(resizeBilinear), "globalmean": of(globalMean), "weightedmean": of(weightedMean),
	"embed": of(embed), "concattokens": of(concatTokens), "slicetokens": of(sliceTokens), "reshape": of(reshape), "swaplast": of(swapLast),
	"add": of(add), "addscaled": of(addScaled), "scale": of(scale), "mulscalar": of(mulScalar), "gelu": of(gelu), "relu": of(relu),
	"sigmoid": of(sigmoid), "hardsigmoid": of(hardSigmoid), "clamp": of(clamp), "dynamicrelu": of(dynamicReLU),
	"phrasescores": of(phraseScores), "candidates": of(candidates),
}

// lowerer writes a graph node by node.
type lowerer struct {
	graph  *graph.Graph
	gather bool     // deformable convolutions without DeformConv
	values []string // of nodes, "" before they are lowered
	builder
}

// newLowerer readies the nodes that results need.
func newLowerer(g *graph.Graph, gather bool) *lowerer {
	return &lowerer{graph: g, gather: gather, values: make([]string, len(g.Nodes)), builder: newBuilder()}
}

// input makes a value of the model's inputs that of a node of the graph.
func (l *lowerer) input(id graph.ID, name string) { l.values[id] = name }

// run lowers what some values need. Inputs must be named before.
func (l *lowerer) run(results ...graph.ID) error {
	needed := make([]bool, len(l.graph.Nodes))
	for _, id := range results {
		needed[id] = true
	}
	for i := len(needed) - 1; i >= 0; i-- {
		if needed[i] && l.values[i] == "" {
			for _, operand := range l.graph.Nodes[i].Inputs {
				needed[operand] = true
			}
		}
	}
	for i, n := range l.graph.Nodes {
		if !needed[i] || l.values[i] != "" {
			continue
		}
		if err := l.step(graph.ID(i), n); err != nil {
			return fmt.Errorf("onnx: %s: %s %w", n.Path, graph.Kind(n.Op), err)
		}
	}
	return nil
}

// step lowers a node. Parameters are written where they are read, in the form that is read.
func (l *lowerer) step(id graph.ID, n graph.Node) error {
	switch n.Op.(type) {
	case graph.Param:
		return nil
	case graph.Input:
		return errors.New("has no name in the model")
	}
	kind := graph.Kind(n.Op)
	lower, known := lowerings[kind]
	if !known {
		return fmt.Errorf("%w: %s", ErrOperation, reasons[kind])
	}
	l.scope = n.Path
	operands := node{ids: n.Inputs, shape: n.Shape}
	for _, operand := range n.Inputs {
		operands.in = append(operands.in, l.value(operand))
		operands.shapes = append(operands.shapes, l.graph.Nodes[operand].Shape)
	}
	l.values[id] = lower(l, n.Op, operands)
	return nil
}

// value is the name of a node's value. Asking for a parameter makes it a constant of the model when something reads it.
func (l *lowerer) value(id graph.ID) string {
	n := l.graph.Nodes[id]
	if _, weight := n.Op.(graph.Param); weight {
		return n.Path
	}
	return l.values[id]
}

// isParam says whether operand i of a node is a weight.
func (l *lowerer) isParam(n node, i int) bool {
	_, weight := l.graph.Nodes[n.ids[i]].Op.(graph.Param)
	return weight
}

// matrix is operand i, [N, K...], transposed: [K, N]. A weight is stored so.
func (l *lowerer) matrix(n node, i int) string {
	rows := n.shapes[i][0]
	columns := n.shapes[i].Elements() / rows
	if l.isParam(n, i) {
		return l.transposed(n.in[i], n.shapes[i], rows, columns)
	}
	return l.transpose(l.reshape(n.in[i], rows, columns), 1, 0)
}

// finish adds the weights that the model's nodes read as they are.
func (l *lowerer) finish() {
	read := map[string]bool{}
	for _, n := range l.nodes {
		for _, name := range n.Input {
			read[name] = true
		}
	}
	for _, id := range l.graph.Params() {
		if n := l.graph.Nodes[id]; read[n.Path] {
			l.constants = append(l.constants, constant{name: n.Path, kind: schema.TensorProto_FLOAT, dims: n.Shape, weight: n.Path, shape: n.Shape})
		}
	}
}
