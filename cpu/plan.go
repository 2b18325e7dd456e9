package cpu

import (
	"cmp"
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// lifetime is what the arena must hold of one value: so many floats from the step that
// makes it to the last that reads it, both included.
type lifetime struct {
	id          graph.ID
	size        int
	first, last int
}

// lifetimes follows the values that steps make, results left out: these are written to
// memory of the caller's. A value that others are views of lives as long as any of them; one
// that a result is a view of lives to the end.
func lifetimes(sizes []int, steps []step, results []graph.ID, v views) []lifetime {
	var list []lifetime
	at, elsewhere := map[graph.ID]int{}, map[graph.ID]bool{}
	for _, id := range results {
		if _, isView := v[id]; !isView {
			elsewhere[id] = true
		}
	}
	read := func(id graph.ID, i int) {
		root, _ := v.root(id)
		if k, ok := at[root]; ok {
			list[k].last = i
		}
	}
	for i, s := range steps {
		for _, id := range s.in {
			read(id, i)
		}
		for _, id := range s.outs {
			out, _ := v.root(id)
			if _, ok := at[out]; !ok && !elsewhere[out] {
				at[out] = len(list)
				list = append(list, lifetime{out, (sizes[out] + lineFloats - 1) / lineFloats * lineFloats, i, i})
			}
			read(out, i)
		}
	}
	for _, id := range results {
		read(id, len(steps))
	}
	return list
}

// layout says where values lie in the arena, in floats.
type layout struct {
	offset map[graph.ID]int
	size   int
	live   int // greatest sum alive at one step: no arena can be smaller
}

// place gives the largest values their places first, each the lowest that is free
// for its whole life; without reuse every value has a place of its own.
func place(values []lifetime, reuse bool) layout {
	l := layout{offset: map[graph.ID]int{}}
	for _, v := range values {
		sum := 0
		for _, u := range values {
			if u.first <= v.first && v.first <= u.last {
				sum += u.size
			}
		}
		l.live = max(l.live, sum)
	}
	order := slices.Clone(values)
	slices.SortStableFunc(order, func(a, b lifetime) int { return cmp.Compare(b.size, a.size) })
	var placed []lifetime // by offset
	for _, v := range order {
		at := 0
		for _, u := range placed {
			if reuse && (u.last < v.first || v.last < u.first) {
				continue
			}
			if l.offset[u.id]-at >= v.size {
				break
			}
			at = max(at, l.offset[u.id]+u.size)
		}
		l.offset[v.id] = at
		l.size = max(l.size, at+v.size)
		i, _ := slices.BinarySearchFunc(placed, at, func(u lifetime, at int) int { return cmp.Compare(l.offset[u.id], at) })
		placed = slices.Insert(placed, i, v)
	}
	return l
}
