package kernels

import (
	"fmt"

	"github.com/glipvk/glipvk/engine"
)

// weightedMeanPush mirrors the block of weightedmean.comp; count and start in vectors.
type weightedMeanPush struct{ Count, Start, Picture uint32 }

// mostBranches is how many maps weightedmean.comp reads.
const mostBranches = 3

// weightedMean lowers WeightedMean, one dispatch for all branches of a picture.
func (l *lowerer) weightedMean(s step) error {
	shape := l.shape(s.out)
	branches := len(s.in) / 2
	if branches > mostBranches {
		return fmt.Errorf("%d branches, at most %d can be joined: %w", branches, mostBranches, engine.ErrUnsupported)
	}
	c := shape.Last()
	stem, width := vector("weightedmean", c)
	return l.pictures(shape, func(picture int, rows span) error {
		groups, err := l.elementwise(rows.units() * c / width)
		if err != nil {
			return err
		}
		var operands []operand
		push := weightedMeanPush{Count: uint32(rows.units() * c / width), Picture: uint32(picture)}
		for i := range mostBranches {
			k := 2 * min(i, branches-1)
			x, start := l.part(s.in[k], width, rowsOf(shape, picture, rows), engine.Read)
			push.Start = start // the same for all: values begin at the alignment, and so do views
			operands = append(operands, x, l.whole(s.in[k+1], 1))
		}
		y, _ := l.part(s.out, width, rowsOf(shape, picture, rows), engine.Write)
		l.emit(s, stem, dispatch{constants: constants(l.style.Group, items, branches), groups: groups, push: push, operands: append(operands, y)})
		return nil
	})
}
