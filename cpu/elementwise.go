package cpu

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// each is a step that computes a value element by element from its first operand, which has its
// size: f is told as many elements as suit a task, and the other operands' values.
func (c *compiler) each(id graph.ID, f func(y, x []float32, values [][]float32)) step {
	x, size := c.node(id).Inputs[0], c.shape(id).Elements()
	return c.blocks(id, 1, (size+chunk-1)/chunk, 256, func(_ *worker, values [][]float32, _, first, count int) {
		first, end := first*chunk, min((first+count)*chunk, size)
		f(values[id][first:end], values[x][first:end], values)
	})
}

// eachRow is a step that computes a value row by row of its last axis.
func (c *compiler) eachRow(id graph.ID, f func(w *worker, y []float32, values [][]float32, row int)) step {
	width := c.shape(id).Last()
	return c.blocks(id, 1, c.shape(id).Rows(), max(1, 4096/width), func(w *worker, values [][]float32, _, first, count int) {
		for row := first; row < first+count; row++ {
			f(w, values[id][row*width:][:width], values, row)
		}
	})
}

func (c *compiler) gelu(id graph.ID) step {
	return c.each(id, func(y, x []float32, _ [][]float32) {
		copy(y, x)
		c.kernels.along(y, func(k *kernels, y []float32) { k.gelu(y, 0, 1, len(y)) })
	})
}

// pointwise makes the step of a function of one number.
func pointwise(f func(v float32) float32) func(c *compiler, id graph.ID) step {
	return func(c *compiler, id graph.ID) step {
		return c.each(id, func(y, x []float32, _ [][]float32) {
			for i, v := range x {
				y[i] = f(v)
			}
		})
	}
}

func relu(v float32) float32        { return max(v, 0) }
func hardSigmoid(v float32) float32 { return min(max(v+3, 0), 6) / 6 }

func (c *compiler) clamp(id graph.ID) step {
	limit := float32(c.node(id).Op.(graph.Clamp).Limit)
	return c.each(id, func(y, x []float32, _ [][]float32) {
		copy(y, x)
		c.kernels.along(y, func(k *kernels, y []float32) { k.clamp(y, 0, limit, 1, len(y)) })
	})
}

func (c *compiler) scale(id graph.ID) step {
	factor := float32(c.node(id).Op.(graph.Scale).Factor)
	return c.each(id, func(y, x []float32, _ [][]float32) { times(y, x, factor) })
}

func (c *compiler) mulScalar(id graph.ID) step {
	factor := c.node(id).Inputs[1]
	return c.each(id, func(y, x []float32, values [][]float32) { times(y, x, values[factor][0]) })
}

func times(y, x []float32, factor float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = v * factor
	}
}

// add is the step that adds two values, the second tiled over the first: b's coordinate
// along each axis is a's modulo b's size.
func (c *compiler) add(id graph.ID) step {
	a, b := c.node(id).Inputs[0], c.node(id).Inputs[1]
	as, bs := c.shape(a), c.shape(b)
	n, m := as.Last(), bs.Last()
	if as.Equal(bs) {
		return c.pairs(id, func(y, x, z []float32) {
			c.kernels.parts(len(y), func(k *kernels, from, n int) { k.add(y[from:], 0, x[from:], 0, z[from:], 0, 1, n) })
		})
	}
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		left, right := values[a][row*n:][:n], values[b][tiledRow(as, bs, row)*m:][:m]
		for at := 0; at < n; at += m {
			c.kernels.of(m).add(y[at:], 0, left[at:], 0, right, 0, 1, m)
		}
	})
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
	x, n := c.node(id).Inputs[0], c.shape(id).Last()
	wide := (n + chunk - 1) / chunk * chunk
	s := c.eachRow(id, func(w *worker, y []float32, values [][]float32, row int) {
		line := w.room(slotTile, wide)
		for i := copy(line, values[x][row*n:][:n]); i < wide; i++ {
			line[i] = float32(math.Inf(-1))
		}
		c.kernels.softmax(line, 0, nil, 0, 1, wide)
		copy(y, line)
	})
	s.rooms[slotTile] = wide
	return s
}

// sigmoid is 1/(1 + exp(-x)) of the channels from From on.
func (c *compiler) sigmoid(id graph.ID) step {
	x, n, first := c.node(id).Inputs[0], c.shape(id).Last(), c.node(id).Op.(graph.Sigmoid).From
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		from := values[x][row*n:][:n]
		copy(y, from[:first])
		for i := first; i < n; i++ {
			y[i] = logistic(from[i])
		}
	})
}

// logLogistic is the logarithm of logistic(x), also where that is too small for a float32.
func logLogistic(x float32) float32 {
	z := float64(x)
	return float32(math.Min(z, 0) - math.Log1p(math.Exp(-math.Abs(z))))
}

// logistic is 1/(1 + exp(-x)), without an exponential above 1.
func logistic(x float32) float32 {
	if x < 0 {
		e := exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + exp(-x))
}

// addScaled is x + gamma * y, gamma [C] being of the last axis.
func (c *compiler) addScaled(id graph.ID) step {
	in, n := c.node(id).Inputs, c.shape(id).Last()
	return c.eachRow(id, func(_ *worker, out []float32, values [][]float32, row int) {
		x, y, gamma := values[in[0]][row*n:][:n], values[in[1]][row*n:][:n], values[in[2]][:n]
		out = out[:n]
		for i, v := range x {
			out[i] = v + gamma[i]*y[i]
		}
	})
}

// normalize is x / max(|x|, Eps) over the last axis.
func (c *compiler) normalize(id graph.ID) step {
	in, n, eps := c.node(id).Inputs[0], c.shape(id).Last(), c.node(id).Op.(graph.Normalize).Eps
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		x := values[in][row*n:][:n]
		squares := 0.0 // of large numbers the square may be too large for a float32
		for _, v := range x {
			squares += float64(v) * float64(v)
		}
		length := max(math.Sqrt(squares), eps)
		for i, v := range x {
			y[i] = float32(float64(v) / length)
		}
	})
}
