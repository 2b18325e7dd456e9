package cpu

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// biasRow is one row of a position bias [h, n, n], row = head*n + query: entry j is the
// table's row for the offset of the query's token from key j's.
func biasRow(y, table []float32, window, heads, row int) {
	n, side := window*window, 2*window-1
	head, query := row/n, row%n
	for key := range y {
		down, right := query/window-key/window+window-1, query%window-key%window+window-1
		y[key] = table[(down*side+right)*heads+head]
	}
}

// bias is the position bias [h, n, wide] of a table; columns beyond n are -infinity.
func (k *kernels) bias(table []float32, shape graph.Shape) []float32 {
	window, heads := (int(math.Sqrt(float64(shape[0])))+1)/2, shape[1]
	n := window * window
	return padded(heads*n, n, k.wide(n), func(y []float32, row int) { biasRow(y, table, window, heads, row) })
}

// positionBias is the step that writes a position bias down.
func (c *compiler) positionBias(id graph.ID) step {
	table, window, heads := c.node(id).Inputs[0], c.node(id).Op.(graph.PositionBias).Window, c.shape(id)[0]
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		biasRow(y, values[table], window, heads, row)
	})
}

// maskRow is one row of a window's shift mask. In a map that was rolled by Shift the last
// Shift rows came from the top and the last Shift columns from the left: tokens from different
// sides of such a border do not see each other.
func maskRow(y []float32, o graph.ShiftMask, window, query int) {
	across := o.Width / o.Size
	side := func(token int) int {
		s := 0
		if window/across*o.Size+token/o.Size >= o.Height-o.Shift {
			s = 2
		}
		if window%across*o.Size+token%o.Size >= o.Width-o.Shift {
			s++
		}
		return s
	}
	for key := range y {
		if y[key] = 0; side(key) != side(query) {
			y[key] = -100
		}
	}
}

// shiftMask is the step that writes a shift mask [nW, 1, n, n] down.
func (c *compiler) shiftMask(id graph.ID) step {
	o := c.node(id).Op.(graph.ShiftMask)
	return c.eachRow(id, func(_ *worker, y []float32, _ [][]float32, row int) { maskRow(y, o, row/len(y), row%len(y)) })
}

// resizePosition resizes [1, L, C] to [1, H, W, C] bicubically.
func (c *compiler) resizePosition(id graph.ID) step {
	x := c.node(id).Inputs[0]
	side := int(math.Round(math.Sqrt(float64(c.shape(x)[1]))))
	height, width := c.shape(id)[1], c.shape(id)[2]
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		clear(y)
		for _, v := range bicubic(row/width, height, side) {
			for _, h := range bicubic(row%width, width, side) {
				weight := float32(v.weight * h.weight)
				for i, value := range values[x][(v.at*side+h.at)*len(y):][:len(y)] {
					y[i] += weight * value
				}
			}
		}
	})
}

// sample is one of the positions that an interpolated one is made from.
type sample struct {
	at     int
	weight float64
}

// bicubic are the samples for position i of n, of a line of m: centres at half pixels,
// A = -0.75, the border repeated.
func bicubic(i, n, m int) [4]sample {
	const a = -0.75
	x := (float64(i)+0.5)*float64(m)/float64(n) - 0.5
	base := math.Floor(x)
	t := x - base
	near := func(d float64) float64 { return (a+2)*d*d*d - (a+3)*d*d + 1 }
	far := func(d float64) float64 { return a * (d*d*d - 5*d*d + 8*d - 4) }
	samples := [4]sample{{weight: far(1 + t)}, {weight: near(t)}, {weight: near(1 - t)}, {weight: far(2 - t)}}
	for k := range samples {
		samples[k].at = min(max(int(base)+k-1, 0), m-1)
	}
	return samples
}
