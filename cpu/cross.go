package cpu

import "github.com/glipvk/glipvk/graph"

// cross is a batch of products y = scale a b + start whose right factor is packed as it is
// read: one product for each picture and head.
type cross struct {
	k        *kernels
	y, a, b  part
	products int // of all pictures and heads
	heads    int // of a picture
	m, n, kk int
	keys     bool // b is [n, kk] and not [kk, n]
	scale    float32
	bias     part // of [n]; its ld is 0
	hasBias  bool
	// finish, if set, is told each row of y when its sums are done.
	finish func(values [][]float32, y []float32, picture int)

	rows, panels           int // of a task
	rowBlocks, panelBlocks int
	allPanels              int
	depth                  int  // of b that is packed at once
	panelFloats            int  // so deep
	whole                  bool // all of kk: then the next task with the same panels finds them packed
	aStride                int  // of rows of a that are copied; 0 where they are read as they lie
}

// part says where the matrix of a picture and head begins in a value, and how far its rows are apart.
type part struct {
	id                graph.ID
	picture, head, ld int
}

// of is the matrix of a product.
func (p part) of(values [][]float32, product, heads int) []float32 {
	return values[p.id][product/heads*p.picture+product%heads*p.head:]
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
	p.panelFloats = p.kk * p.k.columns
	p.allPanels = (p.n + p.k.columns - 1) / p.k.columns
	p.whole = p.panelFloats*p.allPanels <= packedFloats
	p.depth, p.panels, p.rows = p.kk, p.allPanels, p.m
	least := 4 * workers
	if p.whole {
		p.rows = min(p.m, max(p.k.rows, cacheFloats/2/stride(p.kk)))
	} else {
		p.depth, p.rows = min(p.kk, packedDepth), min(p.m, crossRows)
		p.panelFloats = p.depth * p.k.columns
		blocks := p.products * ((p.m + p.rows - 1) / p.rows)
		p.panels = max(1, min(p.allPanels*blocks/least, packedFloats/p.panelFloats, longest/(p.rows*p.k.columns*p.kk)))
	}
	p.panelBlocks = (p.allPanels + p.panels - 1) / p.panels
	if wanted := (least + p.products*p.panelBlocks - 1) / (p.products * p.panelBlocks); wanted > 1 {
		p.rows = min(p.rows, max(p.k.rows, (p.m+wanted-1)/wanted))
	}
	p.rowBlocks = (p.m + p.rows - 1) / p.rows
	if !spacious(p.a.ld) {
		p.aStride = stride(min(p.depth, p.kk))
	}
}

// step makes the step that computes the value id.
func (c *compiler) crossStep(id graph.ID, p *cross) step {
	n := c.node(id)
	p.k = c.kernels
	p.cut(c.workers)
	return step{
		name: n.Op.Kind(), in: n.Inputs, tasks: p.products * p.panelBlocks * p.rowBlocks,
		flops: 2 * c.g.MultiplyAdds(id), run: p.run, rooms: rooms{
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
	y := p.y.of(values, product, p.heads)[first*p.y.ld:]
	a := p.a.of(values, product, p.heads)[first*p.a.ld:]
	b := p.b.of(values, product, p.heads)
	columns := p.k.columns
	packed := w.room(slotPanel, p.panels*p.panelFloats)
	ragged := w.room(slotTile, p.rows*columns) // of the last panel, if columns are missing
	for at := 0; at < p.kk; at += p.depth {
		depth := min(p.depth, p.kk-at)
		left, lda := p.left(w, a[at:], rows, depth)
		for panel := from; panel < to; panel++ {
			right := packed[(panel-from)*p.panelFloats:][:depth*columns]
			if held := task - first/p.rows; !p.whole || !w.held.valid || w.held.first != held {
				p.pack(right, b, panel*columns, at, depth)
				if panel == to-1 {
					w.held = heldRows{true, held}
				}
			}
			c, ldc := ragged, columns
			if (panel+1)*columns <= p.n {
				c, ldc = y[panel*columns:], p.y.ld
			}
			start, lds := c, ldc
			if at == 0 {
				start, lds = p.start(w, values, product, panel*columns), 0
			}
			p.k.multiply(c, ldc, left, lda, right, depth, start, lds, rows)
		}
	}
	if column := (to - 1) * columns; column+columns > p.n {
		for r := range rows {
			copy(y[r*p.y.ld+column:][:p.n-column], ragged[r*columns:])
		}
	}
	if p.finish != nil {
		for r := range rows {
			p.finish(values, y[r*p.y.ld:][:p.n], product/p.heads)
		}
	}
}

// left is the left factor's rows as a tile can read them, from their first element.
func (p *cross) left(w *worker, a []float32, rows, depth int) ([]float32, int) {
	if p.aStride == 0 {
		return a, p.a.ld
	}
	copied := w.room(slotRows, p.rows*p.aStride)
	for r := range rows {
		copy(copied[r*p.aStride:][:depth], a[r*p.a.ld:])
	}
	return copied, p.aStride
}

// pack brings depth rows from at on of b's columns from column on into a panel.
func (p *cross) pack(panel, b []float32, column, at, depth int) {
	columns := p.k.columns
	width := min(columns, p.n-column)
	if p.keys {
		if width < columns {
			clear(panel)
		}
		p.k.transpose(panel, columns, b[column*p.b.ld+at:], p.b.ld, width, depth, p.scale)
		return
	}
	for t := range depth {
		line := panel[t*columns:][:columns]
		copy(line, b[(at+t)*p.b.ld+column:][:width])
		clear(line[width:])
		if p.scale != 1 {
			for i := range line {
				line[i] *= p.scale
			}
		}
	}
}

// start is where the sums of a panel begin: the bias of its columns.
func (p *cross) start(w *worker, values [][]float32, product, column int) []float32 {
	columns := p.k.columns
	var bias []float32
	if p.hasBias {
		bias = p.bias.of(values, product, p.heads)[column:]
	}
	if len(bias) >= columns {
		return bias[:columns] // may reach into the next head's: those columns are dropped
	}
	start := w.room(slotStart, columns)
	clear(start[copy(start, bias):])
	return start
}
