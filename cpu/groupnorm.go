package cpu

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// stats are moments of a map's columns [B, H, W, C], of one block of positions after the other,
// which do not depend on the workers: [B, blocks, statRows, C], see [kernels] for what a row is.
type stats struct {
	id       graph.ID  // the value that they are
	plane, n int       // positions of a picture, columns
	weights  []float32 // of the positions of a picture, nil for none
	rows     int       // of a block but the last of a picture
	blocks   int       // of a picture
	shares   []float64 // of the blocks: the sums of their weights
}

// cut makes blocks of so many rows.
func (s *stats) cut(rows int) {
	s.rows, s.blocks = rows, (s.plane+rows-1)/rows
	s.shares = make([]float64, s.blocks)
	for i, w := range s.weights {
		s.shares[i/rows] += float64(w)
	}
}

// from are the weights from a position on, none if there are none.
func (s *stats) from(position int) []float32 { return s.weights[min(position, len(s.weights)):] }

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
		run: func(_ *worker, values [][]float32, task int) { moments.join(values, coefs, in[1:], o, task) },
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
	k, s := c.kernels.of(n), &stats{plane: plane, n: n, weights: weights}
	if c.measures(id) {
		s.id = c.temporary(0) // the product chooses its blocks
		c.stats[id] = s
		return s, nil
	}
	s.cut(statBlock)
	s.id = c.temporary(shape[0] * s.blocks * statRows * n)
	return s, []step{{
		name: "moments", in: []graph.ID{id}, outs: []graph.ID{s.id}, tasks: shape[0] * s.blocks,
		run: func(_ *worker, values [][]float32, task int) {
			first := task % s.blocks * s.rows
			x := values[id][(task/s.blocks*plane+first)*n:]
			k.moments(values[s.id][task*statRows*n:], n, x, n, s.from(first), min(s.rows, plane-first), n)
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

// join computes the coefficients of one group of a picture.
func (s *stats) join(values [][]float32, coefs graph.ID, weights []graph.ID, o graph.GroupNorm, task int) {
	b, n, size := task/o.Groups, s.n, s.n/o.Groups
	first := task % o.Groups * size
	sum, squares, count := 0.0, 0.0, float64(s.plane*size)
	for i := first; i < first+size; i++ {
		plain, _ := s.sums(values[s.id], b, i)
		sum += plain
	}
	mean := sum / count
	for block := range s.blocks {
		positions := float64(min(s.rows, s.plane-block*s.rows))
		rows := values[s.id][(b*s.blocks+block)*statRows*n:]
		for i := first; i < first+size; i++ {
			off := float64(rows[i]) - mean
			squares += float64(rows[statSquares*n+i]) + off*(2*float64(rows[statRest*n+i])+positions*off)
		}
	}
	factor := 1 / math.Sqrt(max(squares/count, 0)+o.Eps)
	centre := float32(mean)
	rest := (mean - float64(centre)) * factor
	y := values[coefs][b*coefRows*n:]
	for i := first; i < first+size; i++ {
		weight, bias := values[weights[0]][i], values[weights[1]][i]
		y[coefCentre*n+i], y[coefFactor*n+i], y[coefShift*n+i] = centre, float32(factor)*weight, bias-float32(rest)*weight
		plain, column := s.sums(values[s.id], b, i)
		if s.weights == nil {
			column = plain / float64(s.plane)
		}
		y[coefMean*n+i] = float32((column-mean)*factor*float64(weight) + float64(bias))
	}
}

// sums are that of a column over all positions of a picture, and that of the products with the weights.
func (s *stats) sums(moments []float32, picture, column int) (plain, weighed float64) {
	for block := range s.blocks {
		rows := moments[(picture*s.blocks+block)*statRows*s.n+column:]
		near := float64(rows[statNear*s.n])
		if plain += float64(min(s.rows, s.plane-block*s.rows)) * near; near-near == 0 { // of an infinity the distances are no numbers
			plain += float64(rows[statRest*s.n])
		}
		if s.weights != nil {
			weighed += s.shares[block]*near + float64(rows[statWeighed*s.n])
		}
	}
	return plain, weighed
}
