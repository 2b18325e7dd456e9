// Package schema is the messages of the Open Inference Protocol by gRPC, generated of inference.proto.
package schema

//go:generate go run ../../../tools/protoc inference.proto
