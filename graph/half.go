package graph

import "cmp"

// PackHalves stores x, of any shape whose elements are a multiple of four, as 16-bit floats, two in a word of 32 bits, the first in its
// lower half: -> [elements/2], which are bits and no numbers. It rounds to the nearest, ties to even; what is finite and beyond
// ±65504 becomes that.
type PackHalves struct{}

func (PackHalves) valid(in []Shape, _ *sizes) error { return fours(in[0].Elements()) }
func (PackHalves) infer(in []Shape, _ *sizes) Shape { return Shape{in[0].Elements() / 2} }

// UnpackHalves is what [PackHalves] stored, in 32 bits again: [elements/2] -> To.
type UnpackHalves struct{ To Shape }

func (o UnpackHalves) valid(in []Shape, _ *sizes) error {
	if err := cmp.Or(o.To.check(), fours(o.To.Elements())); err != nil {
		return err
	}
	want := Shape{o.To.Elements() / 2}
	return must(in[0].Equal(want), "words %v of halves, want %v", in[0], want)
}
func (o UnpackHalves) infer([]Shape, *sizes) Shape { return o.To }

func fours(elements int) error {
	return must(elements%4 == 0, "%d elements, want a multiple of 4", elements)
}
