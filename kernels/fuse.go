package kernels

import (
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// rewriter joins steps. A value that somebody else reads, or that the caller wants to
// see, is never swallowed.
type rewriter struct {
	g      *graph.Graph
	steps  []step
	kept   map[graph.ID]bool
	packed map[graph.ID]string   // weights that are packed, of what
	alias  map[graph.ID]graph.ID // values that are another value's memory under a new shape
	limit  int64                 // bytes of a binding: larger operands keep to operations that can be split
	gemm   Gemm                  // how products are computed; uniform ones find their operands by address, whatever their size
}

// rewrite applies all rewrites and drops steps whose result nobody reads.
func rewrite(g *graph.Graph, list []step, kept []graph.ID, limit int64, s Style) ([]step, map[graph.ID]graph.ID) {
	r := &rewriter{g: g, steps: list, kept: map[graph.ID]bool{}, packed: matrixWeights(g), alias: map[graph.ID]graph.ID{}, limit: limit,
		gemm: s.Gemm}
	for _, id := range kept {
		r.kept[id] = true
	}
	r.joinMoves()
	r.dropIdentities()
	r.joinSoftmax()
	r.joinAttention()
	r.joinRows()
	r.joinNorms()
	r.joinMerges()
	r.joinEpilogues()
	r.joinFirst()
	r.dropUnread()
	r.joinBiattention()
	return r.steps, r.alias
}

// bytes of a value.
func (r *rewriter) bytes(id graph.ID) int64 { return 4 * int64(r.g.Nodes[id].Shape.Elements()) }

// producer is the index of the step that makes a value, -1 for inputs and weights.
func (r *rewriter) producer(id graph.ID) int {
	return slices.IndexFunc(r.steps, func(s step) bool { return slices.Contains(s.outs(), id) })
}

// private reports whether a value has one reader and is not kept: only then may its
// producer be joined to the reader.
func (r *rewriter) private(id graph.ID) bool {
	readers := 0
	for _, s := range r.steps {
		for _, in := range s.in {
			if in == id {
				readers++
			}
		}
	}
	return readers == 1 && !r.kept[id]
}

// before returns the step that makes operand k of step i if it can be joined to it, else one without an operation.
func (r *rewriter) before(i, k int) (step, bool) {
	id := r.steps[i].in[k]
	if p := r.producer(id); p >= 0 && r.private(id) {
		return r.steps[p], true
	}
	return step{}, false
}

// replace puts s in the place of step i and removes the joined producers of values.
func (r *rewriter) replace(i int, s step, joined ...graph.ID) {
	r.steps[i] = s
	r.steps = slices.DeleteFunc(r.steps, func(s step) bool { return slices.Contains(joined, s.out) })
}

// joinMoves makes pad, roll and partition one move, and reverse, roll and crop
// another. Legal because each only permutes rows, adds zero rows or drops rows, so
// their composition is one index map. Operands larger than a binding keep the
// separate moves, which split.
func (r *rewriter) joinMoves() {
	for i := 0; i < len(r.steps); i++ {
		s := r.steps[i]
		m, ok := s.op.(move)
		if !ok {
			continue
		}
		p, _ := r.before(i, 0)
		pm, ok := p.op.(move)
		if !ok || r.bytes(p.in[0]) > r.limit {
			continue
		}
		if joined, ok := compose(pm, m); ok {
			r.replace(i, step{s.path, joined, p.in, s.out}, p.out)
			i = -1 // from the first on
		}
	}
}

// compose is the move that does a, then b, if one does.
func compose(a, b move) (move, bool) {
	switch {
	case a.mode == remap && b.mode == partition && b.down == 0 && b.right == 0 && b.mapH == b.padH && b.mapW == b.padW:
		// pad, roll, or both, then partition: roll and pad as the partition's own.
		if a.padH == b.padH && a.padW == b.padW {
			b.mapH, b.mapW, b.down, b.right = a.mapH, a.mapW, a.down, a.right
			return b, true
		}
	case a.mode == remap && b.mode == remap && a.down == 0 && a.right == 0 && a.padH >= a.mapH && a.padW >= a.mapW &&
		b.mapH == b.padH && b.mapW == b.padW:
		// pad, then roll of the padded map.
		b.mapH, b.mapW = a.mapH, a.mapW
		return b, true
	case a.mode == reverse && b.mode == remap && a.mapH == b.mapH && a.mapW == b.mapW && b.padH <= b.mapH && b.padW <= b.mapW:
		// reverse, then roll of the whole map or a crop.
		roll, crop := b.padH == b.mapH && b.padW == b.mapW, b.down == 0 && b.right == 0
		if whole := a.mapH == a.padH && a.mapW == a.padW; roll && whole && a.down == 0 && a.right == 0 {
			a.down, a.right = b.down, b.right
			return a, true
		}
		if crop {
			a.mapH, a.mapW = b.padH, b.padW
			return a, true
		}
	}
	return move{}, false
}

// dropIdentities removes moves that move nothing: padding or cropping to the same
// size, and windows as large as the map.
func (r *rewriter) dropIdentities() {
	r.steps = slices.DeleteFunc(r.steps, func(s step) bool {
		m, ok := s.op.(move)
		same := ok && m.mapH == m.padH && m.mapW == m.padW && m.down == 0 && m.right == 0 &&
			(m.mode == remap || m.padH == m.size && m.padW == m.size)
		if same {
			r.alias[s.out] = s.in[0]
		}
		return same
	})
	for i := range r.steps {
		for k, id := range r.steps[i].in {
			r.steps[i].in[k] = resolve(r.alias, id)
		}
	}
	kept := map[graph.ID]bool{}
	for id := range r.kept {
		kept[resolve(r.alias, id)] = true
	}
	r.kept = kept
}

// resolve follows aliases to the value that owns the memory.
func resolve(alias map[graph.ID]graph.ID, id graph.ID) graph.ID {
	for {
		next, ok := alias[id]
		if !ok {
			return id
		}
		id = next
	}
}

// dropUnread removes steps whose output nobody reads and nobody asked for.
func (r *rewriter) dropUnread() {
	for i := len(r.steps) - 1; i >= 0; i-- {
		read := func(id graph.ID) bool {
			return r.kept[id] || slices.ContainsFunc(r.steps, func(s step) bool { return slices.Contains(s.in, id) })
		}
		if !slices.ContainsFunc(r.steps[i].outs(), read) {
			r.steps = slices.Delete(r.steps, i, i+1)
		}
	}
}
