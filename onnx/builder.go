package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/onnx/schema"
)

// builder collects the nodes and constants of a model. Nodes that compute the same of the same are one.
type builder struct {
	scope     string // begins the names of new values
	nodes     []*schema.NodeProto
	constants []constant
	made      map[string][]string // values of a node, by what it computes
	known     map[string]string   // constants, by content
	names     map[string]int      // how many values have a name
}

func newBuilder() builder {
	return builder{made: map[string][]string{}, known: map[string]string{}, names: map[string]int{}}
}

// constant is a tensor of the model: data, or else a weight.
type constant struct {
	name   string
	kind   schema.TensorProto_DataType
	dims   []int
	data   []byte
	weight string // path of the parameter
	shape  []int  // of the parameter
	turned bool   // the parameter is a matrix [dims[1], dims[0]] and stored transposed
}

// bytes of the tensor's elements, which are 4 or 8 bytes each.
func (c constant) bytes() int64 {
	if c.weight == "" {
		return int64(len(c.data))
	}
	size := int64(4)
	for _, d := range c.dims {
		size *= int64(d)
	}
	return size
}

// attribute of a node: a float64, an int, a string or a list of ints.
type attribute struct {
	name  string
	value any
}

func (a attribute) proto() *schema.AttributeProto {
	p := &schema.AttributeProto{Name: a.name}
	switch v := a.value.(type) {
	case float64:
		p.Type, p.F = schema.AttributeProto_FLOAT, float32(v)
	case int:
		p.Type, p.I = schema.AttributeProto_INT, int64(v)
	case string:
		p.Type, p.S = schema.AttributeProto_STRING, []byte(v)
	case []int:
		p.Type, p.Ints = schema.AttributeProto_INTS, wide(v)
	}
	return p
}

// list are attributes in the order of name, value, name, value.
func list(pairs ...any) []attribute {
	var attributes []attribute
	for i := 0; i+1 < len(pairs); i += 2 {
		attributes = append(attributes, attribute{pairs[i].(string), pairs[i+1]})
	}
	return attributes
}

// op adds a node with one result, whose name is returned. An empty operand is one that is left out.
func (b *builder) op(kind string, attributes []attribute, in ...string) string {
	return b.ops(kind, 1, attributes, in...)[0]
}

// ops adds a node with several results.
func (b *builder) ops(kind string, results int, attributes []attribute, in ...string) []string {
	key := fmt.Sprintf("%s %v %q", kind, attributes, in)
	if out, known := b.made[key]; known {
		return out
	}
	n := &schema.NodeProto{OpType: kind, Input: slices.Clone(in)}
	for _, a := range attributes {
		n.Attribute = append(n.Attribute, a.proto())
	}
	for range results {
		n.Output = append(n.Output, b.name(b.scope+"/"+kind))
	}
	n.Name = n.Output[0]
	b.nodes = append(b.nodes, n)
	b.made[key] = n.Output
	return n.Output
}

// as gives a value a name of the model's outputs.
func (b *builder) as(name, value string) {
	b.names[name]++
	b.nodes = append(b.nodes, &schema.NodeProto{OpType: "Identity", Name: name, Input: []string{value}, Output: []string{name}})
}

// name is a name that no value has.
func (b *builder) name(like string) string {
	like = strings.TrimPrefix(like, "/")
	b.names[like]++
	if k := b.names[like]; k > 1 {
		return fmt.Sprintf("%s_%d", like, k)
	}
	return like
}

// ints is a constant of whole numbers, [n].
func (b *builder) ints(values ...int) string {
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint64(data, uint64(int64(v)))
	}
	return b.constant("ints", schema.TensorProto_INT64, []int{len(values)}, data)
}

// integer is a constant that is one whole number.
func (b *builder) integer(v int) string {
	return b.constant("integer", schema.TensorProto_INT64, nil, binary.LittleEndian.AppendUint64(nil, uint64(int64(v))))
}

// number is a constant that is one number.
func (b *builder) number(v float64) string { return b.floats(nil, float32(v)) }

// floats is a constant of numbers of some shape.
func (b *builder) floats(dims []int, values ...float32) string {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return b.constant("floats", schema.TensorProto_FLOAT, dims, data)
}

// constant is a constant by its bytes.
func (b *builder) constant(what string, kind schema.TensorProto_DataType, dims []int, data []byte) string {
	key := fmt.Sprintf("%v %v %s", kind, dims, data)
	if name, known := b.known[key]; known {
		return name
	}
	name := b.name("constants/" + what)
	b.known[key] = name
	b.constants = append(b.constants, constant{name: name, kind: kind, dims: dims, data: data})
	return name
}

// transposed is the weight at a path, a matrix of rows and columns, as a constant [columns, rows].
func (b *builder) transposed(path string, shape []int, rows, columns int) string {
	name := path + "/transposed"
	if b.known[name] == "" {
		b.known[name] = name
		b.constants = append(b.constants, constant{
			name: name, kind: schema.TensorProto_FLOAT, dims: []int{columns, rows}, weight: path, shape: shape, turned: true,
		})
	}
	return name
}

// The operators that lowerings use most.

// reshape changes the sizes; -1 is one that follows from the others.
func (b *builder) reshape(x string, dims ...int) string {
	return b.op("Reshape", nil, x, b.ints(dims...))
}

// transpose permutes the axes.
func (b *builder) transpose(x string, axes ...int) string {
	return b.op("Transpose", list("perm", axes), x)
}

// slice takes [begin, end) of an axis.
func (b *builder) slice(x string, axis, begin, end int) string {
	return b.op("Slice", nil, x, b.ints(begin), b.ints(end), b.ints(axis))
}

func (b *builder) concat(axis int, parts ...string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	return b.op("Concat", list("axis", axis), parts...)
}

func (b *builder) cast(x string, to schema.TensorProto_DataType) string {
	return b.op("Cast", list("to", int(to)), x)
}

// first brings the channels of a map [B, H, W, C] before its rows, last back behind the columns.
func (b *builder) first(x string) string { return b.transpose(x, 0, 3, 1, 2) }
func (b *builder) last(x string) string  { return b.transpose(x, 0, 2, 3, 1) }

func (b *builder) matmul(x, y string) string { return b.op("MatMul", nil, x, y) }
func (b *builder) add(x, y string) string    { return b.op("Add", nil, x, y) }
func (b *builder) sub(x, y string) string    { return b.op("Sub", nil, x, y) }
func (b *builder) mul(x, y string) string    { return b.op("Mul", nil, x, y) }
func (b *builder) div(x, y string) string    { return b.op("Div", nil, x, y) }

// wide are whole numbers as the format has them.
func wide(values []int) []int64 {
	list := make([]int64, len(values))
	for i, v := range values {
		list[i] = int64(v)
	}
	return list
}
