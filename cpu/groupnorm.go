package cpu

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// stats are moments of a map's columns [B, H, W, C], of one block of positions after the other,
// which do not depend on the workers: [B, blocks, statRows, C], see [kernels] for what a row is.
type stats struct {
	id      graph.ID  // the value that they are
	rows    int       // of a block but the last of a picture
	weights []float32 // of the positions of a picture, nil for none
}

// Rows of stats.
const (
	statNear    = iota // the mean as a float has it
	statRest           // sum of distances from it
	statSquares        // of their squares
	statWeighed        // of their products with the weights
	statRows
)

// statBlock is the number of positions of a block where no product chooses it.
const statBlock = 64

// Rows of the coefficients of a group norm that is applied by whoever reads it, [B, coefRows, C]:
// it is (x - centre) factor + shift.
const (
	coefCentre = iota
	coefFactor
	coefShift
	coefMean // of the map that is read, stretched or not
	coefRows
)

// groupNorm normalises groups of channels over a map. What it needs to know of the map comes from
// the convolution that makes it, else a step goes over it; then the blocks are joined. Whether a
// last step writes the map depends on its readers.
func (c *compiler) groupNorm(id graph.ID) step {
	o := c.node(id).Op.(graph.GroupNorm)
	in, shape := c.node(id).Inputs, c.shape(id)
	moments, before := c.statsOf(in[0], c.stretchWeights(id))
	coefs := id
	if !c.onTheWay(id) {
		coefs = c.temporary(shape[0] * coefRows * shape[3])
	} else {
		c.sizes[id] = shape[0] * coefRows * shape[3]
	}
	join := step{
		name: "groupnorm_joined", in: []graph.ID{moments.id, in[1], in[2]}, outs: []graph.ID{coefs}, tasks: shape[0] * o.Groups,
		run: func(_ *worker, values [][]float32, task int) { moments.join(values, coefs, in[1:], shape, o, task) },
	}
	if coefs == id {
		join.before = before
		return join
	}
	s := c.mapStep(id, []term{{x: in[0], gate: none, coefs: coefs}}, none)
	s.before = append(before, join)
	return s
}

// statsOf tells where the moments of a map are, and the steps that compute them if no product does
// on its way.
func (c *compiler) statsOf(id graph.ID, weights []float32) (*stats, []step) {
	shape := c.shape(id)
	plane, n := shape[1]*shape[2], shape[3]
	k, s := c.kernels.of(n), &stats{rows: statBlock, weights: weights}
	if c.measures(id) {
		s.id = c.temporary(0) // the product chooses its blocks
		c.stats[id] = s
		return s, nil
	}
	blocks := s.blocks(plane)
	s.id = c.temporary(shape[0] * blocks * statRows * n)
	return s, []step{{
		name: "moments", in: []graph.ID{id}, outs: []graph.ID{s.id}, tasks: shape[0] * blocks,
		run: func(_ *worker, values [][]float32, task int) {
			first := task % blocks * s.rows
			x := values[id][(task/blocks*plane+first)*n:]
			k.moments(values[s.id][task*statRows*n:], n, x, n, s.of(first), min(s.rows, plane-first), n)
		},
	}}
}

// measures reports whether the step that makes a map takes its moments too.
func (c *compiler) measures(id graph.ID) bool {
	_, placed := c.views[id]
	switch c.node(id).Op.(type) {
	case graph.Conv, graph.DeformConv:
		return !c.options.NoFusion && !placed && !c.kept[id] && c.stats[id] == nil && c.shape(id).Last()%groupWidth == 0
	}
	return false
}

func (s *stats) blocks(plane int) int { return (plane + s.rows - 1) / s.rows }

// of are the weights from a position on, none if there are none.
func (s *stats) of(position int) []float32 {
	if s.weights == nil {
		return nil
	}
	return s.weights[position:]
}

// join computes the coefficients of one group of a picture.
func (s *stats) join(values [][]float32, coefs graph.ID, weights []graph.ID, shape graph.Shape, o graph.GroupNorm, task int) {
	b, group := task/o.Groups, task%o.Groups
	plane, n := shape[1]*shape[2], shape[3]
	size, blocks := n/o.Groups, s.blocks(plane)
	first, end := group*size, (group+1)*size
	moments := values[s.id][b*blocks*statRows*n:]
	sum := 0.0
	for i := first; i < end; i += chunk {
		plain, _ := s.sums(moments[i:], n, min(chunk, end-i), plane)
		for _, v := range plain {
			sum += v
		}
	}
	mean := sum / float64(plane*size)
	squares := 0.0
	for block := range blocks {
		count := float64(min(s.rows, plane-block*s.rows))
		rows := moments[block*statRows*n:]
		for i := first; i < end; i++ {
			off := float64(rows[i]) - mean
			squares += float64(rows[statSquares*n+i]) + off*(2*float64(rows[statRest*n+i])+count*off)
		}
	}
	factor := 1 / math.Sqrt(max(squares/float64(plane*size), 0)+o.Eps)
	centre := float32(mean)
	rest := (mean - float64(centre)) * factor
	y := values[coefs][b*coefRows*n:]
	for i := first; i < end; i += chunk {
		plain, weighed := s.sums(moments[i:], n, min(chunk, end-i), plane)
		for k := i; k < min(i+chunk, end); k++ {
			weight, bias := values[weights[0]][k], values[weights[1]][k]
			y[coefCentre*n+k], y[coefFactor*n+k], y[coefShift*n+k] = centre, float32(factor)*weight, bias-float32(rest)*weight
			column := plain[k-i] / float64(plane)
			if s.weights != nil {
				column = weighed[k-i]
			}
			y[coefMean*n+k] = float32((column-mean)*factor*float64(weight) + float64(bias))
		}
	}
}

// sums are those of at most a chunk of columns of n over all positions of a picture, and those of
// the products with the weights. moments begin at the first of the columns.
func (s *stats) sums(moments []float32, n, columns, plane int) (plain, weighed [chunk]float64) {
	for first := 0; first < plane; first += s.rows {
		end := min(first+s.rows, plane)
		count, all := float64(end-first), 0.0
		if s.weights != nil {
			for _, w := range s.weights[first:end] {
				all += float64(w)
			}
		}
		rows := moments[first/s.rows*statRows*n:]
		for i, v := range rows[:columns] {
			near := float64(v)
			if plain[i] += count * near; near-near == 0 { // of an infinity the distances are no numbers
				plain[i] += float64(rows[statRest*n+i])
			}
		}
		if s.weights != nil {
			for i, v := range rows[:columns] {
				weighed[i] += all*float64(v) + float64(rows[statWeighed*n+i])
			}
		}
	}
	return plain, weighed
}
