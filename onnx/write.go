package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/onnx/schema"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Where are the weights of a model.
type Where int

// The places for weights.
const (
	Auto   Where = iota // inside where they fit
	Inside              // the model's file, which holds less than 2 GB
	Beside              // a file with the ending ".data" behind the model's name
)

// most is what a file with the weights inside may hold: a protocol buffer ends at 2 GB. The rest is for the nodes.
const most = math.MaxInt32 - 64<<20

// ErrTooLarge is wrapped where weights do not fit into the model's file. Remedy: [Beside].
var ErrTooLarge = errors.New("more than an ONNX file holds")

// Note is a file of text that belongs to a model.
type Note struct {
	Path string
	Text []byte
}

// Files are those that [Model.Write] writes, without notes.
func (m *Model) Files(path string, where Where) []string {
	if _, beside := m.place(path, m.settled(where)); beside != "" {
		return []string{beside, path}
	}
	return []string{path}
}

// settled is where weights are that may be anywhere.
func (m *Model) settled(where Where) Where {
	switch {
	case where != Auto:
		return where
	case m.Bytes() > most:
		return Beside
	}
	return Inside
}

// Write writes the model to path, with the weights inside or in path and ".data" beside it, and the notes. Files get their names when all
// are written: after an error what was there before is there. It says which files of the model it wrote. Errors are those of w, name the
// weight, and wrap [ErrTooLarge] where 2 GB are not enough.
func (m *Model) Write(path string, w Weights, where Where, notes ...Note) (files []string, err error) {
	tensors, beside := m.place(path, m.settled(where))
	if beside == "" && m.Bytes() > most {
		return nil, fmt.Errorf("onnx: %s: %w: %d bytes of weights, and 2 GB is the limit; write them beside it", path, ErrTooLarge, m.Bytes())
	}
	_ = file.Sweep(filepath.Dir(path)) // what a program that was killed left there; the folder may not be there yet
	var set []*file.Staged
	add := func(path string, write func(io.Writer) error) {
		if err != nil {
			return
		}
		var s *file.Staged
		if s, err = file.Stage(path, 0o644, write); err == nil {
			set = append(set, s)
		}
	}
	if beside != "" {
		add(beside, func(out io.Writer) error { return writeData(out, tensors, w) })
	}
	add(path, func(out io.Writer) error { return m.encode(out, tensors, w) })
	for _, n := range notes {
		add(n.Path, func(out io.Writer) error { _, err := out.Write(n.Text); return err })
	}
	for _, s := range set {
		if err == nil {
			err = s.Place()
		} else {
			err = errors.Join(err, s.Discard())
		}
	}
	if err != nil {
		return nil, err
	}
	return m.Files(path, where), nil
}

// placed is a constant with its place in the file of the weights.
type placed struct {
	constant
	header []byte // its TensorProto without the numbers inside
	inside bool
	offset int64 // outside
}

// page is what offsets in the file of the weights are multiples of, so that runtimes can map it.
const page = 4096

// place decides where each constant goes. beside is "" where all are inside.
func (m *Model) place(path string, where Where) (tensors []placed, beside string) {
	var end int64
	for _, c := range m.constants {
		p := placed{constant: c, inside: where != Beside || c.weight == "" || c.bytes() < page}
		t := &schema.TensorProto{Dims: wide(c.dims), DataType: int32(c.kind), Name: c.name}
		if !p.inside {
			beside = path + ".data"
			p.offset = (end + page - 1) / page * page
			end = p.offset + c.bytes()
			t.DataLocation = schema.TensorProto_EXTERNAL
			t.ExternalData = []*schema.StringStringEntryProto{
				{Key: "location", Value: filepath.Base(beside)},
				{Key: "offset", Value: strconv.FormatInt(p.offset, 10)},
				{Key: "length", Value: strconv.FormatInt(c.bytes(), 10)},
			}
		}
		p.header = encoded(t)
		tensors = append(tensors, p)
	}
	return tensors, beside
}

// encoded are the bytes of a message. The messages of this package are made of what can be written.
func encoded(m proto.Message) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err) // a name that is no UTF-8; names are those of graphs
	}
	return data
}

// writeData writes what lies beside the model.
func writeData(out io.Writer, tensors []placed, w Weights) error {
	var at int64
	for _, t := range tensors {
		if t.inside {
			continue
		}
		data, err := t.read(w)
		if err != nil {
			return err
		}
		if _, err := out.Write(make([]byte, t.offset-at)); err != nil {
			return err
		}
		if _, err := out.Write(data); err != nil {
			return err
		}
		at = t.offset + int64(len(data))
	}
	return nil
}

// The fields that are written one by one, so that no more than one weight is in memory.
const (
	fieldGraph       = 7 // of ModelProto
	fieldInitializer = 5 // of GraphProto
	fieldRawData     = 9 // of TensorProto
)

// encode writes the model: everything but the graph, then the graph, whose tensors come last.
func (m *Model) encode(out io.Writer, tensors []placed, w Weights) error {
	head, body := encoded(m.frame()), encoded(m.body())
	size := len(body)
	for _, t := range tensors {
		size += protowire.SizeTag(fieldInitializer) + protowire.SizeBytes(t.size())
	}
	head = protowire.AppendTag(head, fieldGraph, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(size))
	if _, err := out.Write(append(head, body...)); err != nil {
		return err
	}
	for _, t := range tensors {
		if err := t.write(out, w); err != nil {
			return err
		}
	}
	return nil
}

// size is that of the constant as a TensorProto.
func (p placed) size() int {
	if !p.inside {
		return len(p.header)
	}
	return len(p.header) + protowire.SizeTag(fieldRawData) + protowire.SizeBytes(int(p.bytes()))
}

// write writes the constant as an initializer of a graph.
func (p placed) write(out io.Writer, w Weights) error {
	head := protowire.AppendTag(nil, fieldInitializer, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(p.size()))
	head = append(head, p.header...)
	if !p.inside {
		_, err := out.Write(head)
		return err
	}
	head = protowire.AppendTag(head, fieldRawData, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(p.bytes()))
	if _, err := out.Write(head); err != nil {
		return err
	}
	data, err := p.read(w)
	if err == nil {
		_, err = out.Write(data)
	}
	return err
}

// releaser takes the memory of a weight back.
type releaser interface{ Release(data []float32) }

// read are the bytes of a constant's elements.
func (c constant) read(w Weights) ([]byte, error) {
	if c.weight == "" {
		return c.data, nil
	}
	values, err := w.Tensor(c.weight, c.shape)
	if err != nil {
		return nil, fmt.Errorf("onnx: %s: %w", c.weight, err)
	}
	if want := graph.Shape(c.shape).Elements(); len(values) != want {
		return nil, fmt.Errorf("onnx: %s: %w: the weights gave %d elements, want %d for %v", c.weight, graph.ErrShape, len(values), want, c.shape)
	}
	data := make([]byte, 4*len(values))
	for i, v := range values {
		at := i
		if c.turned {
			at = i%c.dims[0]*c.dims[1] + i/c.dims[0]
		}
		binary.LittleEndian.PutUint32(data[4*at:], math.Float32bits(v))
	}
	if r, ok := w.(releaser); ok {
		r.Release(values)
	}
	return data, nil
}

// frame is the model without its graph, body the graph without its constants.
func (m *Model) frame() *schema.ModelProto {
	return &schema.ModelProto{
		IrVersion: irVersion, ProducerName: "glipvk", DocString: "GLIP's " + m.Name + "; how pictures become its input is described beside it",
		OpsetImport: []*schema.OperatorSetIdProto{{Version: Opset}},
	}
}

func (m *Model) body() *schema.GraphProto {
	return &schema.GraphProto{Name: m.Name, Node: slices.Clone(m.nodes), Input: infos(m.Inputs), Output: infos(m.Outputs)}
}

// infos are values as the format has them.
func infos(values []Value) []*schema.ValueInfoProto {
	var list []*schema.ValueInfoProto
	for _, v := range values {
		kind := schema.TensorProto_FLOAT
		if v.Type == "int64" {
			kind = schema.TensorProto_INT64
		}
		shape := &schema.TensorShapeProto{}
		for _, size := range v.Shape {
			d := &schema.TensorShapeProto_Dimension{}
			switch size := size.(type) {
			case int:
				d.Value = &schema.TensorShapeProto_Dimension_DimValue{DimValue: int64(size)}
			case string:
				d.Value = &schema.TensorShapeProto_Dimension_DimParam{DimParam: size}
			}
			shape.Dim = append(shape.Dim, d)
		}
		list = append(list, &schema.ValueInfoProto{
			Name: v.Name, DocString: v.What,
			Type: &schema.TypeProto{Value: &schema.TypeProto_TensorType{TensorType: &schema.TypeProto_Tensor{ElemType: int32(kind), Shape: shape}}},
		})
	}
	return list
}
