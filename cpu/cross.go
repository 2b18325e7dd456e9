package cpu

import "github.com/glipvk/glipvk/graph"

// cross is a batch of products y = a b + start whose right factor is packed as it is
// read: one product for each picture and head.
type cross struct {
	y, a, b part
	heads   int     // of a picture
	keys    bool    // b is [n, kk] and not [kk, n]
	scale   float32 // of keys
	bias    part    // of [n]; its ld is 0
	// fetch, if set, makes depth rows from at on of the right factor's columns from column on, instead of b.
	fetch func(panel []float32, values [][]float32, column, at, depth int)
	// finish, if set, is told each row of y when its sums are done.
	finish func(values [][]float32, y []float32, picture int)

	k                      *kernels
	products               int // of all pictures and heads
	m, n, kk               int
	rows, panels           int // of a task
	rowBlocks, panelBlocks int
	allPanels              int
	depth                  int  // of b that is packed at once
	panelFloats            int  // so deep
	whole                  bool // all of kk: then the next task with the same panels finds them packed
	leftFloats             int  // of a turned a, which are copied
}

// part says where the matrix of a picture and head begins in a value, how large it is, and how far
// its rows are apart.
type part struct {
	id                    graph.ID
	at, picture, head, ld int
	rows, columns         int
	turned                bool // it lies in memory as [columns, rows], of which ld is the distance
}

// joined are the matrices [n, E/h] of the heads of a value [B, ..., E], side by side in its rows. All
// pictures share those of a weight [n, E].
func (c *compiler) joined(id graph.ID, heads int) part {
	shape := c.shape(id)
	p := part{id: id, rows: shape[:len(shape)-1].Elements(), columns: shape.Last() / heads, ld: shape.Last()}
	if p.head = p.columns; len(shape) > 2 {
		p.rows /= shape[0]
		p.picture = p.rows * p.ld
	}
	return p
}

// apart are the matrices [n, C] of the heads of a value [B, ..., h*n, C], one below the other.
func (c *compiler) apart(id graph.ID, heads int) part {
	p := c.joined(id, 1)
	p.rows /= heads
	p.head = p.rows * p.ld
	return p
}

// from is the matrix of a product from an element on, nothing of a value that is none.
func (p part) from(values [][]float32, product, heads, element int) []float32 {
	return from(values, p.id, p.at+product/heads*p.picture+product%heads*p.head+element)
}

// Sizes of what is packed of a right factor, in floats and rows.
const (
	packedFloats = 256 << 10 // at most, to be kept from task to task: a second cache
	longest      = 1 << 28   // multiply-adds of a task, so that a run that is to end does so soon
	turnedRows   = 20 * 14   // at most, of a task whose left factor is turned: blockK of each are copied
	turnedPanels = 32        // at most, of such a task
)

// cut chooses tasks. If b is small it is packed once by every worker, and tasks are rows of a.
// Else a task packs a piece of a panel at a time and has as many rows as stay in the second cache share that.
func (p *cross) cut(workers int) {
	p.allPanels = (p.n + p.k.columns - 1) / p.k.columns
	if p.a.turned {
		p.cutTurned(workers)
		return
	}
	p.depth, p.panels, p.rows = p.kk, p.allPanels, min(p.m, max(p.k.rows, cacheFloats/2/stride(p.kk)))
	least := 4 * workers
	if p.whole = p.kk*p.k.whole(p.n) <= packedFloats; !p.whole {
		p.depth = min(p.kk, blockK)
		p.rows = min(p.m, cacheFloats/stride(p.depth)/p.k.rows*p.k.rows)
	}
	if p.panelFloats = p.depth * p.k.columns; !p.whole {
		blocks := p.products * ((p.m + p.rows - 1) / p.rows)
		p.panels = max(1, min(p.allPanels*blocks/least, longest/(p.rows*p.k.columns*p.kk)))
	}
	p.panelBlocks = (p.allPanels + p.panels - 1) / p.panels
	if wanted := (least + p.products*p.panelBlocks - 1) / (p.products * p.panelBlocks); wanted > 1 {
		p.rows = min(p.rows, max(p.k.rows, (p.m+wanted-1)/wanted))
	}
	p.rowBlocks = (p.m + p.rows - 1) / p.rows
}

// cutTurned is cut of a left factor that is turned: few rows and columns, and sums that are long. A task copies some of both
// factors, whose products go to the result block by block of kk.
func (p *cross) cutTurned(workers int) {
	p.depth = min(p.kk, blockK)
	p.panelFloats = p.depth * p.k.columns
	p.rowBlocks = (p.m + turnedRows - 1) / turnedRows
	tile := p.k.rows
	p.rows = min(p.m, ((p.m+p.rowBlocks-1)/p.rowBlocks+tile-1)/tile*tile)
	p.rowBlocks = (p.m + p.rows - 1) / p.rows
	least := 4 * workers
	p.panels = max(1, min(p.products*p.rowBlocks*p.allPanels/least, turnedPanels, longest/(p.rows*p.k.columns*p.kk)))
	p.panelBlocks = (p.allPanels + p.panels - 1) / p.panels
	if wanted := (least + p.products*p.panelBlocks - 1) / (p.products * p.panelBlocks); wanted > p.rowBlocks {
		p.rows = min(p.rows, max(tile, (p.m+wanted-1)/wanted))
		p.rowBlocks = (p.m + p.rows - 1) / p.rows
	}
	p.leftFloats = p.depth * stride(p.rows)
	if p.k.turned == nil {
		p.leftFloats = p.rows * stride(p.depth)
	}
}

// crossStep makes the step that computes the value id.
func (c *compiler) crossStep(id graph.ID, p *cross) step {
	s := c.crossOf(c.shape(id).Elements(), p)
	s.in, s.flops = c.node(id).Inputs, 2*c.g.MultiplyAdds(id)
	return s
}

// crossOf makes the step that computes so many elements.
func (c *compiler) crossOf(elements int, p *cross) step {
	p.k, p.m, p.n, p.kk = c.kernels, p.y.rows, p.y.columns, p.a.columns
	p.products = elements / (p.m * p.n)
	p.cut(c.workers)
	s := step{
		tasks: p.products * p.panelBlocks * p.rowBlocks, run: p.run, rooms: rooms{
			slotPanel: p.panels * p.panelFloats, slotTile: p.rows * p.k.columns, slotRows: p.leftFloats, slotStart: p.k.columns,
		},
	}
	if !p.whole {
		s.rooms[slotPanel] = p.panelFloats
	}
	if p.a.turned {
		s.run = p.runTurned
	}
	return s
}

// area is what a task computes: rows of the result from first on, of panels from one to before another, of one product.
type area struct {
	product, first, rows, from, to int
	y                              []float32 // from the first of the rows on
	ragged                         []float32 // of the last panel, if columns are missing
}

func (p *cross) area(w *worker, values [][]float32, task int) area {
	block := task / p.rowBlocks
	r := area{product: block / p.panelBlocks, first: task % p.rowBlocks * p.rows, from: block % p.panelBlocks * p.panels}
	r.rows, r.to = min(p.rows, p.m-r.first), min(r.from+p.panels, p.allPanels)
	r.y, r.ragged = p.y.from(values, r.product, p.heads, r.first*p.y.ld), w.room(slotTile, p.rows*p.k.columns)
	return r
}

// multiply adds what depth columns of the left factor, from at on, make of a panel.
func (p *cross) multiply(w *worker, values [][]float32, r area, panel, at, depth int, left []float32, lda int, right []float32, turned bool) {
	columns := p.k.columns
	c, ldc := r.ragged, columns
	if (panel+1)*columns <= p.n {
		c, ldc = r.y[panel*columns:], p.y.ld
	}
	start, lds := c, ldc
	if at == 0 { // a bias may reach into the next head's: those columns are dropped
		start, lds = w.start(p.k, p.bias.from(values, r.product, p.heads, panel*columns)), 0
	}
	if turned {
		p.k.turned(left, lda, right, depth, start, lds, c, ldc, r.rows)
	} else {
		p.k.multiply(c, ldc, left, lda, right, depth, start, lds, r.rows)
	}
}

// pack makes a panel of the right factor's rows from at on.
func (p *cross) pack(right []float32, values [][]float32, product, panel, at, depth int) {
	column := panel * p.k.columns
	switch {
	case p.fetch != nil:
		p.fetch(right, values, column, at, depth)
	case p.keys:
		p.k.packRows(right, p.b.from(values, product, p.heads, column*p.b.ld+at), p.b.ld, p.n-column, depth, p.scale)
	default:
		p.k.packColumns(right, p.b.from(values, product, p.heads, at*p.b.ld+column), p.b.ld, p.n-column, depth)
	}
}

// end completes a task's part of the result.
func (p *cross) end(values [][]float32, r area) {
	if column := (r.to - 1) * p.k.columns; column+p.k.columns > p.n {
		copyRows(r.y[column:], p.y.ld, r.ragged, p.k.columns, r.rows, p.n-column)
	}
	if p.finish != nil {
		for i := range r.rows {
			p.finish(values, r.y[i*p.y.ld:][:p.n], r.product/p.heads)
		}
	}
}

// run computes some rows of some panels of one product.
func (p *cross) run(w *worker, values [][]float32, task int) {
	r := p.area(w, values, task)
	a := p.a.from(values, r.product, p.heads, r.first*p.a.ld)
	packed := w.room(slotPanel, p.panelFloats)
	if p.whole {
		packed = w.room(slotPanel, p.panels*p.panelFloats)
	}
	for at := 0; at < p.kk; at += p.depth {
		depth := min(p.depth, p.kk-at)
		for panel := r.from; panel < r.to; panel++ {
			right := packed[:depth*p.k.columns]
			if p.whole {
				right = packed[(panel-r.from)*p.panelFloats:][:depth*p.k.columns]
			}
			if held := task - r.first/p.rows; !p.whole || !w.held.valid || w.held.first != held {
				if p.pack(right, values, r.product, panel, at, depth); panel == r.to-1 {
					w.held = heldRows{p.whole, held}
				}
			}
			p.multiply(w, values, r, panel, at, depth, a[at:], p.a.ld, right, false)
		}
	}
	p.end(values, r)
}

// runTurned is run of a left factor that is turned. It is copied as it is, so that its rows are near each other, and
// transposed for instructions that want that.
func (p *cross) runTurned(w *worker, values [][]float32, task int) {
	r := p.area(w, values, task)
	a := p.a.from(values, r.product, p.heads, r.first)
	right, left := w.room(slotPanel, p.panelFloats), w.room(slotRows, p.leftFloats)
	for at := 0; at < p.kk; at += p.depth {
		depth := min(p.depth, p.kk-at)
		lda, turned := stride(r.rows), p.k.turned != nil
		if turned {
			copyRows(left, lda, a[at*p.a.ld:], p.a.ld, depth, r.rows)
		} else {
			lda = stride(depth)
			p.k.transpose(left, lda, a[at*p.a.ld:], p.a.ld, depth, r.rows, 1)
		}
		for panel := r.from; panel < r.to; panel++ {
			p.pack(right[:depth*p.k.columns], values, r.product, panel, at, depth)
			p.multiply(w, values, r, panel, at, depth, left, lda, right, turned)
		}
	}
	p.end(values, r)
}
