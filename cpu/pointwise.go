package cpu

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// each is a step that computes a value element by element from its first operand, which has its
// size: f is told as many elements as suit a task, and knows the other operands' values.
func (c *compiler) each(id graph.ID, f func(y, x []float32, values [][]float32)) step {
	n := c.node(id)
	size := n.Shape.Elements()
	block, tasks := c.tasksOf(size, 4096)
	return step{name: n.Op.Kind(), in: n.Inputs, tasks: tasks, run: func(_ *worker, values [][]float32, task int) {
		first, end := task*block, min((task+1)*block, size)
		f(values[id][first:end], values[n.Inputs[0]][first:end], values)
	}}
}

// eachRow is a step that computes a value row by row of its last axis.
func (c *compiler) eachRow(id graph.ID, f func(w *worker, y []float32, values [][]float32, row int)) step {
	n := c.node(id)
	rows, width := n.Shape.Rows(), n.Shape.Last()
	block, tasks := c.tasksOf(rows, max(1, 4096/width))
	return step{name: n.Op.Kind(), in: n.Inputs, tasks: tasks, run: func(w *worker, values [][]float32, task int) {
		for row := task * block; row < min((task+1)*block, rows); row++ {
			f(w, values[id][row*width:][:width], values, row)
		}
	}}
}

// pointwise is the step of an operation whose elements do not know of each other.
func (c *compiler) pointwise(id graph.ID) (step, bool) {
	switch o := c.node(id).Op.(type) {
	case graph.ReLU:
		return c.each(id, func(y, x []float32, _ [][]float32) {
			for i, v := range x {
				y[i] = max(v, 0)
			}
		}), true
	case graph.HardSigmoid:
		return c.each(id, func(y, x []float32, _ [][]float32) {
			for i, v := range x {
				y[i] = min(max(v+3, 0), 6) / 6
			}
		}), true
	case graph.Clamp:
		limit, k := float32(o.Limit), c.kernels
		return c.each(id, func(y, x []float32, _ [][]float32) {
			copy(y, x)
			whole := len(y) / chunk
			k.clamp(y, 0, limit, 1, whole)
			for i, v := range y[whole*chunk:] {
				y[whole*chunk+i] = min(max(v, -limit), limit)
			}
		}), true
	case graph.Scale:
		factor := float32(o.Factor)
		return c.each(id, func(y, x []float32, _ [][]float32) { times(y, x, factor) }), true
	case graph.MulScalar:
		factor := c.node(id).Inputs[1]
		return c.each(id, func(y, x []float32, values [][]float32) { times(y, x, values[factor][0]) }), true
	}
	return step{}, false
}

func times(y, x []float32, factor float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = v * factor
	}
}

// sigmoid is 1/(1 + exp(-x)) of the channels from From on.
func (c *compiler) sigmoid(id graph.ID, o graph.Sigmoid) step {
	x, n := c.node(id).Inputs[0], c.shape(id).Last()
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		from := values[x][row*n:][:n]
		copy(y, from[:o.From])
		for i := o.From; i < n; i++ {
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
func (c *compiler) normalize(id graph.ID, o graph.Normalize) step {
	in, n := c.node(id).Inputs[0], c.shape(id).Last()
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		x := values[in][row*n:][:n]
		squares := 0.0 // of large numbers the square may be too large for a float32
		for _, v := range x {
			squares += float64(v) * float64(v)
		}
		length := max(math.Sqrt(squares), o.Eps)
		for i, v := range x {
			y[i] = float32(float64(v) / length)
		}
	})
}
