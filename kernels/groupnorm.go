package kernels

import (
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// groupStatisticsPush mirrors the block of groupstatistics.comp; cols and xStart in vectors.
type groupStatisticsPush struct{ Rows, Cols, XStart, Block0 uint32 }

// groupCombinePush mirrors the block of groupcombine.comp; across in vectors.
type groupCombinePush struct {
	Groups, Across uint32
	Blocks, Block  uint32
	Rows           uint32
	Eps            float32
}

// groupNormPush mirrors the block of groupnorm.comp, in vectors.
type groupNormPush struct {
	Count, Cols    uint32
	XStart, YStart uint32
}

// groupNormParts is the size of the blocks' statistics of one picture, and of these with those
// of the groups behind them, for each column.
func (l *lowerer) groupNormParts(s step) (blocks, all int64) {
	x, _ := grouping(s)
	shape := l.shape(x)
	_, width := l.groupWidth(s)
	cols := int64(shape[3] / width)
	blocks = 8 * int64(ceilDiv(shape[1]*shape[2], statisticsBlock)) * cols
	return blocks, l.apart(blocks) + 8*cols
}

func (l *lowerer) groupNormScratch(s step) int64 {
	_, bytes := l.groupNormParts(s)
	return bytes
}

// groupWidth is 4 if each group is a number of vec4s, else 1, and the ending of the shaders.
func (l *lowerer) groupWidth(s step) (string, int) {
	x, o := grouping(s)
	return vector("", l.shape(x)[3]/o.Groups)
}

// grouping is the map that a GroupNorm, or a gradient of one, norms, and how.
func grouping(s step) (x graph.ID, o graph.GroupNorm) {
	switch o := s.op.(type) {
	case graph.GroupNormGradX:
		return s.in[1], o.GroupNorm
	case graph.GroupNormGradWeight:
		return s.in[1], o.GroupNorm
	}
	return s.in[0], s.op.(graph.GroupNorm)
}

// statisticsBlock is how many rows go into one mean and sum of squares.
const statisticsBlock = 32

// groupNorm lowers GroupNorm in three steps a picture: statistics of blocks of rows,
// statistics of groups made of them, and the norm.
func (l *lowerer) groupNorm(s step) {
	shape := l.shape(s.out)
	suffix, width := l.groupWidth(s)
	cols := shape[3] / width
	for b := range shape[0] {
		groups := l.groupMoments(s, b)
		for _, r := range l.pictureSpans(shape, statisticsBlock) {
			x, xStart := l.part(s.in[0], width, rowsOf(shape, b, r), engine.Read)
			y, yStart := l.part(s.out, width, rowsOf(shape, b, r), engine.Write)
			l.emit(s, "groupnorm"+suffix, dispatch{
				constants: constants(l.style.Group, channelItems), groups: l.channels(r.units() * cols),
				push:     groupNormPush{uint32(r.units() * cols), uint32(cols), xStart, yStart},
				operands: []operand{x, groups, l.whole(s.in[1], width), l.whole(s.in[2], width), y},
			})
		}
	}
}

// groupMoments emits the first two steps for a picture and gives what they find: mean and
// 1/sqrt(variance + eps) for each column, at the beginning of the step's scratch behind the blocks'.
func (l *lowerer) groupMoments(s step, picture int) operand {
	x, o := grouping(s)
	shape := l.shape(x)
	suffix, width := l.groupWidth(s)
	rows, cols := shape[1]*shape[2], shape[3]/width
	blockBytes, _ := l.groupNormParts(s)
	for _, r := range l.pictureSpans(shape, statisticsBlock) {
		l.groupStatistics(s, "groupstatistics"+suffix, width, rowsOf(shape, picture, r))
	}
	groups := l.scratchPart(l.apart(blockBytes), 8*int64(cols), 1, engine.Write)
	l.emit(s, "groupcombine", dispatch{
		constants: constants(l.style.Group, l.style.Lanes, width), groups: l.rowGroups(o.Groups),
		push: groupCombinePush{uint32(o.Groups), uint32(cols / o.Groups), uint32(ceilDiv(rows, statisticsBlock)), statisticsBlock,
			uint32(rows), float32(o.Eps)},
		operands: []operand{l.scratchPart(0, blockBytes, 1, engine.Read), groups},
	})
	groups.access = engine.Read
	return groups
}

// groupStatistics emits the first step for some elements of a picture.
func (l *lowerer) groupStatistics(s step, stem string, width int, elements span) {
	from, _ := grouping(s)
	shape := l.shape(from)
	c, each := shape[3], shape.Elements()/shape[0]
	rows := elements.units() / c
	x, start := l.part(from, width, elements, engine.Read)
	bytes, _ := l.groupNormParts(s)
	l.emit(s, stem, dispatch{
		constants: constants(l.style.Group, statisticsBlock), groups: l.columnBlocks(rows, c/width, statisticsBlock),
		push:     groupStatisticsPush{uint32(rows), uint32(c / width), start, uint32(elements.begin % each / c / statisticsBlock)},
		operands: []operand{x, l.scratchPart(0, bytes, 1, engine.Write)},
	})
}
