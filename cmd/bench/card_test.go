package main

import (
	"path/filepath"
	"testing"
)

// A model whose weights are in the program, and a file that says what it is of, need no other flags.
func TestCards(t *testing.T) {
	file := filepath.Join("..", "..", "world", "glip-world.safetensors")
	for _, row := range []struct {
		args           []string
		model, weights string
	}{
		{[]string{"--model", "glip-world"}, "swin-world", "embedded"},
		{[]string{"--detector", "--model", "glip-world"}, "glip-world", "embedded"},
		{[]string{"--detector", "--weights", file}, "glip-world", file},
		{[]string{"--train", "--weights", file}, "glip-world", file},
	} {
		args := append(row.args, "--device", "cpu", "--size", "64x96", "--iterations", "1", "--check", "none", "--no-tune")
		if r, _ := benchDetector(t, args...); r.Model != row.model || r.Weights != row.weights {
			t.Errorf("%q measured %s with %s, want %s with %s", row.args, r.Model, r.Weights, row.model, row.weights)
		}
	}
}
