// Package onnx writes recorded graphs as ONNX models (opset 20), for runtimes other than ours:
//
//	m, err := onnx.Detector(cfg, onnx.DetectorOptions{Height: 800, Width: 1344, Tokens: 256, Labels: 80})
//	files, err := m.Write("glip.onnx", weights, onnx.Auto)
//
// Every operation of package graph that a model has at inference is lowered by a function of its own to standard operators; those of
// training are refused by name, with the reason. What comes in and goes out is in [Model.Inputs] and [Model.Outputs]; "glip export" writes
// it beside the model.
//
// The batch can be left open, and is then the first size of every input. Height, width, tokens and labels are fixed: windows, masks
// and position tables are made for one size when a graph is recorded.
package onnx
