package kernels

import (
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// joinBiattention makes the two attentions of positions and tokens one step that takes the positions in
// blocks, so that scores are never in memory as a whole. Legal because of the one attention
// every position is by itself; of the other the sums over the positions are sums of those of blocks,
// relative to the largest score so far: when that rises, what was summed is rescaled.
//
//	clamped = Clamp(CrossScores{1}(positions, keys, biases))   [B, 1, S, h*T], read by these alone:
//	CrossContext{1}(Reshape(Softmax(Reshape(clamped))), values, bias)
//	CrossContext{1}(Softmax(SwapLast(clamped)), positions)
func (r *rewriter) joinBiattention() {
	for i := 0; i < len(r.steps); i++ {
		o, gone, ok := r.biattention(i)
		if !ok {
			continue
		}
		at := r.producer(o.weigh.out)
		in := append(slices.Clone(o.scores.in), o.weigh.in[1:]...)
		r.replace(at, step{o.weigh.path, o, in, o.weigh.out}, append(gone, o.read.out)...)
		i = 0
	}
}

// readers are the steps that read a value, none if it is kept.
func (r *rewriter) readers(id graph.ID) []step {
	var list []step
	for _, s := range r.steps {
		if slices.Contains(s.in, id) && !r.kept[id] {
			list = append(list, s)
		}
	}
	return list
}

// only is the step that alone reads the value of s, if it is of a kind.
func (r *rewriter) only(s step, kind string) (step, bool) {
	if list := r.readers(s.out); len(list) == 1 && r.private(s.out) && graph.Kind(list[0].op) == kind {
		return list[0], true
	}
	return step{}, false
}

// chain follows a value through the kinds of its only readers.
func (r *rewriter) chain(s step, kinds ...string) ([]step, bool) {
	list := []step{s}
	for _, kind := range kinds {
		next, ok := r.only(list[len(list)-1], kind)
		if !ok {
			return nil, false
		}
		list = append(list, next)
	}
	return list, true
}

// biattention recognises the two attentions from the clamp of their scores on, and lists the values in
// between that nobody makes any more.
func (r *rewriter) biattention(i int) (o biattention, gone []graph.ID, ok bool) {
	clamped := r.steps[i]
	clamp, ok := clamped.op.(graph.Clamp)
	if !ok {
		return o, nil, false
	}
	scores, ok := r.before(i, 0)
	shape := r.g.Nodes[clamped.out].Shape
	readers := r.readers(clamped.out)
	if !ok || graph.Kind(scores.op) != graph.Kind(graph.CrossScores{}) || len(scores.in) != 3 ||
		len(readers) != 2 || len(shape) != 4 || shape[1] != 1 {
		return o, nil, false
	}
	if graph.Kind(readers[0].op) != graph.Kind(graph.Reshape{}) {
		readers[0], readers[1] = readers[1], readers[0]
	}
	if graph.Kind(readers[0].op) != graph.Kind(graph.Reshape{}) || graph.Kind(readers[1].op) != graph.Kind(graph.SwapLast{}) {
		return o, nil, false
	}
	context := graph.Kind(graph.CrossContext{})
	weigh, ok := r.chain(readers[0], graph.Kind(softmax{}), graph.Kind(graph.Reshape{}), context)
	read, also := r.chain(readers[1], graph.Kind(softmax{}), context)
	if !ok || !also {
		return o, nil, false
	}
	heads := r.g.Nodes[readers[0].out].Shape // [B, S, h, T]
	o = biattention{scores: scores, weigh: weigh[3], read: read[2], limit: clamp.Limit}
	if len(heads) != 4 || heads[1] != shape[2] || !r.joinsBiattention(o, weigh, read) {
		return o, nil, false
	}
	o.heads, o.tokens = heads[2], heads[3]
	return o, []graph.ID{scores.out, clamped.out, weigh[0].out, weigh[1].out, weigh[2].out, read[0].out, read[1].out}, true
}

// joinsBiattention reports whether the operands of both sides are what they have to be, and whether nobody
// reads the tokens' sums before the step, which stands where those of positions were made.
func (r *rewriter) joinsBiattention(o biattention, weigh, read []step) bool {
	shape := r.g.Nodes[o.scores.out].Shape
	plain := func(s step) bool { return s.op == operation(softmax{}) }
	single := func(s step) bool { return s.op.(graph.CrossContext).Heads == 1 }
	at := r.producer(o.weigh.out)
	late := !slices.ContainsFunc(r.steps[:at], func(s step) bool { return slices.Contains(s.in, o.read.out) })
	bound := shape[0] == 1 || r.g.Nodes[o.read.out].Shape[1:].Elements()%64 == 0 // every picture's sums begin where any device can bind them
	return bound && plain(weigh[1]) && plain(read[1]) && single(o.weigh) && single(o.read) && late &&
		len(o.weigh.in) == 3 && len(o.read.in) == 2 &&
		o.weigh.in[0] == weigh[2].out && o.read.in[0] == read[1].out && o.read.in[1] == o.scores.in[0] &&
		r.g.Nodes[weigh[2].out].Shape.Equal(shape) &&
		max(shape[3], r.g.Nodes[o.scores.in[0]].Shape.Last()) <= crossDepth && 4*int64(shape[3])*leastPositions <= r.limit/2
}
