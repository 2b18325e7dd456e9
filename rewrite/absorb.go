package rewrite

import (
	"fmt"
	"strings"

	"github.com/glipvk/glipvk/graph"
)

// Absorb takes the projections of the long side of every cross attention into the
// short one. In VLFuse of GLIP, S positions of a picture (22400 at 800 x 1344) meet T
// tokens of a sentence; projecting every position to queries and to values, and every
// context back, is most of the work. All three are linear, and products associate:
//
//	(v Wq + bq)·k  = v·(k Wq) + bq·k     keys K' and a bias, made of the text alone
//	(P vl) Wo      = P (vl Wo)           values U, likewise
//	Q (v Wv + bv)  = (Q v) Wv + bv       as the rows of Q sum to 1
//
// for each head, heads side by side, so that the scores are [B, 1, S, h*T]. That needs
// 3 S h T C multiply-adds instead of 3 S E (C + T), which is less where T C < d (C + T)
// for heads of d channels: always where d is C, as in the released models. Results
// differ by rounding.
//
// A block is recognised by its operations, with biases, and with or without a mask of the
// tokens:
//
//	clamped = Clamp(CrossScores(Linear(v), k, mask))
//	deltaV = Linear(CrossContext(Softmax(clamped), valuesL))
//	contextL = CrossContext(Softmax(SwapLast(clamped)), Linear(v))
//
// It is left as it is if anything of it but deltaV and contextL is in keep, is an
// output, or is read elsewhere. deltaV, contextL and all nodes outside keep their paths;
// new nodes have paths below the block's scope and "absorbed".
//
// The function tells where a node of g went, and false for what is gone. g is not
// changed. The error says that keep names no node of g, or wraps [graph.ErrShape] for a
// graph whose shapes do not fit each other, which a builder never makes.
func Absorb(g *graph.Graph, keep []graph.ID) (*graph.Graph, func(graph.ID) (graph.ID, bool), error) {
	for _, id := range keep {
		if id < 0 || int(id) >= len(g.Nodes) {
			return nil, nil, fmt.Errorf("rewrite: node %d is to be kept, the graph has %d", id, len(g.Nodes))
		}
	}
	m, w := newMatcher(g, keep), newWriter(g)
	replace := map[graph.ID]func(){}
	for i := range g.Nodes {
		if b, ok := m.match(graph.ID(i)); ok {
			absorbed{block: b, writer: w}.plan(replace)
		}
	}
	for i := range g.Nodes {
		if write, ok := replace[graph.ID(i)]; ok {
			write()
		} else {
			w.copy(graph.ID(i))
		}
	}
	rewritten, err := w.finish(g.Outputs)
	if err != nil {
		return nil, nil, err
	}
	return rewritten, w.find, nil
}

// absorbed writes the absorbed form of a block.
type absorbed struct {
	block
	*writer
}

// plan says what is written where a node of the block was: every new node behind the
// nodes that it reads.
func (a absorbed) plan(replace map[graph.ID]func()) {
	for _, id := range a.vanishing() {
		replace[id] = func() {}
	}
	var scores, softmaxV, softmaxL graph.Value
	replace[a.clamped] = func() { scores = a.writeScores() }
	replace[a.softmaxV] = func() { softmaxV = a.writeSoftmaxV(scores) }
	replace[a.deltaV] = func() { a.writeDeltaV(softmaxV) }
	replace[a.softmaxL] = func() {
		softmaxL = a.new("softmax_l", graph.Softmax{}, a.new("scores_l", graph.SwapLast{}, scores)) // [B, 1, h*T, S]
	}
	replace[a.contextL] = func() { a.writeContextL(softmaxL) }
}

// operand is operand i of a node of the recorded graph in the new one.
func (a absorbed) operand(id graph.ID, i int) graph.Value { return a.to[a.graph.Nodes[id].Inputs[i]] }

// writeScores writes the clamped scores [B, 1, S, h*T].
func (a absorbed) writeScores() graph.Value {
	v, k, weight, bias := a.to[a.v], a.to[a.k], a.operand(a.q, 1), a.operand(a.q, 2)
	keys := a.new("keys", graph.AbsorbKeys{Heads: a.heads, Scale: a.scale}, k, weight) // [B, h*T, C]
	shift := []graph.Value{k, bias}
	if in := a.graph.Nodes[a.scores].Inputs; len(in) == 3 {
		shift = append(shift, a.to[in[2]])
	}
	shifts := a.new("shifts", graph.AbsorbBias{Heads: a.heads, Scale: a.scale}, shift...) // [B, h*T]
	scores := a.new("scores", graph.CrossScores{Heads: 1, Scale: 1}, v, keys, shifts)
	return a.new("clamped", a.graph.Nodes[a.clamped].Op, scores)
}

// writeSoftmaxV writes the softmax over the tokens of each head, [B, 1, S, h*T].
func (a absorbed) writeSoftmaxV(scores graph.Value) graph.Value {
	direct := a.graph.Nodes[a.softmaxV].Shape // [B, h, S, T]
	batch, heads, positions, tokens := direct[0], direct[1], direct[2], direct[3]
	y := a.new("heads", graph.Reshape{To: graph.Shape{batch, positions, heads, tokens}}, scores)
	y = a.new("softmax_v", graph.Softmax{}, y)
	return a.new("joined", graph.Reshape{To: graph.Shape{batch, 1, positions, heads * tokens}}, y)
}

// writeDeltaV writes what the image side adds, [B, S, C'].
func (a absorbed) writeDeltaV(softmax graph.Value) {
	weight, bias := a.operand(a.deltaV, 1), a.operand(a.deltaV, 2)
	values := a.new("values", graph.AbsorbValues{Heads: a.heads}, a.to[a.valuesL], weight) // [B, h*T, C']
	a.write(a.deltaV, graph.CrossContext{Heads: 1}, softmax, values, bias)
}

// writeContextL writes the context of the text side, [B, T, E].
func (a absorbed) writeContextL(softmax graph.Value) {
	weight, bias := a.operand(a.valuesV, 1), a.operand(a.valuesV, 2)
	context := a.new("context_l", graph.CrossContext{Heads: 1}, softmax, a.to[a.v]) // [B, h*T, C]
	a.write(a.contextL, graph.HeadLinear{Heads: a.heads}, context, weight, bias)
}

// new adds a node below the block's scope.
func (a absorbed) new(leaf string, op graph.Op, in ...graph.Value) graph.Value {
	path := "absorbed." + leaf
	if at := a.graph.Nodes[a.clamped].Path; strings.Contains(at, ".") {
		path = at[:strings.LastIndex(at, ".")+1] + path
	}
	return a.out.In(a.free(path)).Record(op, in...)
}
