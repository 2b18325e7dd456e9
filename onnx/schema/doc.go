// Package schema is the part of ONNX's file format that package onnx writes, generated of onnx.proto.
package schema

//go:generate go run ../../tools/protoc onnx.proto
