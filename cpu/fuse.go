package cpu

import "github.com/glipvk/glipvk/graph"

// fuse is what the positions of a picture and the tokens of a sentence tell each other, in the
// form of rewrite.Absorb: scores of positions x [B, S, C] and keys [B, h*T, C], clamped; from their
// softmax over the tokens of each head what is added to x; and the scores turned, for the
// softmax over the positions. A task is a block of positions, which is read and written once.
type fuse struct {
	k                   *kernels
	x, keys, values     graph.ID
	shifts              graph.ID // of the scores
	bias, gamma         graph.ID
	y, turned           graph.ID // x plus gamma times the context, the scores [B, 1, h*T, S]
	context, scoresNode graph.ID
	limit               float32

	pictures, positions, channels int
	heads, tokens                 int
	rows, blocks                  int // of a task, of a picture
}

// findFuses finds the blocks that are computed at once. Each is lowered where the context is, the
// last node that all operands come before.
func (c *compiler) findFuses() {
	for i, n := range c.g.Nodes {
		if _, ok := n.Op.(graph.AddScaled); ok {
			if f, ok := c.matchFuse(graph.ID(i)); ok {
				c.fuses[f.y], c.fuses[f.turned], c.fuses[f.context] = f, f, f
			}
		}
	}
}

// matchFuse matches y = AddScaled(x, CrossContext(Softmax(Clamp(CrossScores(x, keys))), values)),
// with Reshape about the Softmax and SwapLast of the clamped scores. Nothing between is read
// elsewhere. Legal because it is the same sums, but for the context's bias, which comes to the
// values: the probabilities of a head sum to 1.
func (c *compiler) matchFuse(y graph.ID) (*fuse, bool) {
	n := c.node(y)
	f := &fuse{k: c.kernels, y: y, x: n.Inputs[0], context: n.Inputs[1], gamma: n.Inputs[2]}
	context := c.node(f.context)
	if o, ok := context.Op.(graph.CrossContext); !ok || o.Heads != 1 || !c.private(f.context) {
		return nil, false
	}
	f.values, f.bias = context.Inputs[1], c.operand(f.context, 2)
	split, clamped := none, context.Inputs[0]
	for _, op := range []graph.Op{graph.Reshape{}, graph.Softmax{}, graph.Reshape{}} {
		if !c.private(clamped) || graph.Kind(c.node(clamped).Op) != graph.Kind(op) {
			return nil, false
		}
		split, clamped = clamped, c.node(clamped).Inputs[0]
	}
	limit, ok := c.node(clamped).Op.(graph.Clamp)
	if !ok || c.kept[clamped] || len(c.users[clamped]) != 2 {
		return nil, false
	}
	f.turned = c.users[clamped][0] + c.users[clamped][1] - split // the other one
	if _, ok := c.node(f.turned).Op.(graph.SwapLast); !ok || f.turned < f.context {
		return nil, false
	}
	f.scoresNode, f.limit = c.node(clamped).Inputs[0], float32(limit.Limit)
	scores := c.node(f.scoresNode)
	o, ok := scores.Op.(graph.CrossScores)
	if !ok || !c.private(f.scoresNode) || o.Heads != 1 || o.Scale != 1 || scores.Inputs[0] != f.x {
		return nil, false
	}
	f.keys, f.shifts = scores.Inputs[1], c.operand(f.scoresNode, 2)
	x, s := c.shape(f.x), c.shape(split)
	if len(s) != 4 || !s[:2].Equal(x[:2]) {
		return nil, false
	}
	f.pictures, f.positions, f.channels, f.heads, f.tokens = x[0], x[1], x[2], s[2], s[3]
	return f, f.channels%c.kernels.columns == 0 && c.shape(f.values).Equal(c.shape(f.keys)) && c.shape(f.y).Equal(x)
}

// fuseRows is the number of positions of a task: whole tiles and, but for a few sentences that are
// long, whole chunks.
const fuseRows = 112

// fuse is the step that computes a block.
func (c *compiler) fuse(f *fuse) step {
	words := f.heads * f.tokens
	f.rows = min(fuseRows, f.positions)
	if 2*f.rows*stride(words) > 4*cacheFloats {
		f.rows = min(2*chunk, f.positions)
	}
	f.blocks = (f.positions + f.rows - 1) / f.rows
	return step{
		name: "fuse", in: []graph.ID{f.x, f.keys, f.values, f.gamma, f.shifts, f.bias}, outs: []graph.ID{f.y, f.turned}, tasks: f.pictures * f.blocks, run: f.run,
		flops: 2 * (c.g.MultiplyAdds(f.scoresNode) + c.g.MultiplyAdds(f.context)),
		rooms: rooms{
			slotKeys: f.words() * f.channels, slotValues: words * f.channels, slotStart: f.words(),
			slotScores: f.rows * f.scoreStride(), slotRows: words * f.turnedStride(),
		},
	}
}

// words is the number of scores of a position, in whole panels; scoreStride and turnedStride are the distances
// of rows of scores, and of scores turned.
func (f *fuse) words() int        { return f.k.whole(f.heads * f.tokens) }
func (f *fuse) scoreStride() int  { return stride(f.words()) }
func (f *fuse) turnedStride() int { return stride(f.rows) }

func (f *fuse) run(w *worker, values [][]float32, task int) {
	k, words := f.k, f.heads*f.tokens
	picture, first := task/f.blocks, task%f.blocks*f.rows
	rows := min(f.rows, f.positions-first)
	keys, starts := w.room(slotKeys, f.words()*f.channels), w.room(slotStart, f.words())
	vals := w.room(slotValues, words*f.channels)
	if !w.held.valid || w.held.first != picture {
		f.pack(values, picture, keys, starts, vals)
		w.held = heldRows{true, picture}
	}
	x := values[f.x][(picture*f.positions+first)*f.channels:]
	scores, ld := w.room(slotScores, f.rows*f.scoreStride()), f.scoreStride()
	for at := 0; at < f.words(); at += k.columns {
		k.multiply(scores[at:], ld, x, f.channels, keys[at*f.channels:], f.channels, starts[at:], 0, rows)
	}
	k.clamp(scores, ld, f.limit, rows, k.wide(words))
	turned, ldt := w.room(slotRows, words*f.turnedStride()), f.turnedStride()
	k.transpose(turned, ldt, scores, ld, rows, words, 1)
	out := values[f.turned][picture*words*f.positions+first:]
	copyRows(out, f.positions, turned, ldt, words, rows)
	for head := range f.heads {
		k.softmaxColumns(turned[head*f.tokens*ldt:], ldt, f.tokens, (rows+chunk-1)/chunk*chunk)
	}
	k.transpose(scores, ld, turned, ldt, words, rows, 1)
	y := values[f.y][(picture*f.positions+first)*f.channels:]
	for column := 0; column < f.channels; column += k.columns {
		k.multiply(y[column:], f.channels, scores, ld, vals[column*words:], words, x[column:], f.channels, rows)
	}
}

// pack brings a picture's keys and values into panels: the values plus their share of the bias,
// times gamma.
func (f *fuse) pack(all [][]float32, picture int, keys, starts, vals []float32) {
	k, words, c := f.k, f.heads*f.tokens, f.channels
	k.packRows(keys, all[f.keys][picture*words*c:], c, words, c, 1)
	if clear(starts); f.shifts != none {
		copy(starts, all[f.shifts][picture*words:][:words])
	}
	gamma := all[f.gamma]
	for word := range words {
		for i, v := range all[f.values][(picture*words+word)*c:][:c] {
			if f.bias != none {
				v += all[f.bias][i] / float32(f.heads)
			}
			vals[(i/k.columns*words+word)*k.columns+i%k.columns] = v * gamma[i]
		}
	}
}
