package onnx

import (
	"maps"
	"slices"
)

// Lowered are the kinds of operations that have a lowering.
func Lowered() []string { return slices.Sorted(maps.Keys(lowerings)) }
