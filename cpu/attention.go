package cpu

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// attention is that of windows: qkv [G, n, 3C] -> [G, n, C], one window and head a task.
type attention struct {
	k               *kernels
	out, qkv        graph.ID
	groups, n, c, d int // windows, tokens, channels, channels of a head
	heads           int
	scale           float32
	wide            int       // n rounded up to whole panels and chunks
	bias            []float32 // [heads, n, wide]; columns beyond n are -infinity, which softmax turns into 0
	biasHeads       int       // 1 where all heads have the same
	masks           [][]float32
}

// attention matches Scores, the additions of position bias and mask, Softmax and Context.
// Legal because the same terms are added to the same scores before the maximum is taken;
// the bias comes first in the sum and not last.
func (c *compiler) attention(id graph.ID) (step, bool) {
	a, ok := c.matchAttention(id)
	if !ok {
		return step{}, false
	}
	return step{name: "attention", in: []graph.ID{a.qkv}, tasks: a.groups * a.heads, run: a.run, flops: a.flops(), rooms: a.rooms()}, true
}

// flops of both products.
func (a *attention) flops() int64 {
	return 4 * int64(a.groups) * int64(a.heads) * int64(a.n) * int64(a.n) * int64(a.d)
}

func (c *compiler) matchAttention(id graph.ID) (*attention, bool) {
	n := c.node(id)
	o, ok := n.Op.(graph.Context)
	if !ok {
		return nil, false
	}
	p, qkv := n.Inputs[0], n.Inputs[1]
	if _, ok := c.node(p).Op.(graph.Softmax); !ok || !c.private(p) {
		return nil, false
	}
	shape := c.shape(qkv)
	a := &attention{
		k: c.kernels, out: id, qkv: qkv, groups: shape[0], n: shape[1], c: shape[2] / 3, heads: o.Heads,
		d: shape[2] / 3 / o.Heads, wide: c.kernels.wide(shape[1]),
	}
	cur := c.node(p).Inputs[0]
	for {
		x := c.node(cur)
		if !c.private(cur) {
			return nil, false
		}
		if s, ok := x.Op.(graph.Scores); ok {
			if x.Inputs[0] != qkv || s.Heads != o.Heads {
				return nil, false
			}
			a.scale = float32(s.Scale)
			break
		}
		if _, ok := x.Op.(graph.Add); !ok || !c.takesTerm(a, x.Inputs[1]) {
			return nil, false
		}
		cur = x.Inputs[0]
	}
	if a.bias == nil {
		a.bias, a.biasHeads = padded(a.n, a.n, a.wide, func([]float32, int) {}), 1
	}
	return a, true
}

// most is the number of queries at a time: their scores stay in the first cache.
func (a *attention) most() int {
	return max(1, min(scoreFloats/(a.wide+lineFloats), a.n)/a.k.rows) * a.k.rows
}

// scoreFloats is a third of the smallest first cache.
const scoreFloats = 4 << 10

// rooms are what a task uses.
func (a *attention) rooms() rooms {
	most, columns := a.most(), a.k.columns
	return rooms{
		slotKeys: a.wide * a.d, slotValues: a.n * a.k.whole(a.d), slotStart: columns,
		slotScores: most * (a.wide + lineFloats), slotResult: most * columns,
	}
}

// takesTerm takes in a position bias, which was made of its table, or a shift mask, which is made here; each at
// most once.
func (c *compiler) takesTerm(a *attention, id graph.ID) bool {
	n := c.node(id)
	switch o := n.Op.(type) {
	case graph.PositionBias:
		bias, ok := c.packed(n.Inputs[0], asBias)
		if !ok || a.bias != nil || !n.Shape.Equal(graph.Shape{a.heads, a.n, a.n}) {
			return false
		}
		a.bias, a.biasHeads = bias, a.heads
		return true
	case graph.ShiftMask:
		if a.masks != nil || n.Shape[2] != a.n || a.groups%n.Shape[0] != 0 {
			return false
		}
		a.masks = shiftMasks(o, a.wide)
		return true
	}
	return false
}

// padded is rows of n floats that fill makes, wide apart; between them is -infinity.
func padded(rows, n, wide int, fill func(y []float32, row int)) []float32 {
	x := aligned(rows * wide)
	for row := range rows {
		y := x[row*wide:][:wide]
		fill(y[:n], row)
		for i := n; i < wide; i++ {
			y[i] = float32(math.Inf(-1))
		}
	}
	return x
}

// shiftMasks is one mask [n, wide] for each window of a picture, nil where it is 0
// throughout; windows of one kind share theirs.
func shiftMasks(o graph.ShiftMask, wide int) [][]float32 {
	n, across := o.Size*o.Size, o.Width/o.Size
	kinds := map[[2]bool][]float32{{}: nil}
	masks := make([][]float32, o.Height/o.Size*across)
	for window := range masks {
		kind := [2]bool{window/across == o.Height/o.Size-1, window%across == across-1} // at the bottom, on the right
		mask, made := kinds[kind]
		if !made {
			mask = padded(n, n, wide, func(y []float32, row int) { maskRow(y, o, window, row) })
			kinds[kind] = mask
		}
		masks[window] = mask
	}
	return masks
}

// run is one head of one window.
func (a *attention) run(w *worker, values [][]float32, task int) {
	group, head := task/a.heads, task%a.heads
	a.head(w, values[a.out][group*a.n*a.c+head*a.d:], a.c, values[a.qkv][group*a.n*3*a.c:], 3*a.c, group, head)
}

// head is one head of one window, given the window's first row and the distance of rows, as many
// queries at a time as there is room for. y is the head's first result.
func (a *attention) head(w *worker, y []float32, ldy int, qkv []float32, ldq, group, head int) {
	k := a.k
	keys := w.room(slotKeys, a.wide*a.d)
	k.packRows(keys, qkv[a.c+head*a.d:], ldq, a.n, a.d, a.scale)
	vals := w.room(slotValues, a.n*k.whole(a.d))
	k.packColumns(vals, qkv[2*a.c+head*a.d:], ldq, a.d, a.n)
	bias := a.bias[head%a.biasHeads*a.n*a.wide:]
	var mask []float32
	if a.masks != nil {
		mask = a.masks[group%len(a.masks)]
	}
	ld, most, start := a.wide+lineFloats, a.most(), w.start(k, nil)
	s := w.room(slotScores, most*ld)
	for first := 0; first < a.n; first += most {
		rows := min(most, a.n-first)
		for j := 0; j < a.wide; j += k.columns {
			k.multiply(s[j:], ld, qkv[first*ldq+head*a.d:], ldq, keys[j*a.d:], a.d, bias[first*a.wide+j:], a.wide, rows)
		}
		m := mask
		if m != nil {
			m = m[first*a.wide:]
		}
		k.softmax(s, ld, m, a.wide, rows, a.wide)
		for j := 0; j < a.d; j += k.columns {
			to, ldt := y[first*ldy+j:], ldy
			if j+k.columns > a.d { // a detour
				to, ldt = w.room(slotResult, rows*k.columns), k.columns
			}
			if k.multiply(to, ldt, s, ld, vals[j*a.n:], a.n, start, 0, rows); j+k.columns > a.d {
				copyRows(y[first*ldy+j:], ldy, to, ldt, rows, a.d-j)
			}
		}
	}
}
