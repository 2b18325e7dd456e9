package cpu

import "github.com/glipvk/glipvk/graph"

// nearestRows tabulates ResizeNearest.
func nearestRows(in, out graph.Shape) *rowMap {
	return mapTokens(out, in, func(y, x int) (int, int) { return y * in[1] / out[1], x * in[2] / out[2] })
}

// resizeNearest copies from the nearest position.
func (c *compiler) resizeNearest(id graph.ID) step {
	x := c.node(id).Inputs[0]
	channels := c.shape(id)[3]
	m := c.rowMap(id)
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		copy(y, values[x][m.of(row)*channels:])
	})
}

// resizeBilinear interpolates a map between its corners, which stay; one task is some rows of
// output tokens.
func (c *compiler) resizeBilinear(id graph.ID) step {
	x, k := c.node(id).Inputs[0], c.kernels
	in, out := c.shape(x), c.shape(id)
	channels := out[3]
	rows := out[0] * out[1]
	block, tasks := c.tasksOf(rows, max(1, 4096/(out[2]*channels)))
	across := make([]between, out[2])
	for i := range across {
		across[i] = betweenOf(i, in[2], out[2])
	}
	return step{name: "resizebilinear", in: []graph.ID{x}, tasks: tasks, run: func(_ *worker, values [][]float32, task int) {
		for row := task * block; row < min((task+1)*block, rows); row++ {
			down := betweenOf(row%out[1], in[1], out[1])
			from := values[x][row/out[1]*in[1]*in[2]*channels:]
			for i, h := range across {
				stretch(k, values[id][(row*out[2]+i)*channels:][:channels], from, in[2], down, h)
			}
		}
	}}
}

// stretch is one position of a map between four of a picture's x, whose rows are of so many positions.
func stretch(k *kernels, y, x []float32, width int, down, across between) {
	at := func(row, column int) []float32 { return x[(row*width+column)*len(y):][:len(y)] }
	k.blend(y, at(down.low, across.low), at(down.low, across.high), at(down.high, across.low), at(down.high, across.high), [4]float32{
		float32((1 - down.share) * (1 - across.share)), float32((1 - down.share) * across.share),
		float32(down.share * (1 - across.share)), float32(down.share * across.share),
	}, 1)
}

// between are the source positions on both sides of an output position, and the share of the higher.
type between struct {
	low, high int
	share     float64
}

// betweenOf is that of position i of a line of n samples stretched to one of m, its ends staying.
func betweenOf(i, n, m int) between {
	if m == 1 {
		return between{}
	}
	whole, rest := i*(n-1)/(m-1), i*(n-1)%(m-1)
	return between{whole, min(whole+1, n-1), float64(rest) / float64(m-1)}
}
