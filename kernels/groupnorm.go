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
	shape := l.shape(s.out)
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
	return vector("", l.shape(s.out)[3]/s.op.(graph.GroupNorm).Groups)
}

// statisticsBlock is how many rows go into one mean and sum of squares.
const statisticsBlock = 32

// groupNorm lowers GroupNorm in three steps a picture: statistics of blocks of rows,
// statistics of groups made of them, and the norm.
func (l *lowerer) groupNorm(s step) error {
	shape, o := l.shape(s.out), s.op.(graph.GroupNorm)
	suffix, width := l.groupWidth(s)
	rows, cols := shape[1]*shape[2], shape[3]/width
	blockBytes, _ := l.groupNormParts(s)
	spans, err := l.pictureSpans(shape, statisticsBlock)
	if err != nil {
		return err
	}
	grid, err := l.rowGroups(o.Groups)
	if err != nil {
		return err
	}
	groups := func(a engine.Access) operand { return l.scratchPart(l.apart(blockBytes), 8*int64(cols), 1, a) }
	for b := range shape[0] {
		for _, r := range spans {
			if err := l.groupStatistics(s, "groupstatistics"+suffix, width, rowsOf(shape, b, r)); err != nil {
				return err
			}
		}
		l.emit(s, "groupcombine", dispatch{
			constants: constants(l.style.Group, l.style.Lanes, width), groups: grid,
			push: groupCombinePush{uint32(o.Groups), uint32(cols / o.Groups), uint32(ceilDiv(rows, statisticsBlock)), statisticsBlock,
				uint32(rows), float32(o.Eps)},
			operands: []operand{l.scratchPart(0, blockBytes, 1, engine.Read), groups(engine.Write)},
		})
		for _, r := range spans {
			grid, err := l.channels(r.units() * cols)
			if err != nil {
				return err
			}
			x, xStart := l.part(s.in[0], width, rowsOf(shape, b, r), engine.Read)
			y, yStart := l.part(s.out, width, rowsOf(shape, b, r), engine.Write)
			l.emit(s, "groupnorm"+suffix, dispatch{
				constants: constants(l.style.Group, channelItems), groups: grid,
				push:     groupNormPush{uint32(r.units() * cols), uint32(cols), xStart, yStart},
				operands: []operand{x, groups(engine.Read), l.whole(s.in[1], width), l.whole(s.in[2], width), y},
			})
		}
	}
	return nil
}

// groupStatistics emits the first step for some elements of a picture.
func (l *lowerer) groupStatistics(s step, stem string, width int, elements span) error {
	shape := l.shape(s.out)
	c, each := shape[3], shape.Elements()/shape[0]
	rows := elements.units() / c
	grid, err := l.columnBlocks(rows, c/width, statisticsBlock)
	if err != nil {
		return err
	}
	x, start := l.part(s.in[0], width, elements, engine.Read)
	bytes, _ := l.groupNormParts(s)
	l.emit(s, stem, dispatch{
		constants: constants(l.style.Group, statisticsBlock), groups: grid,
		push:     groupStatisticsPush{uint32(rows), uint32(c / width), start, uint32(elements.begin % each / c / statisticsBlock)},
		operands: []operand{x, l.scratchPart(0, bytes, 1, engine.Write)},
	})
	return nil
}

// columnSumPush mirrors the block of columnsum.comp; all but rows and block0 in vectors.
type columnSumPush struct {
	Rows, Cols     uint32
	XStart, YStart uint32
	Block0         uint32
	Factor         float32
}

// sumBlock is how many rows go into one sum.
const sumBlock = 64

// globalMeanParts is what the sums of blocks of one picture take, and the sums of blocks of these.
func globalMeanParts(in graph.Shape) (first, second int64) {
	n := ceilDiv(in[1]*in[2], sumBlock)
	return 4 * int64(n*in[3]), 4 * int64(ceilDiv(n, sumBlock)*in[3])
}

func (l *lowerer) globalMeanScratch(s step) int64 {
	first, second := globalMeanParts(l.shape(s.in[0]))
	return l.apart(first) + l.apart(second)
}

// globalMean lowers GlobalMean: the rows of a picture are summed in blocks, those sums in
// blocks again, until one is left.
func (l *lowerer) globalMean(s step) error {
	in := l.shape(s.in[0])
	stem, width := vector("columnsum", in[3])
	spans, err := l.pictureSpans(in, sumBlock)
	if err != nil {
		return err
	}
	first, second := globalMeanParts(in)
	turns := [2]operand{l.scratchPart(0, first, width, engine.Write), l.scratchPart(l.apart(first), second, width, engine.Write)}
	for b := range in[0] {
		rows, turn := in[1]*in[2], 0
		for ; ; turn++ {
			push := columnSumPush{Cols: uint32(in[3] / width), Factor: 1}
			y := turns[turn%2]
			if rows <= sumBlock {
				y, push.YStart = l.part(s.out, width, span{b * in[3], (b + 1) * in[3]}, engine.Write)
				push.Factor = 1 / float32(in[1]*in[2])
			}
			if turn == 0 {
				for _, r := range spans {
					var x operand
					x, push.XStart = l.part(s.in[0], width, rowsOf(in, b, r), engine.Read)
					push.Block0 = uint32(r.begin / sumBlock)
					if err := l.columnSum(s, stem, r.units(), push, x, y); err != nil {
						return err
					}
				}
			} else {
				x := turns[1-turn%2]
				x.access = engine.Read
				if err := l.columnSum(s, stem, rows, push, x, y); err != nil {
					return err
				}
			}
			if rows = ceilDiv(rows, sumBlock); rows == 1 {
				break
			}
		}
	}
	return nil
}

func (l *lowerer) columnSum(s step, stem string, rows int, push columnSumPush, x, y operand) error {
	grid, err := l.columnBlocks(rows, int(push.Cols), sumBlock)
	if err != nil {
		return err
	}
	push.Rows = uint32(rows)
	l.emit(s, stem, dispatch{constants: constants(l.style.Group, sumBlock), groups: grid, push: push, operands: []operand{x, y}})
	return nil
}
