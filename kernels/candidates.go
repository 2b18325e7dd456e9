package kernels

import (
	"math"
	"math/bits"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// candidatesPush mirrors the block of candidates.comp; count and pStart in vectors.
type candidatesPush struct {
	Count, Labels, Pair0, Part uint32
	PStart, CStart             uint32
	Threshold                  float32
}

// candidatesPartPush mirrors the blocks of candidates_select.comp and candidates_keep.comp.
type candidatesPartPush struct{ Part uint32 }

// candidatesRowsPush mirrors the block of candidates_rows.comp.
type candidatesRowsPush struct {
	Labels, Pair0, Pairs   uint32
	PStart, DStart, YStart uint32
}

// The layout of the selection's memory (shaders/include/selection.glsl), in words.
const (
	selectionBins   = 256
	selectionDigits = 7 // at most: four of q and three of the pair's number
	controlParts    = selectionBins*selectionDigits + 4*(selectionDigits+1) + 1
)

// mostCandidates bounds Limit: every candidate is compared with every other.
const mostCandidates = 1 << 14

// selection says how the candidates of a step are chosen: in parts of the scores that fit
// bindings, and with so many digits. Its memory holds control, then two lists of the pairs that pass the threshold, part
// by part, then two of those that stay.
type selection struct {
	positions, labels, limit int
	parts                    []span // of positions
	indexDigits, digits      int    // of the pair's number, and in all
	control                  int64  // bytes
	lists                    [2]int64
	list                     int64 // bytes of one
	kept                     [2]int64
	keptBytes                int64
	bytes                    int64
}

func (l *lowerer) selection(s step) selection {
	p := l.shape(s.in[0])
	c := selection{positions: p[1], labels: p[2], limit: l.shape(s.out)[1]}
	c.parts = l.earlySpans(c.positions, 0, 4*int64(c.labels), 16)
	pairs := c.positions * c.labels
	if c.indexDigits = max(1, ceilDiv(bits.Len(uint(pairs-1)), 8)); pairs > c.limit {
		c.digits = 4 + c.indexDigits
	}
	c.control = 4 * int64(controlParts+len(c.parts))
	c.list = l.apart(4 * int64(pairs))
	c.keptBytes = roundUp(4*int64(min(c.limit, pairs)), 16)
	at := l.apart(c.control)
	for i := range c.lists {
		c.lists[i] = at
		at += c.list
	}
	for i := range c.kept {
		c.kept[i] = at
		at += l.apart(c.keptBytes)
	}
	c.bytes = at
	return c
}

func (l *lowerer) candidatesScratch(s step) int64 { return l.selection(s).bytes }

// pairs of part i.
func (c selection) pairs(i int) span {
	return span{c.parts[i].begin * c.labels, c.parts[i].end * c.labels}
}

// candidates lowers Candidates, picture by picture: the pairs above the threshold are
// listed; digit by digit it is found which of them is the last to stay; those that stay
// are listed and find their rows.
func (l *lowerer) candidates(s step) {
	c := l.selection(s)
	if c.limit > mostCandidates {
		l.fail("%d candidates, at most %d can be put in order: %w", c.limit, mostCandidates, engine.ErrUnsupported)
	}
	for b := range l.shape(s.out)[0] {
		l.list = append(l.list, dispatch{path: s.path, shader: "fill", constants: constants(l.style.Group, items), groups: l.elementwise(int(c.control / 4)),
			push: fillPush{uint32(c.control / 4), 0}, operands: []operand{l.scratchPart(0, c.control, 1, engine.Write)}})
		for i := range c.parts {
			l.listCandidates(s, c, b, i)
		}
		for digit := 1; digit < c.digits; digit++ {
			for i := range c.parts {
				l.selectCandidates(s, c, i, digit)
			}
		}
		for i := range c.parts {
			l.keepCandidates(s, c, i)
		}
		for i := range c.parts {
			l.candidateRows(s, c, b, i)
		}
	}
}

// lists are the operands that hold the list of part i.
func (l *lowerer) lists(c selection, i int, access engine.Access) []operand {
	p := c.pairs(i)
	at, bytes := 4*int64(p.begin), 4*int64(p.units())
	return []operand{l.scratchPart(c.lists[0]+at, bytes, 1, access), l.scratchPart(c.lists[1]+at, bytes, 1, access)}
}

func (l *lowerer) control(c selection) operand {
	return l.scratchPart(0, c.control, 1, engine.ReadWrite)
}

// listCandidates emits the first step for part i of picture b.
func (l *lowerer) listCandidates(s step, c selection, b, i int) {
	pairs, positions := c.pairs(i), c.parts[i]
	stem, width := vector("candidates", c.positions*c.labels) // parts begin at multiples of 16 bytes
	push := candidatesPush{Count: uint32(pairs.units() / width), Labels: uint32(c.labels), Pair0: uint32(pairs.begin), Part: uint32(i),
		Threshold: below(s.op.(graph.Candidates).Threshold)}
	var p, centerness operand
	p, push.PStart = l.part(s.in[0], width, pairs.from(b*c.positions*c.labels), engine.Read)
	centerness, push.CStart = l.part(s.in[1], 1, positions.from(b*c.positions), engine.Read)
	l.emit(s, stem, dispatch{constants: constants(l.style.Group, items), groups: l.elementwise(pairs.units() / width), push: push,
		operands: append(append([]operand{p, centerness}, l.lists(c, i, engine.Write)...), l.control(c))})
}

// below is the greatest float32 that is not above x: a float32 exceeds the one just if it
// exceeds the other.
func below(x float64) float32 {
	f := float32(x)
	if float64(f) > x {
		return math.Nextafter32(f, 0)
	}
	return f
}

// from is the span moved on.
func (s span) from(begin int) span { return span{begin + s.begin, begin + s.end} }

// turns is the grid of the steps that go through a list of unknown length in turns.
func (l *lowerer) turns(pairs span) [3]int {
	return [3]int{min(ceilDiv(pairs.units(), l.style.Group*items), 64, l.caps.MaxWorkgroups[0]), 1, 1}
}

func (l *lowerer) selectCandidates(s step, c selection, i, digit int) {
	l.list = append(l.list, dispatch{path: s.path, shader: "candidates_select", groups: l.turns(c.pairs(i)), push: candidatesPartPush{uint32(i)},
		constants: constants(l.style.Group, digit, c.indexDigits, c.limit), operands: append(l.lists(c, i, engine.Read), l.control(c))})
}

func (l *lowerer) keepCandidates(s step, c selection, i int) {
	l.list = append(l.list, dispatch{path: s.path, shader: "candidates_keep", groups: l.turns(c.pairs(i)), push: candidatesPartPush{uint32(i)},
		constants: constants(l.style.Group, c.digits, c.indexDigits, c.limit),
		operands:  append(append(l.lists(c, i, engine.Read), l.keptLists(c, 1, engine.Write)...), l.control(c))})
}

// keptLists are the operands that hold the pairs that stay.
func (l *lowerer) keptLists(c selection, width int, access engine.Access) []operand {
	return []operand{l.scratchPart(c.kept[0], c.keptBytes, width, access), l.scratchPart(c.kept[1], c.keptBytes, width, access)}
}

// candidateRows emits the last step for part i of picture b.
func (l *lowerer) candidateRows(s step, c selection, b, i int) {
	pairs := c.pairs(i)
	push := candidatesRowsPush{Labels: uint32(c.labels), Pair0: uint32(pairs.begin), Pairs: uint32(pairs.units())}
	var p, deltas, y operand
	p, push.PStart = l.part(s.in[0], 1, pairs.from(b*c.positions*c.labels), engine.Read)
	d := c.parts[i].from(b * c.positions)
	deltas, push.DStart = l.part(s.in[2], 1, span{4 * d.begin, 4 * d.end}, engine.Read)
	each := c.limit * graph.CandidateFields
	y, push.YStart = l.part(s.out, 1, span{b * each, (b + 1) * each}, engine.Write)
	l.emit(s, "candidates_rows", dispatch{constants: constants(l.style.Group, c.limit), groups: l.fold(ceilDiv(c.limit, l.style.Group)), push: push,
		operands: append(l.keptLists(c, 4, engine.Read), p, deltas, y, l.control(c))})
}
