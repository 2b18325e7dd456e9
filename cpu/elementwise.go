package cpu

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// gelu is the step that applies GELU to a value by itself.
func (c *compiler) gelu(id graph.ID) step {
	x, k := c.node(id).Inputs[0], c.kernels
	size := c.shape(id).Elements()
	block, tasks := c.tasksOf((size+chunk-1)/chunk, 256)
	return step{name: "gelu", in: []graph.ID{x}, tasks: tasks, rooms: rooms{slotTile: chunk}, run: func(w *worker, values [][]float32, task int) {
		first := task * block * chunk
		y := values[id][first:min(first+block*chunk, size)]
		copy(y, values[x][first:])
		whole := len(y) / chunk
		k.gelu(y, 0, 1, whole)
		if rest := y[whole*chunk:]; len(rest) > 0 {
			part := w.room(slotTile, chunk)
			clear(part)
			copy(part, rest)
			k.gelu(part, 0, 1, 1)
			copy(rest, part)
		}
	}}
}

// add is the step that adds two values, the second tiled over the first: b's coordinate
// along each axis is a's modulo b's size.
func (c *compiler) add(id graph.ID) step {
	a, b := c.node(id).Inputs[0], c.node(id).Inputs[1]
	k := c.kernels
	as, bs := c.shape(a), c.shape(b)
	n, m := as.Last(), bs.Last()
	rows := as.Rows()
	if as.Equal(bs) { // one row throughout: few long rows instead of many short ones
		n, rows = as.Elements(), 1
		if block := 4096; n%block == 0 {
			n, rows = block, n/block
		}
		m = n
		as, bs = graph.Shape{rows, n}, graph.Shape{rows, n}
	}
	block, tasks := c.tasksOf(rows, max(1, 4096/n))
	return step{name: "add", in: []graph.ID{a, b}, tasks: tasks, run: func(_ *worker, values [][]float32, task int) {
		for row := task * block; row < min((task+1)*block, rows); row++ {
			y, left, right := values[id][row*n:][:n], values[a][row*n:][:n], values[b][tiledRow(as, bs, row)*m:][:m]
			whole := 0
			if m == n {
				whole = n / chunk
				k.add(y, 0, left, 0, right, 0, 1, whole)
			}
			for i := whole * chunk; i < n; i++ {
				y[i] = left[i] + right[i%m]
			}
		}
	}}
}

// tiledRow is the row of b that is added to row r of a.
func tiledRow(a, b graph.Shape, r int) int {
	row, stride := 0, 1
	for i := 2; i <= len(b); i++ { // from the last but one axis upwards
		length, size := a[len(a)-i], b[len(b)-i]
		row += r % length % size * stride
		r, stride = r/length, stride*size
	}
	return row
}

// softmax is the step that applies softmax to rows by itself.
func (c *compiler) softmax(id graph.ID) step {
	x, k := c.node(id).Inputs[0], c.kernels
	n, rows := c.shape(id).Last(), c.shape(id).Rows()
	wide := (n + chunk - 1) / chunk * chunk
	block, tasks := c.tasksOf(rows, max(1, 2048/n))
	return step{name: "softmax", in: []graph.ID{x}, tasks: tasks, rooms: rooms{slotTile: wide}, run: func(w *worker, values [][]float32, task int) {
		for row := task * block; row < min((task+1)*block, rows); row++ {
			y := values[id][row*n:][:n]
			if n == wide {
				copy(y, values[x][row*n:])
				k.softmax(y, 0, nil, 0, 1, n/chunk)
				continue
			}
			line := w.room(slotTile, wide)
			copy(line, values[x][row*n:][:n])
			for i := n; i < wide; i++ {
				line[i] = float32(math.Inf(-1))
			}
			k.softmax(line, 0, nil, 0, 1, wide/chunk)
			copy(y, line)
		}
	}}
}
