package goldtrain

import (
	"slices"
	"testing"

	"github.com/glipvk/glipvk/cpuref"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/internal/difftest"
)

// bend is an element of a map that a dynamic ReLU reads, so near to where its two lines meet that rounding decides which is the
// larger: its gradient is one slope or the other, and the gradients of all that comes before change with it.
type bend struct {
	path    string
	element int
	by      float32 // moves it to the original's side from anywhere that rounding may leave it, and back to the other
}

// bends are those of a case by its name. They were found by comparing the values of executors node by node: these are the first
// that differ though their operands agree, and on the operands of package cpu the oracle's are the same.
var bends = map[string][]bend{
	"t.step": {
		// P3 of the fifth DyConv, row 8, column 13, channel 236: -0.1686, where both lines are -0.0481. The first less the second is
		// 1.6e-6 on package cpu with AVX-512, -7.2e-6 with plain Go, -2.4e-7 on Vulkan, -6.5e-7 on the oracle. The original takes
		// the second; with the first, 558 of 822 tensors are beyond the limit.
		{"rpn.head.dyhead_tower.14.mean", (8*20+13)*256 + 236, -1e-4},
		// P6 of the sixth, row 1, column 2, channel 122: -0.3671, where both are 0.0601. The first less the second is 6.2e-5,
		// -1.4e-6, 3.9e-5 and -1.1e-6. The original takes the first; with the second, three tensors are beyond the limit.
		{"rpn.head.dyhead_tower.17.mean#4", (1*3+2)*256 + 122, 1e-4},
	},
}

// far are the tensors that are beyond the limit, with how far they are.
func (c *Whole) far(t *testing.T, values map[string][]float32) map[string]float64 {
	far := map[string]float64{}
	for _, x := range c.compared() {
		if got, ok := values[x.Name]; ok {
			if d := x.apart(got, c.Stored(t, x)); !(d <= x.Limit()) {
				far[x.Name] = d
			}
		}
	}
	return far
}

// unbent are the tensors that are far though the elements at the case's bends may lie on either side: to the values are added, for
// some bends, the changes from the other side to the original's, which the oracle tells. The fewest count, of all choices of bends.
func (c *Whole) unbent(t *testing.T, s wholeStep, values map[string][]float32) map[string]float64 {
	t.Helper()
	best, ways := c.far(t, values), []map[string][]float32{values}
	for k, b := range bends[c.ID] {
		if len(best) == 0 {
			break
		}
		if len(c.sides) == k {
			c.sides = append(c.sides, [2]map[string][]float32{s.held(t, nil, b), s.held(t, nil, bend{b.path, b.element, -b.by})})
		}
		there, here := c.sides[k][0], c.sides[k][1]
		for _, way := range slices.Clone(ways) {
			moved := map[string][]float32{}
			for name, data := range way {
				moved[name] = slices.Clone(data)
				for i := range data {
					moved[name][i] += there[name][i] - here[name][i]
				}
			}
			ways = append(ways, moved)
			if far := c.far(t, moved); len(far) < len(best) {
				best = far
			}
		}
	}
	return best
}

// held are the oracle's values where the gradients, but not the losses, are computed with the elements at bends moved, while observe,
// if there is one, sees all.
func (s wholeStep) held(t *testing.T, observe func(graph.ID, graph.Node, []float32), list ...bend) map[string][]float32 {
	t.Helper()
	x := make([][]float32, len(list))
	return s.values(t, difftest.CPU{Options: cpuref.Options{Observe: func(id graph.ID, n graph.Node, data []float32) {
		if observe != nil {
			observe(id, n, data)
		}
		for i, b := range list {
			switch n.Path {
			case b.path:
				x[i] = data
			case glip.LossPath:
				x[i][b.element] += b.by
			}
		}
	}}})
}
