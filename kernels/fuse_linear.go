package kernels

import (
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// linearAt is the linear of step i, if it is one whose shader takes over more than the
// product: rows of whole vec4s, and a packed weight that is not summed in parts.
func (r *rewriter) linearAt(i int) (linear, linearOperands, bool) {
	l, ok := r.steps[i].op.(linear)
	if !ok {
		return l, linearOperands{}, false
	}
	p := l.operands(r.steps[i].in)
	w := r.g.Nodes[p.weight]
	n := w.Shape[0]
	k := w.Shape.Elements() / n
	return l, p, r.packed[p.weight] != "" && k%4 == 0 && n%4 == 0 && r.bytes(p.weight) <= r.limit
}

// joinRows lets a product read its rows in the order of a partition, and write them in
// that of a reverse. Legal because a product takes row by row: permuting or dropping
// rows commutes with it, and a row of zeros that padding adds has the bias as its product, which
// is what the product of such a row gives. (Reversing the product's rows is reversing x's.) What
// is gathered must fit a binding whole.
func (r *rewriter) joinRows() {
	for i := 0; i < len(r.steps); i++ {
		if l, p, ok := r.linearAt(i); ok && l.norm == nil && l.rows == nil && l.merge == nil {
			before, _ := r.before(i, 0)
			if m, ok := before.op.(move); ok && m.mode == partition && r.gathers(before.in[0]) {
				l.rows, p.x = &m, before.in[0]
				r.replace(i, step{r.steps[i].path, l, p.list(), r.steps[i].out}, before.out)
				i--
				continue
			}
		}
		m, ok := r.steps[i].op.(move)
		if !ok || m.mode != reverse {
			continue
		}
		at := r.producer(r.steps[i].in[0])
		if at < 0 || !r.private(r.steps[i].in[0]) {
			continue
		}
		if l, p, ok := r.linearAt(at); ok && l.rows == nil && l.merge == nil && l.norm == nil && !l.residual && r.gathers(p.x) {
			l.rows = &m
			r.replace(i, step{r.steps[at].path, l, p.list(), r.steps[i].out}, r.steps[at].out)
			i--
		}
	}
}

// gathers reports whether a value can be read in any order of its rows.
func (r *rewriter) gathers(id graph.ID) bool { return r.gemm == uniform || r.bytes(id) <= r.limit }

// norms reports whether the shader of a product norms and merges the rows that it reads: gemm_direct, which would
// do so again for every few columns, does not.
func (r *rewriter) norms(p linearOperands) bool {
	return r.gemm == tiled || r.gemm == coop || r.gemm == uniform && r.g.Nodes[p.x].Shape.Last()%8 == 0
}

// joinNorms lets a product norm the rows that it reads. Legal because a norm, as a
// product, takes row by row. Rows of zeros that a partition adds come after the norm: they
// stay zero, and are not the norm's bias. A merge comes before it: the zeros of a neighbour
// beyond the map count in mean and variance.
func (r *rewriter) joinNorms() {
	for i := 0; i < len(r.steps); i++ {
		l, p, ok := r.linearAt(i)
		if !ok || !r.norms(p) || l.norm != nil || l.merge != nil || l.rows != nil && l.rows.mode != partition {
			continue
		}
		before, _ := r.before(i, 0)
		norm, ok := before.op.(graph.LayerNorm)
		if !ok {
			continue
		}
		l.norm, p.x, p.normWeight, p.normBias = &norm, before.in[0], before.in[1], before.in[2]
		r.replace(i, step{r.steps[i].path, l, p.list(), r.steps[i].out}, before.out)
		i--
	}
}

// joinMerges lets a product gather 2 x 2 neighbours as it reads. Legal because merging
// only places whole channels beside one another: an index map, zeros beyond the map.
func (r *rewriter) joinMerges() {
	for i := 0; i < len(r.steps); i++ {
		l, p, ok := r.linearAt(i)
		if !ok || !r.norms(p) || l.rows != nil || l.merge != nil {
			continue
		}
		before, ok := r.before(i, 0)
		if !ok || graph.Kind(before.op) != graph.Kind(graph.MergePatches{}) || !r.gathers(before.in[0]) {
			continue
		}
		in, out := r.g.Nodes[before.in[0]].Shape, r.g.Nodes[before.out].Shape
		if in.Last()%4 != 0 {
			continue
		}
		l.merge, p.x = &merge{in[1], in[2], out[1], out[2]}, before.in[0]
		r.replace(i, step{r.steps[i].path, l, p.list(), r.steps[i].out}, before.out)
		i--
	}
}

// joinEpilogues lets the matrix product apply GELU or add a residual to what it
// stores. Legal because both are element-wise on its output. A weight larger than a
// binding is summed in several parts, and GELU must wait for the last.
func (r *rewriter) joinEpilogues() {
	for i := 0; i < len(r.steps); i++ {
		s := r.steps[i]
		switch graph.Kind(s.op) {
		case graph.Kind(graph.GELU{}):
			p, _ := r.before(i, 0)
			if l, ok := p.op.(linear); ok && !l.residual && r.packed[p.in[1]] != "" && r.bytes(p.in[1]) <= r.limit {
				l.gelu = true
				r.replace(i, step{p.path, l, p.in, s.out}, p.out)
				i--
			}
		case graph.Kind(graph.Add{}):
			same := r.g.Nodes[s.in[0]].Shape.Elements() == r.g.Nodes[s.in[1]].Shape.Elements()
			p, _ := r.before(i, 1)
			if l, ok := p.op.(linear); ok && !l.residual && same && s.in[0] != s.in[1] {
				l.residual = true
				r.replace(i, step{p.path, l, append(slices.Clone(p.in), s.in[0]), s.out}, p.out)
				i--
			}
		}
	}
}

// joinFirst lets a norm write channels first. Legal because it only says where the
// elements of a row go. Both sides must fit a binding.
func (r *rewriter) joinFirst() {
	for i := 0; i < len(r.steps); i++ {
		if graph.Kind(r.steps[i].op) != graph.Kind(graph.ChannelsFirst{}) {
			continue
		}
		before, _ := r.before(i, 0)
		if norm, ok := before.op.(graph.LayerNorm); ok && r.bytes(before.in[0]) <= r.limit {
			r.replace(i, step{r.steps[i].path, normFirst{norm}, before.in, r.steps[i].out}, before.out)
			i--
		}
	}
}
