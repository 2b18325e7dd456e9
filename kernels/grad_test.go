package kernels_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/gradrows"
	"github.com/glipvk/glipvk/kernels"
	"github.com/glipvk/glipvk/vulkan"
)

// gradCases are the operations of training.
func gradCases() []opCase {
	var list []opCase
	for i, r := range gradrows.Rows() {
		kind := graph.Kind(r.Op)
		if !slices.Contains(kernels.Kinds(), kind) {
			continue
		}
		within := bound{each: 4 * ulp, rms: 2e-5, l2: 1e-5}
		if slices.Contains([]string{"slicechannels", "concatchannels", "splitpatches", "tile", "fill", "keep", "mul", "relugradx", "clampgradx"}, kind) {
			within = bound{}
		}
		list = append(list, opCase{op: kind, name: fmt.Sprint(i, r.In), bound: within, card: true, record: func(b *graph.Builder) {
			var values []graph.Value
			for k, s := range r.In {
				values = append(values, b.In("x", k).Input(s...))
			}
			b.Output(b.In("y").Record(r.Op, values...))
		}, fill: func(_ *rand.Rand, path string, data []float32) {
			var k int
			if _, err := fmt.Sscanf(strings.ReplaceAll(path, ".", " "), "x %d", &k); err != nil {
				panic(path)
			}
			copy(data, r.Operands(i)[k])
		}})
	}
	return list
}

// neverSplit are those of training that no device of the tests is too small for, or that say so where it is.
var neverSplit = []string{"positionbiasgradtable", "embedgradword", "fill", "dropblock", "clipscale", "centernessloss", "centernesslossgradx",
	"giouloss", "gioulossgradx", "tokenfocalloss", "tokenfocallossgradx"}

// TestGradientsRepeat requires the same bits of every run.
func TestGradientsRepeat(t *testing.T) {
	d := device(t)
	for _, c := range gradCases() {
		t.Run(c.String(), func(t *testing.T) {
			g, s := build(t, c.record), c.tensors()
			p := compile(t, d, g, s, vulkan.Options{NoFusion: true})
			same(t, "a second run", run(t, p, s.inputs(g)...), run(t, p, s.inputs(g)...))
		})
	}
}
