package kernels

import (
	"slices"

	"github.com/glipvk/glipvk/engine"
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

// part is the operand of some elements of a value, and by how many
// vectors of its width it is bound early because of the device's alignment.
func (l *lowerer) part(id graph.ID, width int, elements span, access engine.Access) (operand, uint32) {
	o := l.operand(id, width, elements.begin, elements.units(), access)
	early := l.aligned(&o)
	return o, early / uint32(width)
}

// copyPush mirrors the block of copy.comp, in vectors.
type copyPush struct{ Count, XStart, YStart uint32 }

// copy lowers the copying of count elements of one value to another.
func (l *lowerer) copy(s step, from graph.ID, fromBegin, toBegin, count int) error {
	stem, width := "copy", 4
	if fromBegin%4 != 0 || toBegin%4 != 0 || count%4 != 0 {
		stem, width = "copy_scalar", 1
	}
	list, err := l.narrow().spans(count/width, 0, 4*int64(width))
	if err != nil {
		return err
	}
	for _, r := range list {
		groups, err := l.elementwise(r.units())
		if err != nil {
			return err
		}
		x, xStart := l.part(from, width, span{fromBegin + r.begin*width, fromBegin + r.end*width}, engine.Read)
		y, yStart := l.part(s.out, width, span{toBegin + r.begin*width, toBegin + r.end*width}, engine.Write)
		l.emit(s, stem, dispatch{constants: constants(l.style.Group, items), groups: groups,
			push: copyPush{uint32(r.units()), xStart, yStart}, operands: []operand{x, y}})
	}
	return nil
}

// narrow is a lowerer whose bindings leave room for a part to begin early.
func (l *lowerer) narrow() *lowerer {
	n := *l
	n.limit -= l.align
	return &n
}

// reshape lowers Reshape where it cannot be a view.
func (l *lowerer) reshape(s step) error {
	return l.copy(s, s.in[0], 0, 0, l.shape(s.out).Elements())
}

// sliceTokens lowers SliceTokens where it cannot be a view, picture by picture.
func (l *lowerer) sliceTokens(s step) error {
	in, each := l.shape(s.in[0]), l.shape(s.out).Elements()/l.shape(s.out)[0]
	for b := range in[0] {
		if err := l.copy(s, s.in[0], (b*in[1]+s.op.(graph.SliceTokens).Begin)*in[2], b*each, each); err != nil {
			return err
		}
	}
	return nil
}

// concatTokens lowers ConcatTokens, operand by operand and picture by picture; operands that
// were written in their place are there already.
func (l *lowerer) concatTokens(s step) error {
	out := l.shape(s.out)
	begin := 0
	for _, id := range s.in {
		each := l.shape(id).Elements() / out[0]
		if !l.placed(id, s.out, begin) {
			for b := range out[0] {
				if err := l.copy(s, id, b*each, b*out[1]*out[2]+begin, each); err != nil {
					return err
				}
			}
		}
		begin += each
	}
	return nil
}

// placed reports whether a value is the range of another that begins there.
func (l *lowerer) placed(id, of graph.ID, begin int) bool {
	at, ok := l.begins[id]
	return ok && l.alias[id] == of && at == begin
}
