package cpu

import (
	"github.com/glipvk/glipvk/graph"
)

// Sizes of a product's blocks, in floats. A block's rows of the left factor stay in the
// second cache while the weights stream past them; a panel's piece of blockK rows
// stays in the first while the block's tiles use it.
const (
	cacheFloats = 128 << 10 // half of the smallest second cache that such processors have
	blockK      = 384
	groupWidth  = 32 // columns that are finished (GELU, residual) at once: a multiple of chunk and of every panel
)

// product is y = x Wᵀ + b with what comes before and after it.
type product struct {
	k        *kernels
	out      graph.ID
	m, n, kk int
	left     source
	matrix   graph.ID
	panels   panels // of the matrix if it is a weight
	bias     graph.ID
	gelu     bool
	residual graph.ID
	flops    int64

	part                      int    // rows of a picture, if blocks are to be within one, else all
	rows, columns             int    // of a block
	rowBlocks, columnBlocks   int    // rowBlocks of a part
	stats                     *stats // of the columns of each block, nil for none
	hasBias, hasResidual, raw bool   // raw: the matrix is not packed
}

// product is the step of a Linear and what is around it.
func (c *compiler) product(id graph.ID) (step, bool) {
	p, ok := c.matchProduct(id)
	if !ok {
		return step{}, false
	}
	if s, ok := c.windowStep(p); ok {
		return s, true
	}
	if s, ok := c.hiddenStep(p); ok {
		return s, true
	}
	p.cut(c.workers)
	return p.step(), true
}

// matchProduct matches a Linear and what follows it: moves, GELU, one residual sum. Legal
// because a Linear and a GELU work on each row by itself: moving their results is moving
// their operands, unless zeros are moved in, which would come out as the bias.
func (c *compiler) matchProduct(id graph.ID) (*product, bool) {
	p := &product{k: c.kernels, out: id}
	cur, after, ok := id, (*rowMap)(nil), true
	if cur, ok = c.residualSum(p, cur); !ok {
		return nil, false
	}
	for moves(c.node(cur).Op) && c.node(cur).Op.Kind() != (graph.MergePatches{}).Kind() && (cur == id && c.canJoin(cur) || c.private(cur)) {
		m := c.rowMap(cur)
		if !m.whole() {
			return nil, false
		}
		after, cur = m.after(after), c.node(cur).Inputs[0]
	}
	if _, isGELU := c.node(cur).Op.(graph.GELU); isGELU && (cur == id && c.canJoin(cur) || c.private(cur)) {
		p.gelu, cur = true, c.node(cur).Inputs[0]
	}
	n := c.node(cur)
	if _, isLinear := n.Op.(graph.Linear); !isLinear || cur != id && !c.private(cur) {
		return nil, false
	}
	p.left = c.source(n.Inputs[0], false)
	if after != nil {
		if p.left.patches != nil || p.left.gather != nil && p.left.gather.parts > 1 {
			p.left = source{id: n.Inputs[0], width: c.shape(n.Inputs[0]).Last(), piece: c.shape(n.Inputs[0]).Last()}
		}
		if p.left.norm != nil && p.left.gather == nil {
			p.left.norm.before = true // the norm is of rows as they lie, moved afterwards
		}
		p.left.gather = p.left.gather.after(after)
	}
	p.m, p.n, p.kk = c.shape(id).Rows(), n.Shape.Last(), p.left.width
	p.matrix = n.Inputs[1]
	if p.panels, ok = c.weights.packed[packedKey{c.node(p.matrix).Path, false}]; !ok || c.node(p.matrix).Op.Kind() != (graph.Param{}).Kind() {
		p.raw = true
	}
	if len(n.Inputs) == 3 {
		p.bias, p.hasBias = n.Inputs[2], true
	}
	p.flops = 2 * c.g.MultiplyAdds(cur)
	return p, true
}

// canJoin reports whether a node's operand can be computed inside the node's own step.
func (c *compiler) canJoin(id graph.ID) bool { return c.private(c.node(id).Inputs[0]) }

// residualSum takes in an Add of two values of one shape of which one can be computed on the
// way; it returns that one, or id itself if it is no such sum.
func (c *compiler) residualSum(p *product, id graph.ID) (graph.ID, bool) {
	n := c.node(id)
	if _, isAdd := n.Op.(graph.Add); !isAdd {
		return id, true
	}
	a, b := n.Inputs[0], n.Inputs[1]
	if !c.shape(a).Equal(c.shape(b)) {
		return id, false
	}
	for _, pair := range [][2]graph.ID{{b, a}, {a, b}} {
		if c.private(pair[0]) && c.endsInLinear(pair[0]) {
			p.residual, p.hasResidual = pair[1], true
			return pair[0], true
		}
	}
	return id, false
}

// endsInLinear reports whether a private value is a Linear but for moves and a GELU.
func (c *compiler) endsInLinear(id graph.ID) bool {
	for {
		n := c.node(id)
		switch {
		case !c.private(id):
			return false
		case n.Op.Kind() == (graph.Linear{}).Kind():
			return true
		case moves(n.Op) && n.Op.Kind() != (graph.MergePatches{}).Kind() && c.rowMap(id).whole(), n.Op.Kind() == (graph.GELU{}).Kind():
			id = n.Inputs[0]
		default:
			return false
		}
	}
}

// cut chooses blocks: as many rows as the cache takes, then columns so that there are a
// few tasks for each worker.
func (p *product) cut(workers int) {
	if p.part == 0 {
		p.part = p.m
	}
	most := max(p.k.rows, cacheFloats/stride(p.kk))
	if p.part <= 64 {
		most = p.part // few rows: the weights are the larger part, and are read once only if the rows stay together
	}
	tile := p.k.rows
	if !p.left.direct() && p.stats == nil && p.n*p.kk <= cacheFloats*3/2 {
		// Blocks of columns would each fetch their rows: rather blocks of fewer rows, while the weights
		// stay in the second cache.
		most = min(most, max(4*tile, (p.part+8*workers-1)/(8*workers)))
	}
	p.rowBlocks = (p.part + most - 1) / most
	p.rows = (p.part + p.rowBlocks - 1) / p.rowBlocks
	p.rows = min((p.rows+tile-1)/tile*tile, p.part)
	p.rowBlocks = (p.part + p.rows - 1) / p.rows
	groups := (p.n + groupWidth - 1) / groupWidth
	p.columnBlocks = 1
	if workers > 1 {
		p.columnBlocks = min(groups, max(1, (12*workers+p.allRowBlocks()-1)/p.allRowBlocks()))
	}
	p.columns = (groups + p.columnBlocks - 1) / p.columnBlocks * groupWidth
	p.columnBlocks = (p.n + p.columns - 1) / p.columns
}

// allRowBlocks is the number of blocks of rows.
func (p *product) allRowBlocks() int { return p.m / p.part * p.rowBlocks }

// reads are the values that a product needs besides its left factor.
func (p *product) reads() []graph.ID {
	list := []graph.ID{p.matrix}
	if p.hasBias {
		list = append(list, p.bias)
	}
	if p.hasResidual {
		list = append(list, p.residual)
	}
	return list
}

func (p *product) step() step {
	s := step{name: "linear", in: append(p.left.reads(), p.reads()...), flops: p.flops, tasks: p.allRowBlocks() * p.columnBlocks, run: p.run}
	s.rooms = rooms{slotRows: p.rows * stride(p.kk), slotStart: p.k.columns}
	if p.n%groupWidth != 0 {
		s.rooms[slotTile] = p.rows * groupWidth
	}
	if p.raw {
		s.rooms[slotPanel] = p.kk * p.k.columns
	}
	if p.gelu {
		s.name += "_gelu"
	}
	if p.hasResidual {
		s.name += "_add"
	}
	return s
}

// run computes one block: [rows, columns] of y.
func (p *product) run(w *worker, values [][]float32, task int) {
	number, from := task/p.columnBlocks, task%p.columnBlocks*p.columns
	inPart := number % p.rowBlocks * p.rows
	first := number/p.rowBlocks*p.part + inPart
	rows, to := min(p.rows, p.part-inPart), min(from+p.columns, p.n)
	a, lda := p.fetch(w, values, first, rows)
	y := values[p.out][first*p.n:]
	for column := from; column < to; column += groupWidth {
		p.group(w, values, block{a: a, lda: lda, y: y[column:], ldy: p.n, first: first, rows: rows, column: column})
		if p.stats != nil {
			p.k.moments(values[p.stats.id][number*statRows*p.n+column:], p.n, y[column:], p.n, p.stats.of(inPart), rows, groupWidth/chunk)
		}
	}
}

// block is what a group of columns is computed from.
type block struct {
	a                   []float32
	lda                 int
	y                   []float32 // from the group's first element
	ldy                 int
	first, rows, column int
}

// fetch gives the block's rows of the left factor.
func (p *product) fetch(w *worker, values [][]float32, first, rows int) (a []float32, lda int) {
	if p.left.direct() && spacious(p.kk) {
		return values[p.left.id][first*p.kk:], p.kk
	}
	lda = stride(p.kk)
	a = w.room(slotRows, p.rows*lda)
	if !w.held.valid || w.held.first != first {
		p.left.fetch(p.k, values, a, lda, first, rows)
		w.held = heldRows{true, first}
	}
	return a, lda
}

// group computes and finishes groupWidth columns of a block, fewer at the right edge,
// where they take a detour through memory of full width.
func (p *product) group(w *worker, values [][]float32, b block) {
	width := min(groupWidth, p.n-b.column)
	c, ldc := b.y, b.ldy
	if width < groupWidth {
		c, ldc = w.room(slotTile, p.rows*groupWidth), groupWidth
	}
	for at := 0; at < width; at += p.k.columns {
		panel := p.panel(w, values, b.column+at)
		start := p.start(w, values, b.column+at)
		p.k.multiply(c[at:], ldc, b.a, b.lda, panel, p.kk, start, 0, b.rows)
	}
	if p.gelu {
		p.k.gelu(c, ldc, b.rows, groupWidth/chunk)
	}
	if width == groupWidth {
		if p.hasResidual {
			r := values[p.residual][b.first*p.n+b.column:]
			p.k.add(c, ldc, c, ldc, r, p.n, b.rows, groupWidth/chunk)
		}
		return
	}
	for row := range b.rows {
		y := b.y[row*b.ldy:][:width]
		copy(y, c[row*ldc:])
		if p.hasResidual {
			for i, v := range values[p.residual][(b.first+row)*p.n+b.column:][:width] {
				y[i] += v
			}
		}
	}
}

// panel is the packed weights of the columns from column on.
func (p *product) panel(w *worker, values [][]float32, column int) []float32 {
	if !p.raw {
		return p.panels.data[column*p.kk:][:p.kk*p.k.columns]
	}
	panel := w.room(slotPanel, p.kk*p.k.columns)
	clear(panel)
	p.k.packPanel(panel, values[p.matrix][column*p.kk:], p.kk)
	return panel
}

// start is the bias of the columns from column on, zeros if there is none.
func (p *product) start(w *worker, values [][]float32, column int) []float32 {
	n := p.k.columns
	if p.hasBias && column+n <= p.n {
		return values[p.bias][column:][:n]
	}
	start := w.room(slotStart, n)
	clear(start)
	if p.hasBias {
		copy(start, values[p.bias][column:])
	}
	return start
}

// multiply is c = start + a b for rows rows and one panel b [kk, columns], blockK of kk at
// a time.
func (k *kernels) multiply(c []float32, ldc int, a []float32, lda int, b []float32, kk int, start []float32, lds, rows int) {
	for from := 0; from < kk; from += blockK {
		k.product(a[from:], lda, b[from*k.columns:], min(blockK, kk-from), start, lds, c, ldc, rows)
		start, lds = c, ldc
	}
}
