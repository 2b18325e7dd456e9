package cpu

import (
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// onTheWay reports whether a map is never written since all its readers compute it as they read it:
// a group norm or one that is stretched, which is one factor and one shift for each channel, where
// its mean or a weighted mean is taken; and a weighted mean of such maps only, where its mean or a
// dynamic ReLU is taken. A GlobalMean of it needs no look at the map then.
func (c *compiler) onTheWay(id graph.ID) bool {
	n := c.node(id)
	switch n.Op.(type) {
	case graph.GroupNorm:
		return c.stretchOf(id) != none || c.readBy(id, graph.GlobalMean{}, graph.WeightedMean{})
	case graph.ResizeBilinear:
		_, isNorm := c.node(n.Inputs[0]).Op.(graph.GroupNorm)
		return isNorm && c.private(n.Inputs[0]) && c.readBy(id, graph.GlobalMean{}, graph.WeightedMean{})
	case graph.WeightedMean:
		for i := 0; i < len(n.Inputs); i += 2 {
			if !c.onTheWay(n.Inputs[i]) {
				return false
			}
		}
		return c.readBy(id, graph.GlobalMean{}, graph.DynamicReLU{})
	}
	return false
}

// readBy reports whether a value is read by such operations only, and not kept.
func (c *compiler) readBy(id graph.ID, ops ...graph.Op) bool {
	for _, user := range c.users[id] {
		if !slices.Contains(ops, c.node(user).Op) {
			return false
		}
	}
	return !c.options.NoFusion && !c.kept[id] && len(c.users[id]) > 0
}

// stretchOf is the map on the way that a group norm's is stretched to, none if it is read as it is.
func (c *compiler) stretchOf(id graph.ID) graph.ID {
	if c.private(id) {
		user := c.users[id][0]
		if _, stretched := c.node(user).Op.(graph.ResizeBilinear); stretched && c.onTheWay(user) {
			return user
		}
	}
	return none
}

// stretchWeights are how much each position of a group norm's map counts in the mean of the map
// that it is stretched to, nil if it is read as it is.
func (c *compiler) stretchWeights(id graph.ID) (weights []float32) {
	if to := c.stretchOf(id); to != none {
		in, out := c.shape(id), c.shape(to)
		across := shares(in[2], out[2])
		for _, d := range shares(in[1], out[1]) {
			for _, a := range across {
				weights = append(weights, float32(d*a))
			}
		}
	}
	return weights
}

// shares are how much each of n samples counts in the mean of the m that they are stretched to.
func shares(n, m int) []float64 {
	list := make([]float64, n)
	for i := range m {
		at := betweenOf(i, n, m)
		list[at.low] += (1 - at.share) / float64(m)
		list[at.high] += at.share / float64(m)
	}
	return list
}

// term is a map that a step reads, or a branch of a weighted mean.
type term struct {
	x, gate graph.ID // x is in memory, gate none for 1
	coefs   graph.ID // of x's norm, none without one
	in      graph.Shape
	across  []between // of the stretching, nil for none
}

// term is a map with what is known of it on the way.
func (c *compiler) term(id, gate graph.ID) term {
	t := term{x: id, gate: gate, coefs: none}
	if !c.onTheWay(id) {
		return t
	}
	if _, stretched := c.node(id).Op.(graph.ResizeBilinear); stretched {
		t = c.stretched(id)
		t.gate = gate
	}
	t.coefs, t.x = t.x, c.node(t.x).Inputs[0]
	return t
}

// stretched is a map that is to be stretched.
func (c *compiler) stretched(id graph.ID) term {
	t := term{x: c.node(id).Inputs[0], gate: none, coefs: none}
	t.in = c.shape(t.x)
	for column := range c.shape(id)[2] {
		t.across = append(t.across, betweenOf(column, t.in[2], c.shape(id)[2]))
	}
	return t
}

// terms are what a map is the sum of, where whoever reads it computes it: the branches of a weighted mean, or itself.
func (c *compiler) terms(id graph.ID) []term {
	if _, isMean := c.node(id).Op.(graph.WeightedMean); isMean && c.onTheWay(id) {
		return c.branches(id)
	}
	return []term{c.term(id, none)}
}

// branches are the maps and gates of a weighted mean.
func (c *compiler) branches(id graph.ID) (list []term) {
	in := c.node(id).Inputs
	for i := 0; i < len(in); i += 2 {
		list = append(list, c.term(in[i], in[i+1]))
	}
	return list
}

// mapSum is the sum of gate * map over its terms, divided by their number, and, if lines is not none, that
// bent as a DynamicReLU's operand says.
type mapSum struct {
	k          *kernels
	out, lines graph.ID
	terms      []term
	shape      graph.Shape
}

// meanRows is the number of positions that all branches are added up of before the next: they stay in
// the first cache.
const meanRows = 16

// mapStep is the step that writes a map.
func (c *compiler) mapStep(id graph.ID, terms []term, lines graph.ID) step {
	m := &mapSum{k: c.kernels.of(c.shape(id)[3]), out: id, terms: terms, lines: lines, shape: c.shape(id)}
	n := m.shape[3]
	s := c.blocks(id, m.shape[0], m.shape[1]*m.shape[2], max(meanRows, 16384/n), m.run)
	s.in = []graph.ID{lines}
	for _, t := range terms {
		s.in = append(s.in, t.x, t.gate, t.coefs)
	}
	s.rooms = rooms{slotTile: (2*len(terms) + 2 + 4) * n, slotRows: meanRows * n}
	return s
}

// factor is what a term counts for in a picture.
func (t *term) factor(values [][]float32, b, terms int) float32 {
	if t.gate == none {
		return 1
	}
	return values[t.gate][b] / float32(terms)
}

func (m *mapSum) run(w *worker, values [][]float32, b, from, count int) {
	plane, n := m.shape[1]*m.shape[2], m.shape[3]
	room := w.room(slotTile, (2*len(m.terms)+2+4)*n)
	shift, zeros, lines := room[:n], room[n:2*n], room[2*n:6*n]
	clear(room[:2*n])
	centres, factors := make([][]float32, 0, 8), make([][]float32, 0, 8)
	for i := range m.terms {
		t := &m.terms[i]
		factor, centre, gate := room[(6+2*i)*n:][:n], zeros, t.factor(values, b, len(m.terms))
		for j := range factor {
			factor[j] = gate
		}
		if t.coefs != none {
			c := values[t.coefs][b*coefRows*n:]
			centre = c[coefCentre*n:][:n]
			for j, v := range c[coefShift*n:][:n] {
				shift[j] += gate * v
				factor[j] *= c[coefFactor*n+j]
			}
		}
		centres, factors = append(centres, centre), append(factors, factor)
	}
	if m.lines != none {
		bentLines(lines, values[m.lines][b*4*n:], n)
	}
	for first := from; first < from+count; first += meanRows {
		rows := min(meanRows, from+count-first)
		y, start := values[m.out][(b*plane+first)*n:], shift
		for i := range m.terms {
			m.k.affine(y, n, m.rows(w, values, &m.terms[i], b, first, rows), n, centres[i], factors[i], start, rows, n)
			start = nil
		}
		if m.lines != none {
			m.k.bend(y, n, y, n, lines, rows, n)
		}
	}
}

// rows are a few positions of a branch, stretched if it is.
func (m *mapSum) rows(w *worker, values [][]float32, t *term, b, first, rows int) []float32 {
	plane, n := m.shape[1]*m.shape[2], m.shape[3]
	if t.across == nil {
		return values[t.x][(b*plane+first)*n:]
	}
	x := values[t.x][b*t.in[1]*t.in[2]*n:]
	y := w.room(slotRows, rows*n)
	for i := range rows {
		row, column := (first+i)/m.shape[2], (first+i)%m.shape[2]
		stretch(m.k, y[i*n:][:n], x, t.in[2], betweenOf(row, t.in[1], m.shape[1]), t.across[column])
	}
	return y
}

// bentLines makes the four rows of a DynamicReLU's lines of its operand's for one picture.
func bentLines(lines, t []float32, n int) {
	for i := range n {
		lines[i], lines[n+i] = 2*(t[i]-0.5)+1, t[n+i]-0.5
		lines[2*n+i], lines[3*n+i] = 2*(t[2*n+i]-0.5), t[3*n+i]-0.5
	}
}

// weightedMean is the sum of gate * map over the branches, divided by their number.
func (c *compiler) weightedMean(id graph.ID) step { return c.mapStep(id, c.branches(id), none) }

// dynamicReLU is the larger of two lines per channel, made from t [B, 4C].
func (c *compiler) dynamicReLU(id graph.ID) step {
	in := c.node(id).Inputs
	return c.mapStep(id, c.terms(in[0]), in[1])
}

// resizeBilinear interpolates a map between its corners, which stay.
func (c *compiler) resizeBilinear(id graph.ID) step {
	return c.mapStep(id, []term{c.stretched(id)}, none)
}

// globalMean is the mean over a map: [B, H, W, C] -> [B, C]. That of a map that is never written
// is known from its coefficients; of others the sums of each block come first.
func (c *compiler) globalMean(id graph.ID) step {
	in := c.node(id).Inputs[0]
	shape := c.shape(in)
	n := shape[3]
	if c.onTheWay(in) {
		return c.knownMean(id, c.terms(in))
	}
	s, before := c.statsOf(in, nil)
	return step{in: []graph.ID{s.id}, before: before, tasks: shape[0], run: func(_ *worker, values [][]float32, b int) {
		for i := range n {
			plain, _ := s.sums(values[s.id], b, i)
			values[id][b*n+i] = float32(plain / float64(s.plane))
		}
	}}
}

// knownMean is the mean of a sum of maps whose own are in the coefficients of their norms.
func (c *compiler) knownMean(id graph.ID, terms []term) step {
	n := c.shape(id).Last()
	s := step{tasks: c.shape(id)[0], run: func(_ *worker, values [][]float32, b int) {
		y := values[id][b*n:][:n]
		clear(y)
		for i := range terms {
			t := &terms[i]
			gate := t.factor(values, b, len(terms))
			for i, v := range values[t.coefs][(b*coefRows+coefMean)*n:][:n] {
				y[i] += gate * v
			}
		}
	}}
	for _, t := range terms {
		s.in = append(s.in, t.coefs, t.gate)
	}
	return s
}

// stretch is one position of a map between four of a picture's x, whose rows are of so many positions.
func stretch(k *kernels, y, x []float32, width int, down, across between) {
	at := func(row, column int) []float32 { return x[(row*width+column)*len(y):][:len(y)] }
	k.blend(y, at(down.low, across.low), at(down.low, across.high), at(down.high, across.low), at(down.high, across.high), [4]float32{
		float32((1 - down.share) * (1 - across.share)), float32((1 - down.share) * across.share),
		float32(down.share * (1 - across.share)), float32(down.share * across.share),
	}, 1, len(y))
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
