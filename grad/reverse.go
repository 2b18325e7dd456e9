package grad

import (
	"errors"
	"fmt"
	"strings"

	"github.com/glipvk/glipvk/graph"
)

// ErrGradient is wrapped by errors about what cannot be differentiated: a path that the
// graph does not have, a loss of more than one element, an operation without a gradient
// on the way. The message names the path and what to do.
var ErrGradient = errors.New("no gradient")

// Reverse returns a graph that computes the value at path loss, of one element, and its
// gradients with respect to the values at the paths wrt: inputs, weights or anything
// between. Its outputs are the loss and a gradient for each path, in order and of the
// value's shape, 0 where the loss does not depend on it. Its inputs are those of g, in
// order; of the rest only what is needed is there. New nodes have paths that begin with
// "grad.". Errors wrap [ErrGradient] or [graph.ErrShape].
func Reverse(g *graph.Graph, loss string, wrt ...string) (*graph.Graph, error) {
	return ReverseWith(g, loss, []string{loss}, wrt...)
}

// ReverseWith is [Reverse] with other values of g in place of the loss among the outputs, such as the terms of a sum.
func ReverseWith(g *graph.Graph, loss string, outputs []string, wrt ...string) (*graph.Graph, error) {
	at, ok := g.Find(loss)
	if !ok {
		return nil, fmt.Errorf("grad: %w: the graph has no value %q that could be the loss", ErrGradient, loss)
	}
	if n := g.Nodes[at].Shape.Elements(); n != 1 {
		return nil, fmt.Errorf("grad: %w: the loss %q has the shape %v, want one element", ErrGradient, loss, g.Nodes[at].Shape)
	}
	wanted := make([]graph.ID, len(wrt))
	for i, path := range wrt {
		if wanted[i], ok = g.Find(path); !ok {
			return nil, fmt.Errorf("grad: %w: the graph has no value %q", ErrGradient, path)
		}
	}
	t := newTape(g, wanted)
	t.give(at, t.b.In("grad", loss).Record(graph.Fill{To: g.Nodes[at].Shape, Value: 1}))
	for id := at; id >= 0; id-- {
		if err := t.step(id); err != nil {
			return nil, fmt.Errorf("grad: %s: %s: %w", g.Nodes[id].Path, graph.Kind(g.Nodes[id].Op), err)
		}
	}
	for _, path := range outputs {
		id, ok := g.Find(path)
		if !ok {
			return nil, fmt.Errorf("grad: %w: the graph has no value %q", ErrGradient, path)
		}
		t.b.Output(t.b.At(id))
	}
	for i, id := range wanted {
		v := t.whole[id]
		if t.whole[id].Shape() == nil {
			v = t.b.In("grad", wrt[i]).Record(graph.Fill{To: g.Nodes[id].Shape})
		}
		t.b.Output(v)
	}
	made, err := t.b.Build()
	if err != nil {
		return nil, fmt.Errorf("grad: %w", err)
	}
	return pruned(made), nil
}

// tape is a walk backwards through a graph.
type tape struct {
	g     *graph.Graph
	b     *graph.Builder
	needs []bool        // whether a wanted gradient is behind a node
	parts [][]part      // of the gradient of each node, until it is reached
	whole []graph.Value // the gradients of those that were reached
	node  graph.Node    // the one whose rule is at work
	id    graph.ID
}

// part is one use's share of a gradient: of the whole value, or of Count of its channels or
// tokens from Begin on.
type part struct {
	of           span
	begin, count int
	value        graph.Value
}

// span says what a part covers.
type span int

const (
	everything span = iota
	channels        // of the last axis
	tokens          // of the axis before it
)

func newTape(g *graph.Graph, wanted []graph.ID) *tape {
	n := len(g.Nodes)
	t := &tape{g: g, b: graph.Continue(g), needs: make([]bool, n), parts: make([][]part, n), whole: make([]graph.Value, n)}
	for _, id := range wanted {
		t.needs[id] = true
	}
	for i, node := range g.Nodes {
		for _, operand := range node.Inputs {
			t.needs[i] = t.needs[i] || t.needs[operand]
		}
	}
	return t
}

// step gathers the gradient of a node and hands it on to its operands.
func (t *tape) step(id graph.ID) error {
	if len(t.parts[id]) == 0 || !t.needs[id] {
		return nil
	}
	t.node, t.id = t.g.Nodes[id], id
	g := t.gather(t.parts[id])
	t.parts[id], t.whole[id] = nil, g
	for _, operand := range t.node.Inputs {
		if t.needs[operand] {
			return t.rule(g)
		}
	}
	return nil
}

// rule applies that of the node's kind to the gradient of its result.
func (t *tape) rule(g graph.Value) error {
	if why, none := Undifferentiated()[graph.Kind(t.node.Op)]; none {
		return fmt.Errorf("%w: %s", ErrGradient, why)
	}
	for _, family := range []func(*tape, graph.Value) bool{(*tape).matrix, (*tape).cross, (*tape).norm, (*tape).maps, (*tape).lists, (*tape).loss, (*tape).pointwise} {
		if family(t, g) {
			return nil
		}
	}
	return fmt.Errorf("%w: a defect of ours, please report it: no rule", ErrGradient)
}

// Undifferentiated says of the kinds without a rule why they have none.
func Undifferentiated() map[string]string {
	reasons := map[string]string{
		"phrasescores":   "scores of labels are for choosing boxes; losses are made of token logits",
		"candidates":     "which boxes are chosen has no derivative; losses are made of all boxes",
		"resizeposition": "a position embedding is trained at the size that it has; train at the checkpoint's size",
		"shiftmask":      "it is a constant",
		"packhalves":     "it only stores; what is differentiated is stored afterwards",
		"unpackhalves":   "it only stores; what is differentiated is stored afterwards",
		"fill":           "it is a constant",
		"keep":           "dice are constants",
		"dropblock":      "dice are constants",
		"moment":         "steps are not differentiated",
		"adamw":          "steps are not differentiated",
		"clipscale":      "steps are not differentiated",
		"sumsquares":     "lengths of gradients are not differentiated",
	}
	for _, op := range graph.Kinds() {
		if kind := graph.Kind(op); strings.Contains(kind, "grad") {
			reasons[kind] = "it is a gradient itself, and second derivatives are not taken"
		}
	}
	return reasons
}

// in is operand i of the node at work, out its result.
func (t *tape) in(i int) graph.Value { return t.b.At(t.node.Inputs[i]) }
func (t *tape) out() graph.Value     { return t.b.At(t.id) }

// wants says whether the gradient of operand i is needed; there may be no such operand.
func (t *tape) wants(i int) bool {
	return i < len(t.node.Inputs) && t.needs[t.node.Inputs[i]]
}

// at is a builder for new nodes of the one at work.
func (t *tape) at(parts ...any) *graph.Builder { return t.b.In("grad", t.node.Path).In(parts...) }

// to hands a gradient to operand i.
func (t *tape) to(i int, v graph.Value) { t.give(t.node.Inputs[i], v) }

func (t *tape) give(id graph.ID, v graph.Value) {
	t.parts[id] = append(t.parts[id], part{value: v})
}

// toPart hands operand i the gradient of a part of it.
func (t *tape) toPart(i int, of span, begin, count int, v graph.Value) {
	if id := t.node.Inputs[i]; t.needs[id] {
		t.parts[id] = append(t.parts[id], part{of, begin, count, v})
	}
}
