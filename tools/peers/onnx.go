package main

import (
	"encoding/binary"
)

// message is a protocol buffer under construction (protobuf.dev/programming-guides/encoding): just what an ONNX file needs.
type message []byte

func (m message) number(field int, value uint64) message {
	m = binary.AppendUvarint(m, uint64(field)<<3)
	return binary.AppendUvarint(m, value)
}

func (m message) bytes(field int, value []byte) message {
	m = binary.AppendUvarint(m, uint64(field)<<3|2)
	m = binary.AppendUvarint(m, uint64(len(value)))
	return append(m, value...)
}

func (m message) text(field int, value string) message { return m.bytes(field, []byte(value)) }

// The element types and the one attribute type used here, by onnx.proto's enumerations.
const (
	onnxFloat     = 1
	onnxInt64     = 7
	onnxFloat16   = 10
	onnxAttribute = 4 // a tensor
	onnxInteger   = 2 // an int
)

// productModel is an ONNX file of Y [M, N] = X [M, K] W [K, N] with f32 input and output. W is made by the file itself, so
// that the file is small and the engine sees a constant: ConstantOfShape, which every engine folds when it loads a model. With
// precision f16, X is rounded on entry and Y widened at the end.
func productModel(w work, precision string) []byte {
	element := uint64(onnxFloat)
	one := message{0, 0, 0, 0x3c} // 2^-7, an f32: small, so that f16 does not overflow
	if precision == "f16" {
		element, one = onnxFloat16, message{0, 0x20}
	}
	size := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(w.k)), uint64(w.n))
	shape := message(nil).number(1, 2).number(2, onnxInt64).text(8, "shape").bytes(9, size)
	fill := message(nil).number(1, 1).number(2, element).bytes(9, one)
	value := message(nil).text(1, "value").bytes(5, fill).number(20, onnxAttribute)
	graph := message(nil).bytes(1, message(nil).text(1, "shape").text(2, "W").text(4, "ConstantOfShape").bytes(5, value))
	cast := func(from, to string, element uint64) message {
		attribute := message(nil).text(1, "to").number(3, element).number(20, onnxInteger)
		return message(nil).text(1, from).text(2, to).text(4, "Cast").bytes(5, attribute)
	}
	x, y := "X", "Y"
	if precision == "f16" {
		x, y = "X16", "Y16"
		graph = graph.bytes(1, cast("X", x, onnxFloat16))
	}
	graph = graph.bytes(1, message(nil).text(1, x).text(1, "W").text(2, y).text(4, "MatMul"))
	if precision == "f16" {
		graph = graph.bytes(1, cast(y, "Y", onnxFloat))
	}
	graph = graph.text(2, "product").bytes(5, shape).bytes(11, tensorInfo("X", w.m, w.k)).bytes(12, tensorInfo("Y", w.m, w.n))
	opset := message(nil).text(1, "").number(2, 17)
	return message(nil).number(1, 8).text(2, "peers").bytes(7, graph).bytes(8, opset)
}

// tensorInfo is the ValueInfoProto of an f32 matrix.
func tensorInfo(name string, rows, cols int) message {
	dim := func(n int) message { return message(nil).number(1, uint64(n)) }
	shape := message(nil).bytes(1, dim(rows)).bytes(1, dim(cols))
	tensor := message(nil).number(1, onnxFloat).bytes(2, shape)
	return message(nil).text(1, name).bytes(2, message(nil).bytes(1, tensor))
}
