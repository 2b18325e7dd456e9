// Package cpuref is the oracle: it interprets a [graph.Graph] with plain loops,
// for judging every other executor.
//
//	g, err := swin.Record(cfg, swin.Input{Batch: 1, Height: 224, Width: 224})
//	maps, err := cpuref.Run(ctx, g, weights, cpuref.Options{}, pixels)
//
// Each operation is written as its comment in package graph says it, in a file
// named after it or its theme. Arithmetic is float64 throughout an operation and is
// rounded to float32 once, at the operation's output. Rows of an operation are spread
// over goroutines, nothing cleverer; a result does not depend on their number, bit
// for bit. Operations that only move elements are written one output element, or one
// token of C elements, at a time.
//
// The package imports graph and the standard library only, and shares no formula,
// index helper or constant with the code that it judges.
package cpuref
