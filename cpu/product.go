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
	k              *kernels
	out            graph.ID
	m, n, kk       int
	left           source
	matrix         graph.ID
	panels         []float32 // of the matrix
	made           graph.ID  // the value that they are, where a step makes them; else panels is set
	bias, residual graph.ID
	gelu           bool
	flops          int64

	part                    int    // rows of a picture, if blocks are to be within one, else all
	rows, columns           int    // of a block
	rowBlocks, columnBlocks int    // rowBlocks of a part
	stats                   *stats // of the columns of each block, nil for none
}

// product is the step of a Linear and what is around it.
func (c *compiler) product(id graph.ID) (step, bool) {
	p, ok := c.matchProduct(id)
	if !ok {
		return step{}, false
	}
	for _, join := range []func(*product) (step, bool){c.windowStep, c.hiddenStep} {
		if s, ok := join(p); ok {
			return s, true
		}
	}
	p.cut(c.workers)
	return p.step(), true
}

// matchProduct matches a Linear and what follows it: moves, GELU, one residual sum. Legal
// because a Linear and a GELU work on each row by itself: moving their results is moving
// their operands, unless zeros are moved in, which would come out as the bias.
func (c *compiler) matchProduct(id graph.ID) (*product, bool) {
	n := c.node(id)
	if _, isAdd := n.Op.(graph.Add); !isAdd {
		return c.matchLinear(id)
	}
	a, b := n.Inputs[0], n.Inputs[1]
	for _, pair := range [][2]graph.ID{{b, a}, {a, b}} {
		if c.private(pair[0]) && c.shape(a).Equal(c.shape(b)) {
			if p, ok := c.matchLinear(pair[0]); ok {
				p.out, p.residual = id, pair[1]
				return p, true
			}
		}
	}
	return nil, false
}

// matchLinear is matchProduct without the residual sum.
func (c *compiler) matchLinear(id graph.ID) (*product, bool) {
	p := &product{k: c.kernels, out: id, residual: none, m: c.shape(id).Rows()}
	cur, after := id, (*rowMap)(nil)
	own := func() bool { return cur == id || c.private(cur) }
	for moves(c.node(cur).Op) && own() {
		m := c.rowMap(cur)
		if cur = c.node(cur).Inputs[0]; !m.selects(c.shape(cur).Rows()) {
			return nil, false
		}
		after = m.after(after)
	}
	if _, isGELU := c.node(cur).Op.(graph.GELU); isGELU && own() {
		p.gelu, cur = true, c.node(cur).Inputs[0]
	}
	n := c.node(cur)
	if _, isLinear := n.Op.(graph.Linear); !isLinear || !own() {
		return nil, false
	}
	p.matrix, p.bias = n.Inputs[1], c.operand(cur, 2)
	var packed bool
	if p.panels, packed = c.packed(p.matrix, asMatrix); !packed {
		return nil, false
	}
	p.left = c.source(n.Inputs[0], false)
	if after != nil {
		if p.left.cut != nil || !p.left.gather.single() {
			p.left = source{id: n.Inputs[0], width: c.shape(n.Inputs[0]).Last()}
		}
		if p.left.norm != nil && p.left.gather == nil {
			p.left.norm.before = true // the norm is of rows as they lie, moved afterwards
		}
		p.left.gather = p.left.gather.after(after)
	}
	p.n, p.kk, p.flops = n.Shape.Last(), p.left.width, 2*c.g.MultiplyAdds(cur)
	return p, true
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

// reads are the values that a product needs, besides are those that are not its left factor.
func (p *product) reads() []graph.ID   { return append(p.left.reads(), p.besides()...) }
func (p *product) besides() []graph.ID { return []graph.ID{p.matrix, p.bias, p.residual} }

func (p *product) step() step {
	s := step{name: "linear", in: p.reads(), flops: p.flops, tasks: p.allRowBlocks() * p.columnBlocks, run: p.run}
	s.rooms = rooms{slotRows: p.rows * stride(p.kk), slotStart: p.k.columns}
	if p.n%groupWidth != 0 {
		s.rooms[slotTile] = p.rows * groupWidth
	}
	if p.gelu {
		s.name += "_gelu"
	}
	if p.residual != none {
		s.name += "_add"
	}
	return s
}

// run computes one block: [rows, columns] of y.
func (p *product) run(w *worker, values [][]float32, task int) {
	number, from := task/p.columnBlocks, task%p.columnBlocks*p.columns
	inPart := number % p.rowBlocks * p.rows
	first := number/p.rowBlocks*p.part + inPart
	b := block{y: values[p.out][first*p.n:], ldy: p.n, first: first, rows: min(p.rows, p.part-inPart)}
	b.a, b.lda = p.fetch(w, values, first, b.rows)
	for column := from; column < min(from+p.columns, p.n); column += groupWidth {
		p.group(w, values, b, column)
		if p.stats != nil {
			p.k.moments(values[p.stats.id][number*statRows*p.n+column:], p.n, b.y[column:], p.n, p.stats.from(inPart), b.rows, groupWidth)
		}
	}
}

// block is rows of a product: of its left factor and of where it goes.
type block struct {
	a           []float32
	lda         int
	y           []float32
	ldy         int
	first, rows int
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

// all computes all columns of a block.
func (p *product) all(w *worker, values [][]float32, b block) {
	for column := 0; column < p.n; column += groupWidth {
		p.group(w, values, b, column)
	}
}

// group computes and finishes groupWidth columns of a block, fewer at the right edge,
// where they take a detour through memory of full width.
func (p *product) group(w *worker, values [][]float32, b block, column int) {
	width, y := min(groupWidth, p.n-column), b.y[column:]
	c, ldc := y, b.ldy
	if width < groupWidth {
		c, ldc = w.room(slotTile, p.rows*groupWidth), groupWidth
	}
	panels := p.panels
	if panels == nil {
		panels = values[p.made]
	}
	for at := 0; at < width; at += p.k.columns {
		start := w.start(p.k, from(values, p.bias, column+at))
		p.k.multiply(c[at:], ldc, b.a, b.lda, panels[(column+at)*p.kk:], p.kk, start, 0, b.rows)
	}
	if p.gelu {
		p.k.gelu(c, ldc, b.rows, groupWidth)
	}
	if p.residual != none {
		p.k.of(width).add(y, b.ldy, c, ldc, values[p.residual][b.first*p.n+column:], p.n, b.rows, width)
	} else if width < groupWidth {
		copyRows(y, b.ldy, c, ldc, b.rows, width)
	}
}

// from is a value from an element on, nothing of one that is none.
func from(values [][]float32, id graph.ID, element int) []float32 {
	if id == none {
		return nil
	}
	return values[id][element:]
}
