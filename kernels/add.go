package kernels

import (
	"fmt"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/graph"
)

// The modes of add.comp.
const (
	addMode = iota
	mulMode
	tileMode
)

// addPush mirrors the block of add.comp; the last size of each shape in vectors.
type addPush struct {
	Count          uint32
	A1, A2, A3     uint32
	B0, B1, B2, B3 uint32
}

// add lowers a + b with b tiled over a.
func (l *lowerer) add(s step) { l.tiled(s, addMode) }

// mul lowers a * b the same way, or as a product with a number.
func (l *lowerer) mul(s step) {
	if l.shape(s.in[1]).Elements() == 1 {
		l.mulScalar(s)
	} else {
		l.tiled(s, mulMode)
	}
}

func (l *lowerer) tiled(s step, mode int) {
	if l.shape(s.in[0]).Elements() == l.shape(s.in[1]).Elements() {
		l.pointwise(s, "add", []any{false, mode}, func(count, _ int) any { return addPush{Count: uint32(count)} }, 2)
	} else {
		l.spread(s, mode, s.in[1])
	}
}

// tile lowers Tile.
func (l *lowerer) tile(s step) {
	if l.shape(s.out).Elements() == l.shape(s.in[0]).Elements() {
		l.copy(s, s.in[0], 0, 0, l.shape(s.out).Elements())
	} else {
		l.spread(s, tileMode, s.in[0])
	}
}

// spread tiles a value over the result. It splits along the slowest axis of that, in whole periods of the value.
func (l *lowerer) spread(s step, mode int, tile graph.ID) {
	a4, b4, err := four(l.shape(s.out), l.shape(tile))
	if err != nil {
		l.fail("%w", err)
		return
	}
	stem, width := "add", 4
	if a4[3]%4 != 0 || b4[3]%4 != 0 {
		stem, width = "add_scalar", 1
	}
	a4[3], b4[3] = a4[3]/width, b4[3]/width
	push := addPush{0, uint32(a4[1]), uint32(a4[2]), uint32(a4[3]), uint32(b4[0]), uint32(b4[1]), uint32(b4[2]), uint32(b4[3])}
	each := a4[1] * a4[2] * a4[3] * b4[0] // vectors of a in one period
	for _, r := range l.spans(a4[0]/b4[0], 0, 4*int64(each*width)) {
		count := r.units() * each
		push.Count = uint32(count)
		b := l.whole(tile, width)
		a := b // bound but not read
		if mode != tileMode {
			a = l.read(s.in[0], width, r.begin*each*width, count*width)
		}
		l.emit(s, stem, dispatch{
			constants: constants(l.style.Group, items, true, mode), push: push, groups: l.elementwise(count),
			operands: []operand{a, b, l.write(s.out, width, r.begin*each*width, count*width)},
		})
	}
}

// four pads both shapes to four sizes behind the slowest, merging neighbouring axes on which they agree.
func four(a, b graph.Shape) (a4, b4 [4]int, err error) {
	b = append(make(graph.Shape, 0, len(a)), b...)
	for len(b) < len(a) {
		b = append(graph.Shape{1}, b...)
	}
	a = append(graph.Shape{}, a...)
	for i := 0; i+1 < len(a); {
		if a[i+1] == b[i+1] || b[i] == 1 && b[i+1] == 1 { // tiling of the pair is tiling of the merged axis
			a[i], b[i] = a[i]*a[i+1], b[i]*b[i+1]
			a, b = append(a[:i+1], a[i+2:]...), append(b[:i+1], b[i+2:]...)
			continue
		}
		i++
	}
	if len(a) < 4 && b[0] != 1 { // whole periods of b on an axis of their own, along which to split
		a = append(graph.Shape{a[0] / b[0], b[0]}, a[1:]...)
		b = append(graph.Shape{1}, b...)
	}
	if len(a) > 4 {
		return a4, b4, fmt.Errorf("tiling %v over %v needs more than four axes: %w", b, a, engine.ErrUnsupported)
	}
	for i := range a4 {
		a4[i], b4[i] = 1, 1
	}
	a4[0], b4[0] = a[0], b[0]
	copy(a4[5-len(a):], a[1:])
	copy(b4[5-len(b):], b[1:])
	return a4, b4, nil
}
