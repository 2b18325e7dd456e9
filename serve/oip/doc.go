// Package oip speaks the Open Inference Protocol, version 2, for the server: REST with Triton's binary tensors, and gRPC. Both
// become one request, whose tensors are those that [Inputs] and [Outputs] name:
//
//	POST /v2/models/glip-t/infer
//	{"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": ["iVBORw0KGgo..."]},
//	            {"name": "phrases", "datatype": "BYTES", "shape": [2], "data": ["cat", "whiskers"]}]}
//
// The protocol is https://github.com/kserve/open-inference-protocol, its extensions are Triton Inference Server's. Routes that load,
// name or write anything are not there.
//
// The package imports serve/api alone of ours: it knows neither the detector nor the queue.
package oip
