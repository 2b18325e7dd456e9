package kernels

import (
	"cmp"
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// lifetime is what the arena must hold of one value: bytes, from the step that makes
// it (-1 for an input) to the last that reads it, both included.
type lifetime struct {
	id          graph.ID
	bytes       int64
	first, last int
}

// layout says where each value lies in the arena.
type layout struct {
	offset map[graph.ID]int64
	bytes  int64 // of the arena
	slab   int64 // bytes of the buffers that make it up, the last perhaps smaller
	live   int64 // greatest sum of bytes alive at one step: no arena can be smaller
}

// lifetimes follows every value that steps make, and the inputs. Kept values live
// to the end.
func lifetimes(g *graph.Graph, list []step, kept []graph.ID) []lifetime {
	at := map[graph.ID]*lifetime{}
	var order []graph.ID
	born := func(id graph.ID, when int) {
		at[id] = &lifetime{id: id, bytes: 4 * int64(g.Nodes[id].Shape.Elements()), first: when, last: when}
		order = append(order, id)
	}
	for _, id := range g.Inputs() {
		born(id, -1)
	}
	for i, s := range list {
		for _, in := range s.in {
			if l := at[in]; l != nil {
				l.last = i
			}
		}
		born(s.out, i)
	}
	for _, id := range kept {
		if l := at[id]; l != nil {
			l.last = len(list)
		}
	}
	result := make([]lifetime, len(order))
	for i, id := range order {
		result[i] = *at[id]
	}
	return result
}

// plan gives every value an offset, a multiple of align, so that no two values alive
// at the same step overlap. The largest are placed first, each at the lowest offset
// that is free for its whole life. Without reuse every value gets memory of its own.
// The arena is cut into slabs of so many bytes, a multiple of align, because one
// buffer may not be larger: no value lies across a cut. No value may exceed a slab.
func plan(values []lifetime, align, slab int64, reuse bool) layout {
	l := layout{offset: map[graph.ID]int64{}, slab: slab}
	round := func(n int64) int64 { return (n + align - 1) / align * align }
	for _, v := range values {
		var sum int64
		for _, w := range values {
			if w.first <= v.first && v.first <= w.last {
				sum += round(w.bytes)
			}
		}
		l.live = max(l.live, sum)
	}
	order := slices.Clone(values)
	slices.SortStableFunc(order, func(a, b lifetime) int { return cmp.Compare(b.bytes, a.bytes) })
	var placed []lifetime
	for _, v := range order {
		var busy [][2]int64 // ranges taken while v lives
		for _, w := range placed {
			if !reuse || w.first <= v.last && v.first <= w.last {
				busy = append(busy, [2]int64{l.offset[w.id], l.offset[w.id] + round(w.bytes)})
			}
		}
		slices.SortFunc(busy, func(a, b [2]int64) int { return cmp.Compare(a[0], b[0]) })
		var at int64
		for _, b := range busy {
			if at = l.uncut(at, round(v.bytes)); b[0]-at >= round(v.bytes) {
				break
			}
			at = max(at, b[1])
		}
		at = l.uncut(at, round(v.bytes))
		l.offset[v.id] = at
		l.bytes = max(l.bytes, at+round(v.bytes))
		placed = append(placed, v)
	}
	return l
}

// uncut is the lowest offset from at on where so many bytes lie in one slab.
func (l layout) uncut(at, bytes int64) int64 {
	if at/l.slab != (at+bytes-1)/l.slab {
		return (at/l.slab + 1) * l.slab
	}
	return at
}
