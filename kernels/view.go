package kernels

import (
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// owner follows aliases to the value that owns the memory, and says at which of its
// elements id begins.
func owner(alias map[graph.ID]graph.ID, begins map[graph.ID]int, id graph.ID) (graph.ID, int) {
	begin := 0
	for {
		next, ok := alias[id]
		if !ok {
			return id, begin
		}
		begin += begins[id]
		id = next
	}
}

// views removes the steps that would only copy: a reshape, a slice of one picture's
// tokens, and of a concatenation the operands that can be written in their place. Legal
// because the elements keep their order and all values are dense, so the one value is a
// range of the other; where the range would not begin where a binding may, the copy stays.
func (l *lowerer) views(list []step) []step {
	made := map[graph.ID]bool{}
	for _, s := range list {
		made[s.out] = true
	}
	for i := 0; i < len(list); {
		gone := false
		switch o := list[i].op.(type) {
		case graph.Reshape:
			gone = l.view(list[i].out, list[i].in[0], 0)
		case graph.SliceTokens:
			in := l.shape(list[i].in[0])
			gone = in[0] == 1 && l.view(list[i].out, list[i].in[0], o.Begin*in[2])
		case graph.ConcatTokens:
			gone = l.placeParts(list[i], made)
		}
		if gone {
			list = slices.Delete(list, i, i+1)
		} else {
			i++
		}
	}
	return list
}

// view makes id a range of another value and reports whether it could.
func (l *lowerer) view(id, of graph.ID, begin int) bool {
	if 4*int64(begin)%l.align != 0 {
		return false
	}
	l.alias[id], l.begins[id] = of, begin
	return true
}

// placeParts makes the operands of a concatenation ranges of its result, and reports
// whether all of them are. Inputs and weights, which no step made, and ranges of other
// values stay where they are.
func (l *lowerer) placeParts(s step, made map[graph.ID]bool) bool {
	all := true
	begin := 0
	for _, id := range s.in {
		_, placed := l.alias[id]
		all = l.shape(s.out)[0] == 1 && made[id] && !placed && l.view(id, s.out, begin) && all
		begin += l.shape(id).Elements()
	}
	return all
}
