// Package world has the weights of glip-world in it: a small GLIP that this project trained itself, from nothing, on scenes that
// tools/world draws. The file is a checkpoint as any that package train saves, in 16 bits; package glipvk opens it where the model
// is named and no other weights are.
package world

import (
	_ "embed" // the weights
	"strings"
)

// Name is that of the model.
const Name = "glip-world"

//go:embed glip-world.safetensors
var weights string

// Weights are the file's bytes, in the safetensors format.
func Weights() *strings.Reader { return strings.NewReader(weights) }
