package cpu

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// positionBiasGradTable: a task is a head.
func (c *compiler) positionBiasGradTable(id graph.ID) step {
	g, w := c.node(id).Inputs[0], c.node(id).Op.(graph.PositionBiasGradTable).Window
	shape := c.shape(id)
	heads, n, side := shape[1], w*w, 2*w-1
	return step{in: []graph.ID{g}, tasks: heads, run: func(_ *worker, values [][]float32, head int) {
		sums := make([]float64, shape[0])
		for query := range n {
			for key, v := range values[g][(head*n+query)*n:][:n] {
				down, right := query/w-key/w+w-1, query%w-key%w+w-1
				sums[down*side+right] += float64(v)
			}
		}
		for row, v := range sums {
			values[id][row*heads+head] = float32(v)
		}
	}}
}

// splitPatches puts the elements of patches back where they were.
func (c *compiler) splitPatches(id graph.ID) step {
	x, s, shape := c.node(id).Inputs[0], c.node(id).Op.(graph.SplitPatches).Size, c.shape(id)
	in := c.shape(x)
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		b, down, across := row/shape[2]/shape[1], row/shape[2]%shape[1], row%shape[2]
		patch := values[x][((b*in[1]+down/s)*in[2]+across/s)*in[3]:][:in[3]]
		at := down%s*s + across%s
		for i := range y {
			y[i] = patch[i*s*s+at]
		}
	})
}

// resizeNearestGradX sums what was made of a position.
func (c *compiler) resizeNearestGradX(id graph.ID) step {
	g, shape := c.node(id).Inputs[0], c.shape(id)
	in := c.shape(g)
	made := func(i, from, to int) (first, end int) { // of from positions, by one of to
		return (i*from + to - 1) / to, min(((i+1)*from+to-1)/to, from)
	}
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		b, down, across := row/shape[2]/shape[1], row/shape[2]%shape[1], row%shape[2]
		clear(y)
		top, bottom := made(down, in[1], shape[1])
		left, right := made(across, in[2], shape[2])
		for r := top; r < bottom; r++ {
			for s := left; s < right; s++ {
				for i, v := range values[g][((b*in[1]+r)*in[2]+s)*in[3]:][:in[3]] {
					y[i] += v
				}
			}
		}
	})
}

// reach is which samples of a stretched line a position of the line has a share in, and how much.
type reach struct {
	at    int
	share float32
}

// reaches are those of each of n positions that are stretched to m.
func reaches(n, m int) [][]reach {
	list := make([][]reach, n)
	for i := range m {
		at := betweenOf(i, n, m)
		list[at.low] = append(list[at.low], reach{i, float32(1 - at.share)})
		if at.share != 0 {
			list[at.high] = append(list[at.high], reach{i, float32(at.share)})
		}
	}
	return list
}

// resizeBilinearGradX sums the shares that a position had.
func (c *compiler) resizeBilinearGradX(id graph.ID) step {
	g, shape := c.node(id).Inputs[0], c.shape(id)
	in := c.shape(g)
	downs, acrosses := reaches(shape[1], in[1]), reaches(shape[2], in[2])
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		clear(y)
		for _, d := range downs[row/shape[2]%shape[1]] {
			for _, a := range acrosses[row%shape[2]] {
				share := d.share * a.share
				for i, v := range values[g][((row/shape[2]/shape[1]*in[1]+d.at)*in[2]+a.at)*in[3]:][:in[3]] {
					y[i] += share * v
				}
			}
		}
	})
}

// embedGradWord sums the rows of each word's tokens; a task is some channels.
func (c *compiler) embedGradWord(id graph.ID) step {
	in, shape := c.node(id).Inputs, c.shape(id)
	words, n := shape[0], shape[1]
	const block = 16 // channels: a cache line
	return step{in: in, tasks: (n + block - 1) / block, run: func(_ *worker, values [][]float32, task int) {
		first, width := task*block, min(block, n-task*block)
		for row := range words {
			clear(values[id][row*n+first:][:width])
		}
		for i, v := range values[in[1]] {
			if !(v > 0) {
				continue // padding, or no number
			}
			row := int(min(float64(v), float64(words-1)))
			to := values[id][row*n+first:][:width]
			if row == 0 {
				continue
			}
			for k, g := range values[in[0]][i*n+first:][:width] {
				to[k] += g
			}
		}
	}}
}

// slopes are those of the two lines that dynamicReLU takes the larger of, weighed: all of the larger one, half of each
// where they are equal. Which is the larger cannot be foreseen: there is no branch on it.
func slopes(t []float32, channels, c int, v float32) (first, second, slope float32) {
	a1, b1, a2, b2 := 2*t[c], t[channels+c]-0.5, 2*t[2*channels+c]-1, t[3*channels+c]-0.5
	first = 0.5
	if below := v*a2 + b2 - (v*a1 + b1); below != 0 && below == below {
		first = math.Float32frombits(uint32(int32(math.Float32bits(below))>>31) & one)
	}
	return first, 1 - first, first*a1 + (1-first)*a2
}

// one is 1 in bits.
const one = 0x3f800000

func (c *compiler) dynamicReLUGradX(id graph.ID) step {
	in, shape := c.node(id).Inputs, c.shape(id)
	n, plane := shape[3], shape[1]*shape[2]
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		g, x, t := values[in[0]][row*n:][:n], values[in[1]][row*n:][:n], values[in[2]][row/plane*4*n:][:4*n]
		for i, v := range x {
			_, _, slope := slopes(t, n, i, v)
			y[i] = g[i] * slope
		}
	})
}

// dynamicReLUGradT: a task is some channels of a picture.
func (c *compiler) dynamicReLUGradT(id graph.ID) step {
	in := c.node(id).Inputs
	shape := c.shape(in[1])
	n, plane := shape[3], shape[1]*shape[2]
	const block = 16
	tasks := (n + block - 1) / block
	return step{in: in, tasks: shape[0] * tasks, run: func(_ *worker, values [][]float32, task int) {
		b, from := task/tasks, task%tasks*block
		width := min(block, n-from)
		t := values[in[2]][b*4*n:][:4*n]
		var sums [4][block]float64
		for p := range plane {
			at := (b*plane+p)*n + from
			g, x := values[in[0]][at:][:width], values[in[1]][at:][:width]
			for i, v := range x {
				first, second, _ := slopes(t, n, from+i, v)
				sums[0][i] += float64(2 * g[i] * first * v)
				sums[1][i] += float64(g[i] * first)
				sums[2][i] += float64(2 * g[i] * second * v)
				sums[3][i] += float64(g[i] * second)
			}
		}
		for k := range sums {
			for i := range width {
				values[id][(b*4+k)*n+from+i] = float32(sums[k][i])
			}
		}
	}}
}
