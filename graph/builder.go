package graph

import (
	"fmt"
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
	err    error
}

// NewBuilder starts an empty recording.
func NewBuilder() *Builder {
	return &Builder{rec: &recording{taken: map[string]bool{}, params: map[string]ID{}}}
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

// Fail records an error of the model's own, unless there is one already.
func (b *Builder) Fail(err error) {
	if b.rec.err == nil {
		b.rec.err = fmt.Errorf("%s: %w", b.scope, err)
	}
}

// Output marks a value as a result of the graph.
func (b *Builder) Output(v Value) {
	if b.rec.err == nil {
		b.rec.graph.Outputs = append(b.rec.graph.Outputs, v.id)
	}
}

// Build ends the recording. The error is the first that any verb met.
func (b *Builder) Build() (*Graph, error) {
	if b.rec.err != nil {
		return nil, fmt.Errorf("graph: %w", b.rec.err)
	}
	g := b.rec.graph
	return &g, nil
}

// add appends one node at the builder's scope.
func (b *Builder) add(op Op, in ...Value) Value {
	r := b.rec
	if r.err != nil {
		return Value{}
	}
	shapes := make([]Shape, len(in))
	ids := make([]ID, len(in))
	for i, v := range in {
		shapes[i], ids[i] = v.shape, v.id
	}
	shape, err := Infer(op, shapes...)
	if err != nil {
		r.err = fmt.Errorf("%s: %s %v: %w", b.scope, op.Kind(), shapes, err)
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
func (b *Builder) Input(shape ...int) Value { return b.add(Input{shape}) }

// Param records the weight called leaf in this scope. Asked for again it is the same
// value, so operations that share a weight say so by sharing a scope; in another shape
// it is an error.
func (b *Builder) Param(leaf string, shape ...int) Value {
	p := b.In(leaf)
	id, known := b.rec.params[p.scope]
	if !known {
		v := p.add(Param{shape})
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

// Patches records [Patches].
func (b *Builder) Patches(x Value, size int) Value { return b.add(Patches{size}, x) }

// Linear records [Linear] to features outputs with the weights "weight" and,
// if bias is [WithBias], "bias" of this scope.
func (b *Builder) Linear(x Value, features int, bias Bias) Value {
	return b.LinearOf(x, b.Param("weight", features, x.shape.Last()), bias)
}

// LinearOf is Linear with a weight recorded before.
func (b *Builder) LinearOf(x, weight Value, bias Bias) Value {
	if bias == NoBias || len(weight.shape) == 0 {
		return b.add(Linear{}, x, weight)
	}
	return b.add(Linear{}, x, weight, b.Param("bias", weight.shape[0]))
}

// Bias says whether a Linear has one.
type Bias bool

// The two kinds of Linear.
const (
	WithBias Bias = true
	NoBias   Bias = false
)

// LayerNorm records [LayerNorm] with the weights "weight" and "bias" of this scope.
func (b *Builder) LayerNorm(x Value, eps float64) Value {
	c := x.shape.Last()
	return b.add(LayerNorm{eps}, x, b.Param("weight", c), b.Param("bias", c))
}

// GELU records [GELU].
func (b *Builder) GELU(x Value) Value { return b.add(GELU{}, x) }

// Add records [Add].
func (b *Builder) Add(x, y Value) Value { return b.add(Add{}, x, y) }

// Pad records [Pad].
func (b *Builder) Pad(x Value, height, width int) Value { return b.add(Pad{height, width}, x) }

// Crop records [Crop].
func (b *Builder) Crop(x Value, height, width int) Value { return b.add(Crop{height, width}, x) }

// Roll records [Roll].
func (b *Builder) Roll(x Value, down, right int) Value { return b.add(Roll{down, right}, x) }

// WindowPartition records [WindowPartition].
func (b *Builder) WindowPartition(x Value, size int) Value { return b.add(WindowPartition{size}, x) }

// WindowReverse records [WindowReverse].
func (b *Builder) WindowReverse(x Value, o WindowReverse) Value { return b.add(o, x) }

// Scores records [Scores].
func (b *Builder) Scores(qkv Value, o Scores) Value { return b.add(o, qkv) }

// PositionBias records [PositionBias].
func (b *Builder) PositionBias(table Value, window int) Value {
	return b.add(PositionBias{window}, table)
}

// ShiftMask records [ShiftMask].
func (b *Builder) ShiftMask(o ShiftMask) Value { return b.add(o) }

// Softmax records [Softmax].
func (b *Builder) Softmax(x Value) Value { return b.add(Softmax{}, x) }

// Context records [Context].
func (b *Builder) Context(probabilities, qkv Value, heads int) Value {
	return b.add(Context{heads}, probabilities, qkv)
}

// MergePatches records [MergePatches].
func (b *Builder) MergePatches(x Value) Value { return b.add(MergePatches{}, x) }

// ResizePosition records [ResizePosition].
func (b *Builder) ResizePosition(x Value, height, width int) Value {
	return b.add(ResizePosition{height, width}, x)
}

// ChannelsFirst records [ChannelsFirst].
func (b *Builder) ChannelsFirst(x Value) Value { return b.add(ChannelsFirst{}, x) }
