package graph

import (
	"fmt"
	"slices"
	"strings"
)

// Value is a handle to a recorded node, to be passed to later verbs.
type Value struct {
	id    ID
	shape Shape
}

// Shape of the value; nil after a recording error.
func (v Value) Shape() Shape { return v.shape }

// ID of the node in the graph being built.
func (v Value) ID() ID { return v.id }

// Builder records a graph, one verb per operation. A verb's node takes the
// builder's scope as its path; [Builder.In] narrows the scope. The first error is
// kept, with path and shapes, later verbs do nothing, and [Builder.Build] returns
// it: a recording reads like the paper, without a check on every line.
type Builder struct {
	scope string
	rec   *recording
}

type recording struct {
	graph  Graph
	taken  map[string]bool
	params map[string]ID // by path
	sizes  sizes         // of the operands of one node after the other
	err    error
}

// NewBuilder starts an empty recording.
func NewBuilder() *Builder {
	return &Builder{rec: &recording{taken: map[string]bool{}, params: map[string]ID{}}}
}

// Continue starts a recording with what g holds; values of its nodes are had by [Builder.At].
// Nothing is marked as an output.
func Continue(g *Graph) *Builder {
	b := NewBuilder()
	b.rec.graph.Nodes = slices.Clone(g.Nodes)
	for i, n := range g.Nodes {
		b.rec.taken[n.Path] = true
		if _, weight := n.Op.(Param); weight {
			b.rec.params[n.Path] = ID(i)
		}
	}
	return b
}

// At is the value of a node.
func (b *Builder) At(id ID) Value {
	if id < 0 || int(id) >= len(b.rec.graph.Nodes) {
		b.Fail(fmt.Errorf("%w: node %d of %d", ErrShape, id, len(b.rec.graph.Nodes)))
		return Value{}
	}
	return Value{id: id, shape: b.rec.graph.Nodes[id].Shape}
}

// In returns a builder for the same recording whose scope is longer by the given
// parts. The receiver is unchanged, so a scope cannot be left open.
func (b *Builder) In(parts ...any) *Builder {
	names := make([]string, 0, len(parts)+1)
	if b.scope != "" {
		names = append(names, b.scope)
	}
	for _, p := range parts {
		names = append(names, fmt.Sprint(p))
	}
	return &Builder{scope: strings.Join(names, "."), rec: b.rec}
}

// Root returns a builder for the same recording with no scope.
func (b *Builder) Root() *Builder { return &Builder{rec: b.rec} }

// Path is that of a value's node; empty after a recording error.
func (b *Builder) Path(v Value) string {
	if b.rec.err != nil {
		return ""
	}
	return b.rec.graph.Nodes[v.id].Path
}

// Fail records an error of the model's own, unless there is one already.
func (b *Builder) Fail(err error) {
	if b.rec.err == nil {
		b.rec.err = fmt.Errorf("%s: %w", b.scope, err)
	}
}

// Output marks values as results of the graph.
func (b *Builder) Output(values ...Value) {
	for _, v := range values {
		if b.rec.err == nil {
			b.rec.graph.Outputs = append(b.rec.graph.Outputs, v.id)
		}
	}
}

// Build is the graph as recorded so far; what is recorded later does not change it. The
// error is the first that any verb met.
func (b *Builder) Build() (*Graph, error) {
	if b.rec.err != nil {
		return nil, fmt.Errorf("graph: %w", b.rec.err)
	}
	return &Graph{Nodes: slices.Clone(b.rec.graph.Nodes), Outputs: slices.Clone(b.rec.graph.Outputs)}, nil
}

// Record appends a node at the builder's scope: what all verbs do, and what is left to those who
// write a graph anew.
func (b *Builder) Record(op Op, in ...Value) Value {
	r := b.rec
	if r.err != nil {
		return Value{}
	}
	shapes := make([]Shape, len(in))
	ids := make([]ID, len(in))
	for i, v := range in {
		shapes[i], ids[i] = v.shape, v.id
	}
	shape, err := r.sizes.infer(op, shapes...)
	if err != nil {
		r.err = fmt.Errorf("%s: %s %v: %w", b.scope, Kind(op), shapes, err)
		return Value{}
	}
	path := b.scope
	for k := 2; r.taken[path]; k++ {
		path = fmt.Sprintf("%s#%d", b.scope, k)
	}
	r.taken[path] = true
	r.graph.Nodes = append(r.graph.Nodes, Node{Path: path, Op: op, Inputs: ids, Shape: shape})
	return Value{id: ID(len(r.graph.Nodes) - 1), shape: shape}
}

// Input records a run-time input of the given shape.
func (b *Builder) Input(shape ...int) Value { return b.Record(Input{shape}) }

// Param records the weight called leaf in this scope. Asked for again it is the same
// value, so operations that share a weight say so by sharing a scope; in another shape
// it is an error.
func (b *Builder) Param(leaf string, shape ...int) Value {
	p := b.In(leaf)
	id, known := b.rec.params[p.scope]
	if !known {
		v := p.Record(Param{shape})
		if b.rec.err == nil {
			b.rec.params[p.scope] = v.id
		}
		return v
	}
	if before := b.rec.graph.Nodes[id].Shape; !before.Equal(shape) {
		p.Fail(fmt.Errorf("%w: param %v was recorded as %v before", ErrShape, Shape(shape), before))
		return Value{}
	}
	return Value{id: id, shape: b.rec.graph.Nodes[id].Shape}
}
