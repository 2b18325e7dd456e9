package kernels

import "github.com/glipvk/glipvk/graph"

// joinSoftmax lets softmax add position bias and shift mask itself. Legal because
// both are added to the same scores before the maximum is taken; the order of the
// additions stays that of the graph. The scores must be [G, h, n, n] with the bias's
// own h and n: tiling beyond that is left to the addition.
func (r *rewriter) joinSoftmax() {
	for i := 0; i < len(r.steps); i++ {
		if _, ok := r.steps[i].op.(softmax); !ok {
			continue
		}
		s, joined := r.steps[i], softmax{}
		in, reader, gone := s.in, i, []graph.ID(nil)
		if add, term, ok := r.addedBy(reader, graph.ShiftMask{}); ok {
			mask := term.op.(graph.ShiftMask)
			joined.mask, joined.side = &mask, mask.Size
			in, reader, gone = []graph.ID{add.in[0]}, r.producer(add.out), append(gone, add.out, term.out)
		}
		if add, term, ok := r.addedBy(reader, graph.PositionBias{}); ok {
			joined.bias, joined.side = true, term.op.(graph.PositionBias).Window
			in, gone = []graph.ID{add.in[0], term.in[0]}, append(gone, add.out, term.out)
		}
		if len(gone) == 0 {
			continue
		}
		r.replace(i, step{s.path, joined, in, s.out}, gone...)
		i -= len(gone)
	}
}

// addedBy reports whether operand 0 of step i is a private sum whose second term is
// privately made by an operation of the wanted kind; it returns both steps.
func (r *rewriter) addedBy(i int, want graph.Op) (add, term step, ok bool) {
	add, ok = r.before(i, 0)
	if !ok || graph.Kind(add.op) != graph.Kind(graph.Add{}) || !r.private(add.in[1]) {
		return add, term, false
	}
	p := r.producer(add.in[1])
	if p < 0 || graph.Kind(r.steps[p].op) != graph.Kind(want) {
		return add, term, false
	}
	sum, t := r.g.Nodes[add.out].Shape, r.g.Nodes[r.steps[p].out].Shape
	n, heads := t.Last(), t[max(len(t)-3, 0)]
	ok = len(sum) == 4 && sum[2] == n && sum[3] == n && (heads == 1 && len(t) == 4 || heads == sum[1])
	return add, r.steps[p], ok
}

// What one invocation of the attention shader can hold.
const (
	mostHead = 64 // channels of a head
	mostSide = 16 // tokens along a window's side
)

// joinAttention makes scores, softmax and context one step. Legal because windows and
// heads do not interact and softmax takes row by row: the sum of values weighed by
// exponentials, divided at the end by the sum of these, is the same product. The running
// maximum only rescales both.
func (r *rewriter) joinAttention() {
	for i := 0; i < len(r.steps); i++ {
		context, ok := r.steps[i].op.(graph.Context)
		if !ok {
			continue
		}
		p, _ := r.before(i, 0)
		s, ok := p.op.(softmax)
		if !ok || !r.private(p.in[0]) {
			continue
		}
		at := r.producer(p.in[0])
		if at < 0 {
			continue
		}
		scores, ok := r.steps[at].op.(graph.Scores)
		qkv := r.steps[i].in[1]
		if !ok || scores.Heads != context.Heads || r.steps[at].in[0] != qkv {
			continue
		}
		shape := r.g.Nodes[qkv].Shape
		n, d := shape[1], shape[2]/3/scores.Heads
		side := s.side
		for side == 0 || side*side < n {
			side++
		}
		if side*side != n || side > mostSide || d%4 != 0 || d > mostHead {
			continue
		}
		joined := attention{heads: scores.Heads, scale: scores.Scale, bias: s.bias, mask: s.mask, side: side}
		r.replace(i, step{r.steps[i].path, joined, append([]graph.ID{qkv}, p.in[1:]...), r.steps[i].out}, p.out, p.in[0])
		i -= 2
	}
}
