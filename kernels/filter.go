package kernels

import (
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// Convolutions whose weight is a value, or a parameter that gradients read too, and the gradients of convolutions. Weights
// [N, C, k, k] are put in the order of a product in scratch, and so are rows of the map, as many as stay near.

// valueBytes is the memory for rows of these convolutions, which are read twice: panels are made of them or of the weight for
// each run of rows.
const valueBytes = 4 * rowsBytes

// scatterTurns bounds the samples that an invocation of deformgradx.comp takes one after the other, as uniformTurns does.
const scatterTurns = uniformTurns

// order is how three numbers of a filter follow one another: element (i, j, k) of dims is begin + i, j, k times strides.
type order struct {
	dims    [3]int
	begin   int
	strides [3]int
}

func (o order) bytes() int64 { return 4 * int64(o.dims[0]*o.dims[1]*o.dims[2]) }

// permutePush mirrors the block of permute.comp.
type permutePush struct {
	D0, D1, D2        uint32
	Begin, S0, S1, S2 uint32
}

// permuteItems is how many elements an invocation of permute.comp takes.
const permuteItems = 16

// permute puts x in another order.
func (l *lowerer) permute(s step, x, y operand, o order) {
	x.width, y.width = 1, 1
	l.emit(s, "permute", dispatch{constants: constants(l.style.Group, permuteItems), operands: []operand{x, y},
		groups: l.fold(ceilDiv(o.dims[0]*ceilDiv(o.dims[1], permuteItems)*o.dims[2], l.style.Group)),
		push: permutePush{uint32(o.dims[0]), uint32(o.dims[1]), uint32(o.dims[2]),
			uint32(o.begin), uint32(o.strides[0]), uint32(o.strides[1]), uint32(o.strides[2])}})
}

// valueConvolution is a convolution as rows of a map times a weight [taps*c, n], and how its weight is put in that order. The
// gradient of a map is a convolution too: of g, with zeros between its positions where the stride was not 1, by the
// kernel turned round.
func (l *lowerer) valueConvolution(s step) (convolution, order) {
	o, back := s.op.(graph.ConvGradX)
	if !back {
		v := l.convolution(s)
		taps := v.side * v.side
		return v, order{[3]int{taps, v.c, v.n}, 0, [3]int{1, taps, v.c * taps}}
	}
	g, w, y := l.shape(s.in[0]), l.shape(s.in[1]), l.shape(s.out)
	taps := w[2] * w[2]
	v := convolution{x: s.in[0], om: -1, bias: -1, weight: s.in[1], stride: 1, pad: w[2] - 1 - o.Pad, side: w[2], dilation: o.Stride,
		pictures: g[0], mapH: g[1], mapW: g[2], c: g[3], outH: y[1], outW: y[2], n: y[3]}
	return v, order{[3]int{taps, v.c, v.n}, taps - 1, [3]int{-1, v.n * taps, taps}}
}

// plainCross is one product of [m, k] and [k, n].
func plainCross(a, b, c matrices, m, n, k int) cross {
	return cross{a: a, b: b, c: c, m: m, n: n, k: k, pictures: 1, heads: 1, alpha: 1, scale: -1, bias: noBias, residual: noBias}
}

// valueParts are the parts of the scratch of a convolution whose weight is a value.
type valueParts struct {
	filter, rows, product int64 // where they begin
	bytes                 int64
	runs                  []span // of rows
	strided               bool   // panels are made of a filter, or of rows, that lie in another order: there is no filter
}

// pointwiseCross is the product that a convolution by a kernel of 1 is.
func (l *lowerer) pointwiseCross(s step, v convolution) cross {
	x := plainCross(matrices{v.x, 0, 0, v.c}, matrices{v.weight, 0, 0, v.c}, matrices{s.out, 0, 0, v.n}, v.rows(), v.n, v.c)
	if x.transposed = true; graph.Kind(s.op) == graph.Kind(graph.ConvGradX{}) {
		x.transposed, x.b.row = false, v.n
	}
	if v.bias >= 0 {
		x.bias = v.bias
	}
	return x
}

// valueUniform reports whether the uniform shader takes the rows of a convolution itself.
func (l *lowerer) valueUniform(v convolution) bool {
	return l.style.Gemm == uniform && v.c%8 == 0 && v.dilation <= 1
}

// filterPanels are the panels of a filter [k, n], which lies in an order.
func filterPanels(v convolution, o order) (cross, block, crossPart) {
	k := v.k()
	x := plainCross(matrices{}, matrices{v.weight, 0, 0, v.n}, matrices{}, 1, v.n, k)
	x.strides = &strides{Begin: uint32(o.begin), Rows: uint32(o.dims[1]), R0: uint32(o.strides[0]), R1: uint32(o.strides[1]), Columns: 1, C0: uint32(o.strides[2])}
	return x, block{span{0, 1}, span{0, 1}, span{0, 1}, span{0, v.n}, span{0, k}},
		crossPart{k: span{0, k}, deep: k, panels: 4 * int64(ceilDiv(v.n, uniformPanel)*uniformPanel) * int64(k)}
}

// rowRuns cuts the rows of a convolution into equal runs.
func (l *lowerer) rowRuns(v convolution, most int) []span {
	most = min(most, max(valueBytes/(4*v.k()), 64), l.caps.MaxWorkgroups[0]*l.caps.MaxWorkgroups[1])
	most = max(min(most, int(l.limit/(4*int64(v.k())))), 1)
	each := ceilDiv(v.rows(), ceilDiv(v.rows(), most))
	var list []span
	for at := 0; at < v.rows(); at += each {
		list = append(list, span{at, min(at+each, v.rows())})
	}
	return list
}

// runBytes is the memory for the rows of the longest run.
func runBytes(v convolution, runs []span) int64 { return 4 * int64(runs[0].units()) * int64(v.k()) }

// columnsOf makes the rows of a run in scratch.
func (l *lowerer) columnsOf(s step, v convolution, run span, at int64) {
	stem, width := vector("columns", v.c)
	x := l.whole(v.x, width)
	om := x
	om.width = 1
	if v.om >= 0 {
		om = l.whole(v.om, 1)
	}
	l.emit(s, stem, dispatch{constants: constants(l.style.Group, v.side, v.om >= 0, max(v.dilation, 1)), groups: l.fold(run.units()),
		push: columnsPush{Rows: uint32(run.units()), Row0: uint32(run.begin), Channels: uint32(v.c / width), MapH: uint32(v.mapH), MapW: uint32(v.mapW),
			OutH: uint32(v.outH), OutW: uint32(v.outW), Positions: uint32(v.positions), Stride: uint32(v.stride), Pad: uint32(v.pad)},
		operands: []operand{x, om, l.scratchPart(at, 4*int64(run.units())*int64(v.k()), width, engine.Write)}})
}

// valueCross is the product of a run of rows with the filter, both in scratch.
func (l *lowerer) valueCross(s step, v convolution, p valueParts, run span) cross {
	scratch := scratchOf(l.at)
	x := plainCross(matrices{scratch, 0, 0, v.k()}, matrices{scratch, 0, 0, v.n}, matrices{s.out, 0, 0, v.n}, run.units(), v.n, v.k())
	x.beginA, x.beginB, x.beginC = int(p.rows/4), int(p.filter/4), run.begin*v.n
	if v.bias >= 0 {
		x.bias = v.bias
	}
	return x
}

// valueLayout is what the scratch of a convolution holds.
func (l *lowerer) valueLayout(s step, v convolution, o order) valueParts {
	if v.pointwise() {
		return valueParts{bytes: l.productBytes(l.pointwiseCross(s, v))}
	}
	if l.valueUniform(v) {
		_, _, panels := filterPanels(v, o)
		product := l.apart(panels.panels)
		return valueParts{product: product, bytes: product + l.stagedRows(v).bytes}
	}
	p := valueParts{rows: l.apart(o.bytes())}
	p.runs = l.rowRuns(v, l.mostRows(v.n, v.k()))
	p.product = p.rows + l.apart(runBytes(v, p.runs))
	for _, run := range p.runs {
		p.bytes = max(p.bytes, p.product+l.productBytes(l.valueCross(s, v, p, run)))
	}
	return p
}

func (l *lowerer) convValueScratch(s step) int64 {
	v, o := l.valueConvolution(s)
	return l.valueLayout(s, v, o).bytes
}

// convValue lowers a convolution whose weight lies as it is.
func (l *lowerer) convValue(s step) {
	v, o := l.valueConvolution(s)
	p := l.valueLayout(s, v, o)
	if v.pointwise() {
		l.product(s, l.pointwiseCross(s, v), 0)
		return
	}
	if l.valueUniform(v) {
		x, b, panels := filterPanels(v, o)
		l.crossPanels(s, x, b, panels, p.rows)
		l.convUniform(s, v, l.scratchPart(p.rows, panels.panels, 4, engine.Read), p.product)
		return
	}
	l.permute(s, l.whole(v.weight, 1), l.scratchPart(p.filter, o.bytes(), 1, engine.Write), o)
	for _, run := range p.runs {
		l.columnsOf(s, v, run, p.rows)
		l.product(s, l.valueCross(s, v, p, run), p.product)
	}
}
