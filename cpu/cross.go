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
	aStride                int  // of rows of a turned a, which are copied
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
	packedDepth  = 4 * blockK
	longest      = 1 << 28 // multiply-adds of a task, so that a run that is to end does so soon
	crossRows    = 16 * 14 // at most, of a task, where the right factor is packed by every task
)

// cut chooses tasks. If b is small it is packed once by every worker, and tasks are rows of a.
// Else a task packs its panels piece by piece and has as many rows as possible share that.
func (p *cross) cut(workers int) {
	p.allPanels = (p.n + p.k.columns - 1) / p.k.columns
	p.depth, p.panels, p.rows = p.kk, p.allPanels, min(p.m, max(p.k.rows, cacheFloats/2/stride(p.kk)))
	least := 4 * workers
	if p.whole = p.kk*p.k.whole(p.n) <= packedFloats; !p.whole {
		p.depth, p.rows = min(p.kk, packedDepth), min(p.m, crossRows)
	}
	if p.panelFloats = p.depth * p.k.columns; !p.whole {
		blocks := p.products * ((p.m + p.rows - 1) / p.rows)
		p.panels = max(1, min(p.allPanels*blocks/least, packedFloats/p.panelFloats, longest/(p.rows*p.k.columns*p.kk)))
	}
	p.panelBlocks = (p.allPanels + p.panels - 1) / p.panels
	if wanted := (least + p.products*p.panelBlocks - 1) / (p.products * p.panelBlocks); wanted > 1 {
		p.rows = min(p.rows, max(p.k.rows, (p.m+wanted-1)/wanted))
	}
	p.rowBlocks = (p.m + p.rows - 1) / p.rows
	if p.a.turned {
		p.aStride = stride(min(p.depth, p.kk))
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
	return step{
		tasks: p.products * p.panelBlocks * p.rowBlocks, run: p.run, rooms: rooms{
			slotPanel: p.panels * p.panelFloats, slotTile: p.rows * p.k.columns, slotRows: p.rows * p.aStride, slotStart: p.k.columns,
		},
	}
}

// run computes some rows of some panels of one product.
func (p *cross) run(w *worker, values [][]float32, task int) {
	product, panelBlock := task/p.rowBlocks/p.panelBlocks, task/p.rowBlocks%p.panelBlocks
	first := task % p.rowBlocks * p.rows
	rows, from := min(p.rows, p.m-first), panelBlock*p.panels
	to := min(from+p.panels, p.allPanels)
	y := p.y.from(values, product, p.heads, first*p.y.ld)
	down, along := p.a.ld, 1 // from row to row of a, and from column to column
	if p.a.turned {
		down, along = along, down
	}
	a := p.a.from(values, product, p.heads, first*down)
	columns := p.k.columns
	packed := w.room(slotPanel, p.panels*p.panelFloats)
	ragged := w.room(slotTile, p.rows*columns) // of the last panel, if columns are missing
	for at := 0; at < p.kk; at += p.depth {
		depth := min(p.depth, p.kk-at)
		left, lda := p.left(w, a[at*along:], rows, depth)
		for panel := from; panel < to; panel++ {
			right := packed[(panel-from)*p.panelFloats:][:depth*columns]
			if held := task - first/p.rows; !p.whole || !w.held.valid || w.held.first != held {
				if column := panel * columns; p.fetch != nil {
					p.fetch(right, values, column, at, depth)
				} else if p.keys {
					p.k.packRows(right, p.b.from(values, product, p.heads, column*p.b.ld+at), p.b.ld, p.n-column, depth, p.scale)
				} else {
					p.k.packColumns(right, p.b.from(values, product, p.heads, at*p.b.ld+column), p.b.ld, p.n-column, depth)
				}
				if panel == to-1 {
					w.held = heldRows{true, held}
				}
			}
			c, ldc := ragged, columns
			if (panel+1)*columns <= p.n {
				c, ldc = y[panel*columns:], p.y.ld
			}
			start, lds := c, ldc
			if at == 0 { // a bias may reach into the next head's: those columns are dropped
				start, lds = w.start(p.k, p.bias.from(values, product, p.heads, panel*columns)), 0
			}
			p.k.multiply(c, ldc, left, lda, right, depth, start, lds, rows)
		}
	}
	if column := (to - 1) * columns; column+columns > p.n {
		copyRows(y[column:], p.y.ld, ragged, columns, rows, p.n-column)
	}
	if p.finish != nil {
		for r := range rows {
			p.finish(values, y[r*p.y.ld:][:p.n], product/p.heads)
		}
	}
}

// left is the left factor's rows as a tile can read them, from their first element.
func (p *cross) left(w *worker, a []float32, rows, depth int) ([]float32, int) {
	if !p.a.turned {
		return a, p.a.ld
	}
	copied := w.room(slotRows, p.rows*p.aStride)
	p.k.transpose(copied, p.aStride, a, p.a.ld, depth, rows, 1)
	return copied, p.aStride
}
