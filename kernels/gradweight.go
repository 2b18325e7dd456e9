package kernels

import (
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// partRows is how many rows of a gradient of a weight a graphics card sums in one go, at least, where the weight is too small
// to keep it busy.
const partRows = 1024

// weightGrad is the product gᵀ x that a gradient of a matrix is.
func (l *lowerer) weightGrad(g, x, out graph.ID) cross {
	n, k := l.shape(g).Last(), l.shape(x).Last()
	p := plainCross(matrices{g, 0, 0, n}, matrices{x, 0, 0, k}, matrices{out, 0, 0, k}, n, k, l.shape(g).Rows())
	p.turned = true
	return p
}

// partsOf cuts the rows of such a product into parts of equal length, the last perhaps less, that are summed side by side and
// then added up in order; one part where that is not worth it.
func (l *lowerer) partsOf(x cross) (parts, each int) {
	style := l.style.withoutUniform()
	down, across := style.tiles(shape{m: x.m, n: x.n, k: x.k})[0].groups(x.m, x.n)
	if style.Cores > 0 || down*across >= fewGroups || x.k < 2*partRows {
		return 1, x.k
	}
	each = max(ceilDiv(ceilDiv(x.k, sumBlock), 16)*16, partRows)
	if parts = ceilDiv(x.k, each); 4*int64(parts*x.m*x.n) > l.limit {
		return 1, x.k
	}
	return parts, each
}

// linearGradWeightScratch is the memory for parts, or for the product.
func (l *lowerer) linearGradWeightScratch(s step) int64 {
	x := l.weightGrad(s.in[0], s.in[1], s.out)
	if parts, _ := l.partsOf(x); parts > 1 {
		return 4 * int64(parts*x.m*x.n)
	}
	return l.productBytes(x)
}

// linearGradWeight lowers gᵀ x.
func (l *lowerer) linearGradWeight(s step) {
	x := l.weightGrad(s.in[0], s.in[1], s.out)
	parts, each := l.partsOf(x)
	if parts == 1 {
		l.product(s, x, 0)
		return
	}
	size := x.m * x.n
	whole, rest := x, x
	whole.c.id, whole.c.picture, whole.a.picture, whole.b.picture = scratchOf(l.at), size, each*x.a.row, each*x.b.row
	whole.pictures, whole.k = x.k/each, each
	l.emitCross(s, whole)
	if whole.pictures < parts {
		done := whole.pictures * each
		rest.c.id, rest.k = scratchOf(l.at), x.k-done
		rest.beginA, rest.beginB, rest.beginC = done*x.a.row, done*x.b.row, whole.pictures*size
		l.emitCross(s, rest)
	}
	stem, width := vector("columnsum", size)
	l.columnSum(s, stem, parts, columnSumPush{Cols: uint32(size / width), Factor: 1},
		l.scratchPart(0, 4*int64(parts*size), width, engine.Read), l.write(s.out, width, 0, size))
}

// headLinearGradWeight lowers gᵀ x of each head, one picture after the other added to those before.
func (l *lowerer) headLinearGradWeight(s step) {
	x := l.crossOf(s)
	for picture := range x.pictures {
		x.only, x.adds = span{picture, picture + 1}, picture > 0
		l.product(s, x, 0)
	}
}

// sampled is the convolution of which a step is a gradient: its map, which one of them makes and does not read, is x.
func (l *lowerer) sampled(s step) (convolution, graph.Shape) {
	v := convolution{om: -1, weight: -1, bias: -1, x: s.out}
	g := l.shape(s.in[0])
	switch o := s.op.(type) {
	case graph.ConvGradWeight:
		v.x, v.stride, v.pad, v.side = s.in[1], o.Stride, o.Pad, o.Size
	case graph.DeformConvGradWeight:
		v.x, v.om, v.stride, v.pad, v.side = s.in[1], s.in[2], o.Stride, o.Pad, o.Size
	case graph.DeformConvGradX:
		v.om, v.weight, v.stride, v.pad = s.in[1], s.in[2], o.Stride, o.Pad
	case graph.DeformConvGradOffset:
		v.x, v.om, v.weight, v.stride, v.pad = s.in[1], s.in[2], s.in[3], o.Stride, o.Pad
	}
	if v.weight >= 0 {
		v.side = l.shape(v.weight)[2]
	}
	if v.om >= 0 {
		om := l.shape(v.om)
		v.positions = om[1] * om[2]
	}
	x := l.shape(v.x)
	v.pictures, v.mapH, v.mapW, v.c = x[0], x[1], x[2], x[3]
	v.outH, v.outW, v.n = g[1], g[2], g[3]
	return v, g
}

// filterCross is gᵀ times the rows of a run, which are in scratch, added to those of the runs before: tap by tap in scratch or,
// where panels are made of the rows, which can have their columns in any order, channel by channel as the result has them.
func (l *lowerer) filterCross(s step, v convolution, p valueParts, run span) cross {
	scratch := scratchOf(l.at)
	x := plainCross(matrices{s.in[0], 0, 0, v.n}, matrices{scratch, 0, 0, v.k()}, matrices{scratch, 0, 0, v.k()}, v.n, v.k(), run.units())
	x.beginA, x.beginB, x.beginC = run.begin*v.n, int(p.rows/4), int(p.filter/4)
	x.turned, x.adds = true, run.begin > 0
	if p.strided {
		x.c.id, x.beginC = s.out, 0
		x.strides = &strides{Rows: 1, R0: uint32(v.k()), Columns: uint32(v.side * v.side), C0: 1, C1: uint32(v.c)}
	}
	return x
}

// strided reports whether the uniform shader takes the products of all runs, and so B in any order.
func (l *lowerer) strided(runs []span, product func(span) cross) bool {
	for _, run := range runs {
		if !l.takesUniform(product(run)) {
			return false
		}
	}
	return true
}

// runsLayout is that of a product of each run of rows, of which there are at most so many at a time, with a filter or rows
// that lie in another order.
func (l *lowerer) runsLayout(v convolution, most int, product func(p valueParts, run span) cross) valueParts {
	p := valueParts{runs: l.rowRuns(v, most)}
	if p.strided = l.strided(p.runs, func(run span) cross { return product(p, run) }); !p.strided {
		p.rows = l.apart(4 * int64(v.n) * int64(v.k()))
	}
	p.product = p.rows + l.apart(runBytes(v, p.runs))
	for _, run := range p.runs {
		p.bytes = max(p.bytes, p.product+l.productBytes(product(p, run)))
	}
	return p
}

func (l *lowerer) filterGradLayout(s step, v convolution) valueParts {
	return l.runsLayout(v, 1<<30, func(p valueParts, run span) cross { return l.filterCross(s, v, p, run) })
}

func (l *lowerer) filterGradScratch(s step) int64 {
	v, _ := l.sampled(s)
	if v.pointwise() {
		return l.linearGradWeightScratch(s)
	}
	return l.filterGradLayout(s, v).bytes
}

// filterGrad lowers the gradient of a filter: its rows are made as those of the convolution are, run by run.
func (l *lowerer) filterGrad(s step) {
	v, _ := l.sampled(s)
	if v.pointwise() {
		l.linearGradWeight(s)
		return
	}
	p := l.filterGradLayout(s, v)
	for _, run := range p.runs {
		l.columnsOf(s, v, run, p.rows)
		l.product(s, l.filterCross(s, v, p, run), p.product)
	}
	if !p.strided {
		l.permute(s, l.scratchPart(p.filter, 4*int64(v.n)*int64(v.k()), 1, engine.Read), l.write(s.out, 1, 0, l.shape(s.out).Elements()),
			order{[3]int{v.n, v.c, v.side * v.side}, 0, [3]int{v.k(), 1, v.c}})
	}
}

// sampleCross is what the samples of a run get, g W, into scratch.
func (l *lowerer) sampleCross(s step, v convolution, p valueParts, run span) cross {
	scratch := scratchOf(l.at)
	x := plainCross(matrices{s.in[0], 0, 0, v.n}, matrices{scratch, 0, 0, v.k()}, matrices{scratch, 0, 0, v.k()}, run.units(), v.k(), v.n)
	x.beginA, x.beginB, x.beginC = run.begin*v.n, int(p.filter/4), int(p.rows/4)
	if p.strided {
		o := sampleOrder(v)
		x.b.id, x.beginB = v.weight, 0
		x.strides = &strides{Rows: 1, R0: uint32(o.strides[0]), Columns: uint32(v.c), C0: uint32(o.strides[1]), C1: uint32(o.strides[2])}
	}
	return x
}

// sampleOrder is that of a filter as a matrix [n, taps*c].
func sampleOrder(v convolution) order {
	taps := v.side * v.side
	return order{[3]int{v.n, taps, v.c}, 0, [3]int{v.c * taps, 1, taps}}
}

func (l *lowerer) sampleGradLayout(s step, v convolution) valueParts {
	return l.runsLayout(v, scatterTurns/(v.side*v.side), func(p valueParts, run span) cross { return l.sampleCross(s, v, p, run) })
}

func (l *lowerer) sampleGradScratch(s step) int64 {
	v, _ := l.sampled(s)
	return l.sampleGradLayout(s, v).bytes
}

// sampleGrad lowers the gradients of a deformable convolution with respect to its map, or to offsets and masks: what samples
// get is computed run by run, then given to the corners of each, or told how it grows with the place.
func (l *lowerer) sampleGrad(s step) {
	v, _ := l.sampled(s)
	p := l.sampleGradLayout(s, v)
	if filter := sampleOrder(v); !p.strided {
		l.permute(s, l.whole(v.weight, 1), l.scratchPart(p.filter, filter.bytes(), 1, engine.Write), filter)
	}
	l.fillWith(s, 0)
	for _, run := range p.runs {
		l.product(s, l.sampleCross(s, v, p, run), p.product)
		l.emitSamples(s, v, run, p.rows)
	}
}

// emitSamples appends what takes a run of samples' gradients further.
func (l *lowerer) emitSamples(s step, v convolution, run span, at int64) {
	name, offsets := "deformgradx", graph.Kind(s.op) == graph.Kind(graph.DeformConvGradOffset{})
	if offsets {
		name = "deformgradoffset"
	}
	stem, width := vector(name, v.c)
	push := columnsPush{Rows: uint32(run.units()), Row0: uint32(run.begin), Channels: uint32(v.c / width), MapH: uint32(v.mapH), MapW: uint32(v.mapW),
		OutH: uint32(v.outH), OutW: uint32(v.outW), Positions: uint32(v.positions), Stride: uint32(v.stride), Pad: uint32(v.pad)}
	rows, om := l.scratchPart(at, 4*int64(run.units())*int64(v.k()), width, engine.Read), l.whole(v.om, 1)
	y := l.write(s.out, width, 0, l.shape(s.out).Elements())
	d := dispatch{constants: constants(l.style.Group, v.side), push: push}
	if offsets {
		y.width = 1
		d.operands, d.groups = []operand{rows, l.whole(v.x, width), om, y}, l.fold(ceilDiv(run.units()*v.side*v.side, l.style.Group))
	} else {
		y.access = engine.ReadWrite
		d.operands, d.groups = []operand{rows, om, y}, l.fold(ceilDiv(v.c/width, l.style.Group))
	}
	l.emit(s, stem, d)
}
