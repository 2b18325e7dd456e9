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

// scratchOf stands for the memory that step i needs for itself.
func scratchOf(i int) graph.ID { return graph.ID(-1 - i) }

// lifetimes follows every value that steps make, the inputs, and what a step needs for
// itself while it runs. A value that is a range of another lives in that one's memory, which is
// there from the first step that writes any of it. Kept values live to the end.
func lifetimes(g *graph.Graph, list []step, kept []graph.ID, alias map[graph.ID]graph.ID, half map[graph.ID]bool, scratch func(step) int64) []lifetime {
	at := map[graph.ID]*lifetime{}
	var order []graph.ID
	born := func(id graph.ID, when int) {
		id = resolve(alias, id)
		if l := at[id]; l != nil { // a range of it was written before
			l.last = when
			return
		}
		size := int64(4)
		if half[id] {
			size = 2
		}
		at[id] = &lifetime{id: id, bytes: size * int64(g.Nodes[id].Shape.Elements()), first: when, last: when}
		order = append(order, id)
	}
	for _, id := range g.Inputs() {
		born(id, -1)
	}
	for i, s := range list {
		for _, in := range s.in {
			if l := at[resolve(alias, in)]; l != nil {
				l.last = i
			}
		}
		for _, id := range s.outs() {
			born(id, i)
		}
		if bytes := scratch(s); bytes > 0 {
			at[scratchOf(i)] = &lifetime{id: scratchOf(i), bytes: bytes, first: i, last: i}
			order = append(order, scratchOf(i))
		}
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
// at the same step overlap. Values are placed one after the other, each at the lowest offset
// that is free for its whole life; of several orders, each mended a few times, the one that
// needs least is taken.
// Without reuse every value gets memory of its own. The arena is cut into slabs of so many
// bytes, a multiple of align, because one buffer may not be larger: no value lies across
// a cut. No value may exceed a slab.
func plan(values []lifetime, align, slab int64, reuse bool) layout {
	live := int64(0)
	for _, v := range values {
		var sum int64
		for _, w := range values {
			if w.first <= v.first && v.first <= w.last {
				sum += roundUp(w.bytes, align)
			}
		}
		live = max(live, sum)
	}
	least := layout{bytes: -1}
	for _, order := range orders {
		list := slices.SortedStableFunc(slices.Values(values), order)
		for range max(1, min(attempts, effort/(1+len(list)*len(list)))) {
			l := placed(list, align, slab, reuse)
			if least.bytes < 0 || l.bytes < least.bytes {
				least = l
			}
			if least.bytes <= live || len(list) == 0 || !reuse {
				break
			}
			// What sticks out at the top had better been placed sooner.
			top := slices.IndexFunc(list, func(v lifetime) bool { return l.offset[v.id]+roundUp(v.bytes, align) == l.bytes })
			v := list[top]
			list = slices.Insert(slices.Delete(list, top, top+1), top/2, v)
		}
	}
	least.live = live
	return least
}

// attempts at each order, while there is something to gain, and how many pairs of values they may look at: the thousands
// of a step of training are placed once in each order.
const (
	attempts = 40
	effort   = 1 << 26
)

// orders in which values are placed: the largest first; those that live longest; those
// that take most memory for most steps; the largest of those that live beyond a step, then the rest.
var orders = []func(a, b lifetime) int{
	func(a, b lifetime) int { return cmp.Compare(b.bytes, a.bytes) },
	func(a, b lifetime) int {
		return cmp.Or(cmp.Compare(b.steps(), a.steps()), cmp.Compare(b.bytes, a.bytes))
	},
	func(a, b lifetime) int { return cmp.Compare(b.bytes*b.steps(), a.bytes*a.steps()) },
	func(a, b lifetime) int {
		return cmp.Or(cmp.Compare(min(b.steps(), 3), min(a.steps(), 3)), cmp.Compare(b.bytes, a.bytes))
	},
}

func (v lifetime) steps() int64 { return int64(v.last - v.first + 1) }

func roundUp(n, align int64) int64 { return (n + align - 1) / align * align }

// placed is the layout of values placed in the given order.
func placed(order []lifetime, align, slab int64, reuse bool) layout {
	type taken struct {
		begin, end  int64
		first, last int
	}
	l := layout{offset: map[graph.ID]int64{}, slab: slab}
	var done []taken // by where they begin
	for _, v := range order {
		size, at := roundUp(v.bytes, align), int64(0)
		for _, w := range done {
			if reuse && (w.first > v.last || v.first > w.last) {
				continue // never at once
			}
			if at = l.uncut(at, size); w.begin-at >= size {
				break
			}
			at = max(at, w.end)
		}
		at = l.uncut(at, size)
		l.offset[v.id] = at
		l.bytes = max(l.bytes, at+size)
		place, _ := slices.BinarySearchFunc(done, at, func(w taken, at int64) int { return cmp.Compare(w.begin, at) })
		done = slices.Insert(done, place, taken{at, at + size, v.first, v.last})
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
