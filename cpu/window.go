package cpu

// windowBlock is the two products about an attention and the attention, of a few windows at a time:
// queries, keys and values are never written, and stay in the second cache.
type windowBlock struct {
	*attention
	first, last product
	count       int     // windows of a task
	tokens      []int32 // row of the result of each row of a window, -1 for none
}

// windowRows is the number of rows of a task, at most.
const windowRows = 200

// windowStep takes in the attention before a product, and the product before that. Legal because
// all three work on each window by itself.
func (c *compiler) windowStep(p *product) (step, bool) {
	context := p.left.id
	if !c.private(context) || p.left.norm != nil || !p.left.gather.single() || p.gelu {
		return step{}, false
	}
	a, ok := c.matchAttention(context)
	if !ok || c.kept[a.qkv] || len(c.users[a.qkv]) != 2 { // scores and context
		return step{}, false
	}
	first, ok := c.matchProduct(a.qkv)
	if !ok || first.gelu || first.residual != none {
		return step{}, false
	}
	v := &windowBlock{attention: a, first: *first, last: *p}
	rows := min(windowRows, cacheFloats/(3*a.c))
	v.count = max(1, min(rows/a.n, a.groups/(8*c.workers)))
	if a.groups < 4*c.workers || a.n*3*a.c > 2*cacheFloats {
		return step{}, false // few windows: products have more tasks
	}
	v.tokens = make([]int32, a.groups*a.n)
	for i := range v.tokens {
		v.tokens[i] = -1
	}
	for token := range p.m {
		v.tokens[p.left.gather.of(token)] = int32(token)
	}
	v.first.rows = v.count * a.n
	v.last.rows = v.first.rows
	room := a.rooms()
	room[slotRows] = v.first.rows * stride(first.kk)
	room[slotInner] = v.first.rows * max(stride(3*a.c), stride(p.n))
	room[slotContext] = v.first.rows * stride(a.c)
	room[slotTile] = v.first.rows * groupWidth
	return step{
		name: "windows", in: append(first.reads(), p.besides()...), flops: first.flops + a.flops() + p.flops,
		tasks: (a.groups + v.count - 1) / v.count, run: v.run, rooms: room,
	}, true
}

func (v *windowBlock) run(w *worker, values [][]float32, task int) {
	group := task * v.count
	count := min(v.count, v.groups-group)
	rows, from := count*v.n, group*v.n
	qkv, ldq := w.room(slotInner, rows*stride(3*v.c)), stride(3*v.c)
	a, lda := v.first.fetch(w, values, from, rows)
	v.first.all(w, values, block{a: a, lda: lda, y: qkv, ldy: ldq, first: from, rows: rows})
	context, ldc := w.room(slotContext, rows*stride(v.c)), stride(v.c)
	for i := range count {
		for head := range v.heads {
			v.head(w, context[i*v.n*ldc+head*v.d:], ldc, qkv[i*v.n*ldq:], ldq, group+i, head)
		}
	}
	y, ldy := w.room(slotInner, rows*stride(v.last.n)), stride(v.last.n)
	last := v.last
	last.residual = none
	last.all(w, values, block{a: context, lda: ldc, y: y, ldy: ldy, rows: rows})
	v.place(values, y, ldy, v.tokens[from:][:rows])
}

// place writes rows where they belong, with their part of the residual.
func (v *windowBlock) place(values [][]float32, y []float32, ldy int, tokens []int32) {
	n := v.last.n
	for r, token := range tokens {
		if token < 0 {
			continue
		}
		to, row := values[v.last.out][int(token)*n:][:n], y[r*ldy:][:n]
		if v.last.residual == none {
			copy(to, row)
		} else {
			v.k.of(n).add(to, 0, row, 0, values[v.last.residual][int(token)*n:], 0, 1, n)
		}
	}
}

// hidden is two products of which the second reads what the first gives, row by row: an MLP, whose
// rows between them stay in the second cache.
type hidden struct {
	first, last  product
	rows, blocks int
}

// hiddenRows is the number of rows of a task, or half of it: whole tiles.
const hiddenRows = 112

// hiddenStep takes in the product before a product if its rows are short enough.
func (c *compiler) hiddenStep(p *product) (step, bool) {
	if !p.left.direct() || p.gelu || !c.private(p.left.id) {
		return step{}, false
	}
	first, ok := c.matchProduct(p.left.id)
	if !ok || first.residual != none {
		return step{}, false
	}
	v := &hidden{first: *first, last: *p, rows: min(hiddenRows, p.m)}
	if p.m < 8*c.workers*v.rows {
		v.rows = min(hiddenRows/2, p.m)
	}
	v.blocks = (p.m + v.rows - 1) / v.rows
	if v.blocks < 4*c.workers || v.rows*stride(first.n) > cacheFloats*3/4 {
		return step{}, false
	}
	v.first.rows, v.last.rows = v.rows, v.rows
	return step{
		name: "mlp", in: append(first.reads(), p.besides()...), flops: first.flops + p.flops,
		tasks: v.blocks, run: v.run, rooms: rooms{
			slotRows: v.rows * stride(first.kk), slotInner: v.rows * stride(first.n), slotTile: v.rows * groupWidth, slotStart: p.k.columns,
		},
	}, true
}

func (v *hidden) run(w *worker, values [][]float32, task int) {
	from := task * v.rows
	rows := min(v.rows, v.last.m-from)
	inner, ld := w.room(slotInner, v.rows*stride(v.first.n)), stride(v.first.n)
	a, lda := v.first.fetch(w, values, from, rows)
	v.first.all(w, values, block{a: a, lda: lda, y: inner, ldy: ld, first: from, rows: rows})
	v.last.all(w, values, block{a: inner, lda: ld, y: values[v.last.out][from*v.last.n:], ldy: v.last.n, first: from, rows: rows})
}
