package cpuref

import "github.com/glipvk/glipvk/graph"

// The three parts of a qkv value, in their order.
const (
	query = iota
	key
	value
)

// part is the vector of one token and head in qkv [G, n, 3C], whose channel is
// which*C + head*d + e.
func part(qkv tensor, group, token, which, head, d int) []float32 {
	n, channels := qkv.shape[1], qkv.shape[2]
	return qkv.data[(group*n+token)*channels+which*channels/3+head*d:][:d]
}

// scores is (q * Scale) kᵀ of each head: qkv [G, n, 3C] -> y [G, h, n, n].
// One piece is one head of one group.
func scores(op graph.Scores, y, qkv tensor) rows {
	n, d := qkv.shape[1], qkv.shape[2]/3/op.Heads
	return rows{y.shape[0] * op.Heads, func(i int) {
		group, head := i/op.Heads, i%op.Heads
		for a := range n {
			q := part(qkv, group, a, query, head, d)
			for b := range n {
				k := part(qkv, group, b, key, head, d)
				sum := 0.0
				for e := range q {
					sum += float64(q[e]) * op.Scale * float64(k[e])
				}
				y.data[(i*n+a)*n+b] = float32(sum)
			}
		}
	}}
}

// contextOf is the weighted sum of values with heads joined:
// p [G, h, n, n], qkv [G, n, 3C] -> y [G, n, C]. One piece is one head of one group.
func contextOf(op graph.Context, y, p, qkv tensor) rows {
	n, channels := y.shape[1], y.shape[2]
	d := channels / op.Heads
	return rows{y.shape[0] * op.Heads, func(i int) {
		group, head := i/op.Heads, i%op.Heads
		sum := make([]float64, d)
		for a := range n {
			clear(sum)
			for b, weight := range p.data[(i*n+a)*n:][:n] {
				for e, v := range part(qkv, group, b, value, head, d) {
					sum[e] += float64(weight) * float64(v)
				}
			}
			for e, s := range sum {
				y.data[(group*n+a)*channels+head*d+e] = float32(s)
			}
		}
	}}
}

// positionBias gathers table [(2w-1)², h] into y [h, n, n]: the entry for query a
// and key b is the table's row for (row difference, column difference), each from
// -(w-1) to w-1, query minus key, row difference major.
func positionBias(op graph.PositionBias, y, table tensor) rows {
	w, heads := op.Window, table.shape[1]
	n := w * w
	return rows{heads, func(head int) {
		for a := range n {
			for b := range n {
				down, right := a/w-b/w, a%w-b%w
				entry := (down+w-1)*(2*w-1) + right + w - 1
				y.data[(head*n+a)*n+b] = table.data[entry*heads+head]
			}
		}
	}}
}

// shiftMask is y [nW, 1, n, n] for a map that was rolled up and left by Shift: two
// tokens of a window see each other only if the roll moved neither or both of them
// across the upper edge, and likewise for the left edge. A token was moved across
// if it now stands in the last Shift rows or columns.
func shiftMask(op graph.ShiftMask, y tensor) rows {
	w, across, n := op.Size, op.Width/op.Size, op.Size*op.Size
	return rows{y.shape[0], func(window int) {
		moved := func(token int) (down, right bool) {
			row, column := window/across*w+token/w, window%across*w+token%w
			return row >= op.Height-op.Shift, column >= op.Width-op.Shift
		}
		for a := range n {
			for b := range n {
				down, right := moved(a)
				down2, right2 := moved(b)
				if down != down2 || right != right2 {
					y.data[(window*n+a)*n+b] = -100
				}
			}
		}
	}}
}
