package kernels

import "github.com/glipvk/glipvk/graph"

// columnBlock is how many rows of a column an invocation takes in phrasescores.comp (shaders/include/columns.glsl).
// Others have sizes of their own.
const columnBlock = 16

// columnBlocks is the grid of such a shader for blocks of so many rows.
func (l *lowerer) columnBlocks(rows, cols, each int) [3]int {
	return l.fold(ceilDiv(ceilDiv(rows, each)*cols, l.style.Group))
}

// channelItems is how many elements an invocation takes of an operation whose small
// operands go with the channel (shaders/include/channels.glsl).
const channelItems = 8

// channels is the grid of such a shader.
func (l *lowerer) channels(count int) [3]int {
	return l.fold(ceilDiv(count, l.style.Group*channelItems))
}

// pictureSpans cuts the rows of each picture of a map [B, H, W, C] into spans that fit
// bindings even where they begin early, each a whole number of units, the last perhaps less.
func (l *lowerer) pictureSpans(shape graph.Shape, unit int) []span {
	all := shape.Elements() / (shape[0] * shape.Last())
	list := l.earlySpans(ceilDiv(all, unit), 0, 4*int64(unit*shape.Last()))
	for i, r := range list {
		list[i] = span{r.begin * unit, min(r.end*unit, all)}
	}
	return list
}

// pictures calls emit for such spans of every picture.
func (l *lowerer) pictures(shape graph.Shape, emit func(picture int, rows span)) {
	list := l.pictureSpans(shape, 1)
	for b := range shape[0] {
		for _, r := range list {
			emit(b, r)
		}
	}
}

// rowsOf are the elements of rows of one picture of a map.
func rowsOf(shape graph.Shape, picture int, rows span) span {
	c := shape.Last()
	at := picture * shape.Elements() / shape[0]
	return span{at + rows.begin*c, at + rows.end*c}
}
