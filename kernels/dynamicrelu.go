package kernels

import "github.com/glipvk/glipvk/engine"

// dynamicReLUPush mirrors the block of dynamicrelu.comp; all but picture in vectors.
type dynamicReLUPush struct{ Count, Cols, Start, Picture uint32 }

// dynamicReLU lowers DynamicReLU, picture by picture.
func (l *lowerer) dynamicReLU(s step) {
	shape := l.shape(s.out)
	c := shape.Last()
	stem, width := vector("dynamicrelu", c)
	l.pictures(shape, func(picture int, rows span) {
		count := rows.units() * c / width
		x, start := l.part(s.in[0], width, rowsOf(shape, picture, rows), engine.Read)
		y, _ := l.part(s.out, width, rowsOf(shape, picture, rows), engine.Write)
		l.emit(s, stem, dispatch{
			constants: constants(l.style.Group, channelItems), groups: l.channels(count),
			push:     dynamicReLUPush{uint32(count), uint32(c / width), start, uint32(picture)},
			operands: []operand{x, l.whole(s.in[1], width), y},
		})
	})
}
