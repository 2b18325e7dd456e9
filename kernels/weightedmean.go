package kernels

import "github.com/glipvk/glipvk/engine"

// weightedMeanPush mirrors the block of weightedmean.comp; count and start in vectors.
type weightedMeanPush struct{ Count, Start, Picture uint32 }

// mostBranches is how many maps weightedmean.comp reads.
const mostBranches = 3

// weightedMean lowers WeightedMean, one dispatch for all branches of a picture.
func (l *lowerer) weightedMean(s step) {
	shape := l.shape(s.out)
	branches := len(s.in) / 2
	if branches > mostBranches {
		l.fail("%d branches, at most %d can be joined: %w", branches, mostBranches, engine.ErrUnsupported)
		return
	}
	c := shape.Last()
	stem, width := vector("weightedmean", c)
	l.pictures(shape, func(picture int, rows span) {
		var operands []operand
		push := weightedMeanPush{Count: uint32(rows.units() * c / width), Picture: uint32(picture)}
		for i := range mostBranches {
			k := 2 * min(i, branches-1)
			x, start := l.part(s.in[k], width, rowsOf(shape, picture, rows), engine.Read)
			push.Start = start // the same for all: values begin at the alignment, and so do views
			operands = append(operands, x, l.whole(s.in[k+1], 1))
		}
		y, _ := l.part(s.out, width, rowsOf(shape, picture, rows), engine.Write)
		l.emit(s, stem, dispatch{constants: constants(l.style.Group, items, branches), groups: l.elementwise(rows.units() * c / width), push: push, operands: append(operands, y)})
	})
}
