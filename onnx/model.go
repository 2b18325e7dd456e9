package onnx

import (
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/onnx/schema"
)

// The version of ONNX's format and of its operators that models are written in.
const (
	irVersion = 9
	Opset     = 20
)

// AnyBatch leaves a model's batch open.
const AnyBatch = 0

// Value is an input or an output of a model.
type Value struct {
	Name  string `json:"name"`
	Type  string `json:"type"`  // "float32" or "int64"
	Shape []any  `json:"shape"` // whole numbers, and "batch" where the size is left open
	What  string `json:"what"`  // is in it, in words
}

// Model is a graph in ONNX's terms, without the numbers of its weights.
type Model struct {
	Name            string
	Inputs, Outputs []Value

	nodes     []*schema.NodeProto
	constants []constant
}

// Weights supplies the parameters of the graph by their paths, row-major. Nothing is written into the slices; each is used before the
// next is asked for, and then given back to a method Release, where there is one.
type Weights interface {
	Tensor(name string, shape []int) ([]float32, error)
}

// Nodes counts the model's operators by their types.
func (m *Model) Nodes() map[string]int {
	count := map[string]int{}
	for _, n := range m.nodes {
		count[n.OpType]++
	}
	return count
}

// Bytes are those of all constants.
func (m *Model) Bytes() (total int64) {
	for _, c := range m.constants {
		total += c.bytes()
	}
	return total
}

// Named is a value of a graph with its name in a model.
type Named struct {
	ID         graph.ID
	Name, What string
}

// Graph lowers any graph of inference: its inputs, in order, take the names of in, and the values of out are the model's outputs. Without
// DeformConv, which some runtimes lack, deformable convolutions become gathers. The error names an operation that has no lowering and
// wraps [ErrOperation], or [graph.ErrShape] where names do not fit the graph.
func Graph(name string, g *graph.Graph, in []string, out []Named, gather bool) (*Model, error) {
	ids := g.Inputs()
	if len(in) != len(ids) {
		return nil, fmt.Errorf("onnx: %w: %d names for the graph's %d inputs", graph.ErrShape, len(in), len(ids))
	}
	w := newWriting(name, g, nil, gather)
	for i, id := range ids {
		w.input(id, w.float(in[i], g.Nodes[id].Shape, g.Nodes[id].Path))
	}
	if err := w.outputs(out...); err != nil {
		return nil, err
	}
	return w.model(), nil
}

// writing is a model under construction: the graph's nodes, and what is put before and behind them.
type writing struct {
	*lowerer
	grown *graph.Graph // the same recorded for one picture more, nil where the batch is fixed
	made  Model
}

// newWriting begins a model of a graph. grown is the same graph recorded for another batch, which tells the sizes that grow with it.
func newWriting(name string, g, grown *graph.Graph, gather bool) *writing {
	return &writing{newLowerer(g, gather), grown, Model{Name: name}}
}

// recorded records a graph for a batch, or for two that differ where the batch is left open, and checks that what differs is the first
// size of values alone.
func recorded(name string, batch int, gather bool, record func(batch int) (*graph.Graph, error)) (*writing, error) {
	if batch != AnyBatch {
		g, err := record(batch)
		if err != nil {
			return nil, err
		}
		return newWriting(name, g, nil, gather), nil
	}
	g, err := record(two)
	if err != nil {
		return nil, err
	}
	grown, err := record(three)
	if err != nil {
		return nil, err
	}
	if len(g.Nodes) != len(grown.Nodes) {
		return nil, fmt.Errorf("onnx: %w: the recorded graph depends on the batch, so that it cannot be left open; name a batch", graph.ErrShape)
	}
	for i, n := range g.Nodes {
		s, t := n.Shape, grown.Nodes[i].Shape
		if s.Equal(t) {
			continue
		}
		if len(s) != len(t) || !s[1:].Equal(t[1:]) || s[0]*three != t[0]*two {
			return nil, fmt.Errorf("onnx: %s: %w: %v for a batch of %d and %v for one of %d, so that the batch cannot be left open; name a batch",
				n.Path, graph.ErrShape, s, two, t, three)
		}
	}
	return newWriting(name, g, grown, gather), nil
}

// Batches that graphs are recorded for where the batch is left open: as neither divides the other, no size grows by chance.
const (
	two   = 2
	three = 3
)

// batched says whether the first size of a node's value grows with the batch, which is left open.
func (w *writing) batched(id graph.ID) bool {
	return w.grown != nil && !w.graph.Nodes[id].Shape.Equal(w.grown.Nodes[id].Shape)
}

// sizes are a shape in words, the first one open if it grows.
func sizes(shape graph.Shape, batched bool) []any {
	var list []any
	for _, d := range shape {
		list = append(list, d)
	}
	if batched {
		list[0] = "batch"
	}
	return list
}

// float is an input of 32-bit numbers, whole one of whole numbers. Both return the name.
func (w *writing) float(name string, shape graph.Shape, what string) string {
	return w.takes(name, "float32", shape, what)
}
func (w *writing) whole(name string, shape graph.Shape, what string) string {
	return w.takes(name, "int64", shape, what)
}

func (w *writing) takes(name, kind string, shape graph.Shape, what string) string {
	w.names[name]++
	w.made.Inputs = append(w.made.Inputs, Value{name, kind, sizes(shape, w.grown != nil), what})
	return name
}

// outputs makes values of the graph the model's.
func (w *writing) outputs(list ...Named) error {
	var ids []graph.ID
	for _, o := range list {
		ids = append(ids, o.ID)
	}
	if err := w.run(ids...); err != nil {
		return err
	}
	for _, o := range list {
		w.gives(o.Name, w.value(o.ID), "float32", sizes(w.graph.Nodes[o.ID].Shape, w.batched(o.ID)), o.What)
	}
	return nil
}

// gives makes a value an output.
func (w *writing) gives(name, value, kind string, shape []any, what string) {
	w.as(name, value)
	w.made.Outputs = append(w.made.Outputs, Value{name, kind, shape, what})
}

// model is what was made.
func (w *writing) model() *Model {
	w.finish()
	m := w.made
	m.nodes, m.constants = slices.Clone(w.nodes), slices.Clone(w.constants)
	return &m
}
