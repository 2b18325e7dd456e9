package cpu

import "github.com/glipvk/glipvk/graph"

// onTheWay reports whether a map is never written since all its readers compute it as they read it:
// a group norm or one that is stretched, which is one factor and one shift for each channel, where
// its mean or a weighted mean is taken; and a weighted mean of such maps only, where its mean or a
// dynamic ReLU is taken. A GlobalMean of it needs no look at the map then.
func (c *compiler) onTheWay(id graph.ID) bool {
	if c.options.NoFusion || c.kept[id] {
		return false
	}
	n := c.node(id)
	switch n.Op.(type) {
	case graph.GroupNorm:
		if users := c.users[id]; len(users) == 1 {
			if _, stretched := c.node(users[0]).Op.(graph.ResizeBilinear); stretched {
				return c.onTheWay(users[0])
			}
		}
	case graph.ResizeBilinear:
		if _, ok := c.node(n.Inputs[0]).Op.(graph.GroupNorm); !ok || len(c.users[n.Inputs[0]]) != 1 || c.kept[n.Inputs[0]] {
			return false
		}
	case graph.WeightedMean:
		for i := 0; i < len(n.Inputs); i += 2 {
			if !c.onTheWay(n.Inputs[i]) {
				return false
			}
		}
	default:
		return false
	}
	for _, user := range c.users[id] {
		switch c.node(user).Op.(type) {
		case graph.GlobalMean:
		case graph.WeightedMean:
			if n.Op.Kind() == (graph.WeightedMean{}).Kind() {
				return false
			}
		case graph.DynamicReLU:
			if n.Op.Kind() != (graph.WeightedMean{}).Kind() {
				return false
			}
		default:
			return false
		}
	}
	return len(c.users[id]) > 0
}

// stretchWeights are how much each position of a group norm's map counts in the mean of the map
// that it is stretched to, nil if it is read as it is.
func (c *compiler) stretchWeights(id graph.ID) []float32 {
	if users := c.users[id]; len(users) == 1 && c.onTheWay(users[0]) {
		if _, stretched := c.node(users[0]).Op.(graph.ResizeBilinear); stretched {
			in, out := c.shape(id), c.shape(users[0])
			down, across := shares(in[1], out[1]), shares(in[2], out[2])
			weights := make([]float32, 0, in[1]*in[2])
			for _, d := range down {
				for _, a := range across {
					weights = append(weights, float32(d*a))
				}
			}
			return weights
		}
	}
	return nil
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

// term is a branch of a weighted mean.
type term struct {
	x, gate graph.ID // x is in memory
	coefs   graph.ID // of x's norm, -1 for none
	in      graph.Shape
	across  []between // of the stretching, nil for none
}

// terms are those of a weighted mean and the values that they read.
func (c *compiler) terms(id graph.ID) (list []term, reads []graph.ID) {
	in := c.node(id).Inputs
	for i := 0; i < len(in); i += 2 {
		t := term{x: in[i], gate: in[i+1], coefs: -1}
		if c.onTheWay(t.x) {
			if _, stretched := c.node(t.x).Op.(graph.ResizeBilinear); stretched {
				out := c.shape(t.x)
				t.x = c.node(t.x).Inputs[0]
				t.in = c.shape(t.x)
				for column := range out[2] {
					t.across = append(t.across, betweenOf(column, t.in[2], out[2]))
				}
			}
			t.coefs, t.x = t.x, c.node(t.x).Inputs[0]
			reads = append(reads, t.coefs)
		}
		list, reads = append(list, t), append(reads, t.x, t.gate)
	}
	return list, reads
}

// weightedMean is the sum of gate * map over the branches, divided by their number, and, if lines
// is not -1, that bent as a DynamicReLU's operand says.
type weightedMean struct {
	k     *kernels
	out   graph.ID
	terms []term
	lines graph.ID
	shape graph.Shape
	block int // positions of a task
	tasks int // of a picture
}

// meanRows is the number of positions that all branches are added up of before the next: they stay in
// the first cache.
const meanRows = 16

func (c *compiler) weightedMean(id graph.ID) step { return c.mean(id, id, -1) }

// mean is the step that writes the value id: the weighted mean of that node, bent if lines is not -1.
func (c *compiler) mean(id, node, lines graph.ID) step {
	m := &weightedMean{k: c.kernels, out: id, lines: lines, shape: c.shape(id)}
	var reads []graph.ID
	m.terms, reads = c.terms(node)
	name := "weightedmean"
	if lines >= 0 {
		reads, name = append(reads, lines), "weightedmean_dynamicrelu"
	}
	n := m.shape[3]
	m.block, m.tasks = c.tasksOf(m.shape[1]*m.shape[2], max(meanRows, 16384/n))
	return step{
		name: name, in: reads, tasks: m.shape[0] * m.tasks, run: m.run,
		rooms: rooms{slotTile: (2*len(m.terms) + 2 + 4) * n, slotRows: meanRows * n},
	}
}

func (m *weightedMean) run(w *worker, values [][]float32, task int) {
	plane, n := m.shape[1]*m.shape[2], m.shape[3]
	b, from := task/m.tasks, task%m.tasks*m.block
	room := w.room(slotTile, (2*len(m.terms)+2+4)*n)
	shift, none, lines := room[:n], room[n:2*n], room[2*n:6*n]
	clear(room[:2*n])
	centres, factors := make([][]float32, 0, 8), make([][]float32, 0, 8)
	for i, t := range m.terms {
		factor := room[(6+2*i)*n:][:n]
		centre := none
		gate := values[t.gate][b] / float32(len(m.terms))
		if t.coefs >= 0 {
			c := values[t.coefs][b*coefRows*n:]
			centre = c[coefCentre*n:][:n]
			for j, v := range c[coefShift*n:][:n] {
				shift[j] += gate * v
				factor[j] = gate * c[coefFactor*n+j]
			}
		} else {
			for j := range factor {
				factor[j] = gate
			}
		}
		centres, factors = append(centres, centre), append(factors, factor)
	}
	if m.lines >= 0 {
		bentLines(lines, values[m.lines][b*4*n:], n)
	}
	for first := from; first < min(from+m.block, plane); first += meanRows {
		rows := min(meanRows, from+m.block-first, plane-first)
		y := values[m.out][(b*plane+first)*n:]
		start := shift
		for i := range m.terms {
			x := m.rows(w, values, &m.terms[i], b, first, rows)
			m.k.affineRows(y, n, x, n, centres[i], factors[i], start, rows, n)
			start = nil
		}
		if m.lines >= 0 {
			m.k.bendRows(y, n, y, n, lines, rows, n)
		}
	}
}

// rows are a few positions of a branch, stretched if it is.
func (m *weightedMean) rows(w *worker, values [][]float32, t *term, b, first, rows int) []float32 {
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

// dynamicReLU is the larger of two lines per channel, made from t [B, 4C].
func (c *compiler) dynamicReLU(id graph.ID) step {
	in, shape, k := c.node(id).Inputs, c.shape(id), c.kernels
	if c.onTheWay(in[0]) {
		return c.mean(id, in[0], in[1])
	}
	n, plane := shape[3], shape[1]*shape[2]
	block, tasks := c.tasksOf(plane, max(1, 4096/n))
	return step{name: "dynamicrelu", in: in, tasks: shape[0] * tasks, rooms: rooms{slotTile: 4 * n}, run: func(w *worker, values [][]float32, task int) {
		b, from := task/tasks, task%tasks*block
		lines := w.room(slotTile, 4*n)
		bentLines(lines, values[in[1]][b*4*n:], n)
		first := (b*plane + from) * n
		k.bendRows(values[id][first:], n, values[in[0]][first:], n, lines, min(block, plane-from), n)
	}}
}

// globalMean is the mean over a map: [B, H, W, C] -> [B, C]. That of a map that is never written
// is known from its coefficients; of others the sums of each block come first.
func (c *compiler) globalMean(id graph.ID) step {
	in := c.node(id).Inputs[0]
	shape := c.shape(in)
	plane, n := shape[1]*shape[2], shape[3]
	switch c.node(in).Op.(type) {
	case graph.WeightedMean:
		if c.onTheWay(in) {
			return c.meanOfMeans(id, in)
		}
	case graph.ResizeBilinear:
		if c.onTheWay(in) {
			return c.knownMean(id, c.node(in).Inputs[0])
		}
	case graph.GroupNorm:
		if c.onTheWay(in) {
			return c.knownMean(id, in)
		}
	}
	s, before := c.statsOf(in, nil)
	return step{name: "globalmean", in: []graph.ID{s.id}, before: before, tasks: shape[0], run: func(_ *worker, values [][]float32, b int) {
		moments := values[s.id][b*s.blocks(plane)*statRows*n:]
		for i := 0; i < n; i += chunk {
			plain, _ := s.sums(moments[i:], n, min(chunk, n-i), plane)
			for k := i; k < min(i+chunk, n); k++ {
				values[id][b*n+k] = float32(plain[k-i] / float64(plane))
			}
		}
	}}
}

// knownMean copies a mean out of the coefficients of a norm.
func (c *compiler) knownMean(id, norm graph.ID) step {
	n := c.shape(norm)[3]
	return step{name: "globalmean", in: []graph.ID{norm}, tasks: c.shape(norm)[0], run: func(_ *worker, values [][]float32, b int) {
		copy(values[id][b*n:][:n], values[norm][(b*coefRows+coefMean)*n:])
	}}
}

// meanOfMeans is the mean of a weighted mean.
func (c *compiler) meanOfMeans(id, node graph.ID) step {
	terms, _ := c.terms(node)
	n := c.shape(node)[3]
	var reads []graph.ID
	for _, t := range terms {
		reads = append(reads, t.coefs, t.gate)
	}
	return step{name: "globalmean", in: reads, tasks: c.shape(node)[0], run: func(_ *worker, values [][]float32, b int) {
		y := values[id][b*n:][:n]
		clear(y)
		for _, t := range terms {
			gate := values[t.gate][b] / float32(len(terms))
			for i, v := range values[t.coefs][(b*coefRows+coefMean)*n:][:n] {
				y[i] += gate * v
			}
		}
	}}
}
