package kernels

import (
	"fmt"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// columnBlock is how many rows of a column an invocation takes in phrasescores.comp (shaders/include/columns.glsl).
// Others have sizes of their own.
const columnBlock = 16

// columnBlocks is the grid of such a shader for blocks of so many rows.
func (l *lowerer) columnBlocks(rows, cols, each int) ([3]int, error) {
	return l.fold(ceilDiv(ceilDiv(rows, each)*cols, l.style.Group))
}

// channelItems is how many elements an invocation takes of an operation whose small
// operands go with the channel (shaders/include/channels.glsl).
const channelItems = 8

// channels is the grid of such a shader.
func (l *lowerer) channels(count int) ([3]int, error) {
	return l.fold(ceilDiv(count, l.style.Group*channelItems))
}

// addScaledPush mirrors the block of addscaled.comp, in vectors.
type addScaledPush struct{ Count, Cols uint32 }

// addScaled lowers x + gamma*y.
func (l *lowerer) addScaled(s step) error {
	shape := l.shape(s.out)
	c := shape.Last()
	stem, width := vector("addscaled", c)
	list, err := l.spans(shape.Rows(), 0, 4*int64(c))
	if err != nil {
		return err
	}
	for _, r := range list {
		count := r.units() * c / width
		groups, err := l.channels(count)
		if err != nil {
			return err
		}
		l.emit(s, stem, dispatch{
			constants: constants(l.style.Group, channelItems), groups: groups, push: addScaledPush{uint32(count), uint32(c / width)},
			operands: []operand{l.read(s.in[0], width, r.begin*c, r.units()*c), l.read(s.in[1], width, r.begin*c, r.units()*c),
				l.whole(s.in[2], width), l.write(s.out, width, r.begin*c, r.units()*c)},
		})
	}
	return nil
}

// pictureSpans cuts the rows of each picture of a map [B, H, W, C] into spans that fit
// bindings even where they begin early, each a whole number of units, the last perhaps less.
func (l *lowerer) pictureSpans(shape graph.Shape, unit int) ([]span, error) {
	all := shape.Elements() / (shape[0] * shape.Last())
	list, err := l.narrow().spans(ceilDiv(all, unit), 0, 4*int64(unit*shape.Last()))
	for i, r := range list {
		list[i] = span{r.begin * unit, min(r.end*unit, all)}
	}
	return list, err
}

// pictures calls emit for such spans of every picture.
func (l *lowerer) pictures(shape graph.Shape, emit func(picture int, rows span) error) error {
	list, err := l.pictureSpans(shape, 1)
	if err != nil {
		return err
	}
	for b := range shape[0] {
		for _, r := range list {
			if err := emit(b, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// rowsOf are the elements of rows of one picture of a map.
func rowsOf(shape graph.Shape, picture int, rows span) span {
	c := shape.Last()
	at := picture * shape.Elements() / shape[0]
	return span{at + rows.begin*c, at + rows.end*c}
}

// dynamicReLUPush mirrors the block of dynamicrelu.comp; all but picture in vectors.
type dynamicReLUPush struct{ Count, Cols, Start, Picture uint32 }

// dynamicReLU lowers DynamicReLU, picture by picture.
func (l *lowerer) dynamicReLU(s step) error {
	shape := l.shape(s.out)
	c := shape.Last()
	stem, width := vector("dynamicrelu", c)
	return l.pictures(shape, func(picture int, rows span) error {
		count := rows.units() * c / width
		groups, err := l.channels(count)
		if err != nil {
			return err
		}
		x, start := l.part(s.in[0], width, rowsOf(shape, picture, rows), engine.Read)
		y, _ := l.part(s.out, width, rowsOf(shape, picture, rows), engine.Write)
		l.emit(s, stem, dispatch{
			constants: constants(l.style.Group, channelItems), groups: groups,
			push:     dynamicReLUPush{uint32(count), uint32(c / width), start, uint32(picture)},
			operands: []operand{x, l.whole(s.in[1], width), y},
		})
		return nil
	})
}

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
