package cpu

import (
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// rowMap says where rows come from: row r is made of parts rows of the source, numbers
// rows[r*parts] and following, -1 for zeros. With several parts the channels are
// interleaved: channel c*parts + p is channel c of part p.
type rowMap struct {
	rows  []int32
	parts int
}

// of is the source row of a value's row r when there is one part; a nil map is the identity.
func (m *rowMap) of(r int) int {
	if m == nil {
		return r
	}
	return int(m.rows[r])
}

// after is the map of doing first m, then next, whose parts are single rows.
func (m *rowMap) after(next *rowMap) *rowMap {
	switch {
	case m == nil:
		return next
	case next == nil:
		return m
	}
	joined := &rowMap{rows: make([]int32, 0, len(next.rows)*m.parts), parts: m.parts * next.parts}
	for _, r := range next.rows {
		for p := range m.parts {
			if r < 0 {
				joined.rows = append(joined.rows, -1)
			} else {
				joined.rows = append(joined.rows, m.rows[int(r)*m.parts+p])
			}
		}
	}
	return joined
}

// single reports whether each row is one of the source's.
func (m *rowMap) single() bool { return m == nil || m.parts == 1 }

// selects reports whether rows are single ones of the source, of so many, no more than these and no zeros.
func (m *rowMap) selects(rows int) bool {
	return m == nil || m.parts == 1 && len(m.rows) <= rows && !slices.Contains(m.rows, -1)
}

// identity reports whether the map changes nothing, given the number of rows of the source.
func (m *rowMap) identity(rows int) bool {
	for i, r := range m.rows {
		if int(r) != i {
			return false
		}
	}
	return m.parts == 1 && len(m.rows) == rows
}

// moves reports whether an operation only moves rows, and so has a row map.
func moves(op graph.Op) bool {
	switch op.(type) {
	case graph.Pad, graph.Crop, graph.Roll, graph.WindowPartition, graph.WindowReverse, graph.MergePatches, graph.ResizeNearest:
		return true
	}
	return false
}

// rowMap is that of one node, nil if it changes nothing. Equal ones are shared.
func (c *compiler) rowMap(id graph.ID) *rowMap {
	n := c.node(id)
	in := c.shape(n.Inputs[0])
	key := fmt.Sprintf("%T%v %v", n.Op, n.Op, in)
	if m, ok := c.maps[key]; ok {
		return m
	}
	m := rowsOf(n.Op, in, n.Shape)
	if m.identity(in.Rows()) {
		m = nil
	}
	c.maps[key] = m
	return m
}

// rowsOf tabulates the operation, whose comment in package graph says what is tabulated.
func rowsOf(op graph.Op, in, out graph.Shape) *rowMap {
	switch o := op.(type) {
	case graph.Pad, graph.Crop:
		return mapTokens(out, in, 1, func(y, x, _ int) (int, int) { return y, x })
	case graph.Roll:
		return mapTokens(out, in, 1, func(y, x, _ int) (int, int) {
			return (y + o.Down + in[1]) % in[1], (x + o.Right + in[2]) % in[2]
		})
	case graph.ResizeNearest:
		return mapTokens(out, in, 1, func(y, x, _ int) (int, int) { return y * in[1] / out[1], x * in[2] / out[2] })
	case graph.MergePatches:
		return mapTokens(out, in, 4, func(y, x, part int) (int, int) { return 2*y + part/2, 2*x + part%2 })
	case graph.WindowPartition:
		return windows(in, o.Size, func(m *rowMap, token, slot int) { m.rows[slot] = int32(token) })
	case graph.WindowReverse:
		return windows(out, o.Size, func(m *rowMap, token, slot int) { m.rows[token] = int32(slot) })
	}
	panic(fmt.Sprintf("cpu: %T moves no rows", op)) // guarded by moves
}

// mapTokens tabulates for each token of a map [B, H, W, C] where its parts come from in another, nowhere from below or
// right of it.
func mapTokens(out, in graph.Shape, parts int, from func(y, x, part int) (int, int)) *rowMap {
	m := &rowMap{rows: make([]int32, out.Rows()*parts), parts: parts}
	for i := range m.rows {
		r := i / parts
		y, x := from(r/out[2]%out[1], r%out[2], i%parts)
		if m.rows[i] = -1; y < in[1] && x < in[2] {
			m.rows[i] = int32((r/(out[1]*out[2])*in[1]+y)*in[2] + x)
		}
	}
	return m
}

// windows pairs the rows of a map's tokens with those of the same tokens in windows of side w.
func windows(shape graph.Shape, w int, pair func(m *rowMap, token, slot int)) *rowMap {
	m := &rowMap{rows: make([]int32, shape.Rows()), parts: 1}
	down, across := shape[1]/w, shape[2]/w
	for token := range m.rows {
		b, y, x := token/(shape[1]*shape[2]), token/shape[2]%shape[1], token%shape[2]
		window := (b*down+y/w)*across + x/w
		pair(m, token, window*w*w+y%w*w+x%w)
	}
	return m
}
