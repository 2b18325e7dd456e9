package cpu

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// statBlock is the number of positions whose sums are taken together: a block stays in the
// second cache. It does not depend on the workers, and so the result does not.
const statBlock = 64

// moments are mean and sum of squared distances from it of one group in one block, float64.
type moments struct{ mean, squares float64 }

// groupNorm normalises groups of channels over a map [B, H, W, C], in two steps: moments of
// each block of positions, about the block's own mean, then all joined and applied.
func (c *compiler) groupNorm(id graph.ID, o graph.GroupNorm) step {
	in, shape := c.node(id).Inputs, c.shape(id)
	plane, n := shape[1]*shape[2], shape[3]
	blocks := (plane + statBlock - 1) / statBlock
	size := n / o.Groups
	stats := make([]moments, shape[0]*blocks*o.Groups)
	first := step{name: "groupnorm_moments", in: in[:1], tasks: shape[0] * blocks, run: func(_ *worker, values [][]float32, task int) {
		b, from := task/blocks, task%blocks*statBlock
		count := min(statBlock, plane-from)
		x := values[in[0]][(b*plane+from)*n:][:count*n]
		for g := range o.Groups {
			stats[task*o.Groups+g] = momentsOf(x[g*size:], n, size, count)
		}
	}}
	block, tasks := c.tasksOf(plane, max(1, 4096/n))
	return step{name: "groupnorm", in: in, before: []step{first}, tasks: shape[0] * tasks, rooms: rooms{slotTile: 2*n + o.Groups}, run: func(w *worker, values [][]float32, task int) {
		b, from := task/tasks, task%tasks*block
		weight, bias := values[in[1]], values[in[2]]
		room := w.room(slotTile, 2*n+o.Groups)
		factors, shifts, means := room[:n], room[n:2*n], room[2*n:]
		for g := range o.Groups {
			m := joined(stats[b*blocks*o.Groups+g:], o.Groups, plane, size)
			means[g] = float32(m.mean)
			factor := 1 / math.Sqrt(m.squares/float64(plane*size)+o.Eps)
			rest := (m.mean - float64(means[g])) * factor
			for i := g * size; i < (g+1)*size; i++ {
				factors[i], shifts[i] = float32(factor)*weight[i], bias[i]-float32(rest)*weight[i]
			}
		}
		for row := b*plane + from; row < b*plane+min(from+block, plane); row++ {
			x, y := values[in[0]][row*n:][:n], values[id][row*n:][:n]
			for g, mean := range means {
				line, scale, shift := y[g*size:][:size], factors[g*size:][:size], shifts[g*size:][:size]
				for i, v := range x[g*size:][:size] {
					line[i] = (v-mean)*scale[i] + shift[i]
				}
			}
		}
	}}
}

// momentsOf are those of count rows of n floats, ld apart.
func momentsOf(x []float32, ld, n, count int) moments {
	total := float64(count * n)
	sum, _ := distances(x, ld, n, count, 0)
	// The sum of the distances from what float32 has for the mean gives the rest of it.
	near := float32(sum / total)
	sum, squares := distances(x, ld, n, count, near)
	rest := sum / total
	return moments{float64(near) + rest, squares - total*rest*rest}
}

// distances are the sums of x - from and of its square over count rows of n floats, ld apart.
func distances(x []float32, ld, n, count int, from float32) (sum, squares float64) {
	var s0, s1, s2, s3, q0, q1, q2, q3 float32
	for r := range count {
		line := x[r*ld:][:n]
		for ; len(line) >= 4; line = line[4:] {
			d0, d1, d2, d3 := line[0]-from, line[1]-from, line[2]-from, line[3]-from
			s0, s1, s2, s3 = s0+d0, s1+d1, s2+d2, s3+d3
			q0, q1, q2, q3 = q0+d0*d0, q1+d1*d1, q2+d2*d2, q3+d3*d3
		}
		for _, v := range line {
			d := v - from
			s0, q0 = s0+d, q0+d*d
		}
	}
	return float64(s0) + float64(s1) + float64(s2) + float64(s3), float64(q0) + float64(q1) + float64(q2) + float64(q3)
}

// joined are the moments of all positions of a map, given those of its blocks, ld apart.
func joined(stats []moments, ld, plane, size int) moments {
	var all moments
	count := 0.0
	for from := 0; from < plane; from += statBlock {
		m, n := stats[from/statBlock*ld], float64(min(statBlock, plane-from)*size)
		d := m.mean - all.mean
		all.mean += d * n / (count + n)
		all.squares += m.squares + d*d*count*n/(count+n)
		count += n
	}
	return all
}

// globalMean is the mean over a map: [B, H, W, C] -> [B, C], in two steps: sums of each block
// of positions, then those of all.
func (c *compiler) globalMean(id graph.ID) step {
	in, k := c.node(id).Inputs[0], c.kernels
	shape := c.shape(in)
	plane, n := shape[1]*shape[2], shape[3]
	blocks := (plane + statBlock - 1) / statBlock
	partial := aligned(shape[0] * blocks * n)
	first := step{name: "globalmean_sums", in: []graph.ID{in}, tasks: shape[0] * blocks, run: func(_ *worker, values [][]float32, task int) {
		b, from := task/blocks, task%blocks*statBlock
		sums, whole := partial[task*n:][:n], n/chunk
		clear(sums)
		for row := range min(statBlock, plane-from) {
			x := values[in][(b*plane+from+row)*n:][:n]
			k.add(sums, 0, sums, 0, x, 0, 1, whole)
			for i := whole * chunk; i < n; i++ {
				sums[i] += x[i]
			}
		}
	}}
	joins := func(_ *worker, values [][]float32, b int) {
		for i := range n {
			sum := 0.0
			for block := range blocks {
				sum += float64(partial[(b*blocks+block)*n+i])
			}
			values[id][b*n+i] = float32(sum / float64(plane))
		}
	}
	return step{name: "globalmean", in: []graph.ID{in}, before: []step{first}, tasks: shape[0], run: joins}
}
