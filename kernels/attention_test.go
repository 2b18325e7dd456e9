package kernels_test

import (
	"fmt"
	"math"

	"github.com/glipvk/glipvk/graph"
)

// attentionCase is windows of n tokens with heads of the given size.
type attentionCase struct {
	windows, tokens, heads, size int
	card                         bool
	fill                         fill
	name                         string
}

// attentionShapes are windows of side 7 and 12 as in Swin, small and odd ones, heads of
// no multiple of 4 (the scalar variants) and single tokens.
func attentionShapes() []attentionCase {
	return []attentionCase{
		{windows: 4, tokens: 49, heads: 3, size: 32, card: true},
		{windows: 1, tokens: 144, heads: 2, size: 32},
		{windows: 3, tokens: 16, heads: 1, size: 24},
		{windows: 24, tokens: 16, heads: 2, size: 8},
		{windows: 2, tokens: 49, heads: 2, size: 6, card: true},
		{windows: 2, tokens: 1, heads: 5, size: 4},
		{windows: 5, tokens: 9, heads: 1, size: 3},
		{windows: 2, tokens: 49, heads: 2, size: 32, fill: spoiled("qkv"), name: " NaN"},
	}
}

func (c attentionCase) String() string {
	return fmt.Sprintf("%d windows of %d, %d heads of %d%s", c.windows, c.tokens, c.heads, c.size, c.name)
}

func (c attentionCase) qkv(b *graph.Builder) graph.Value {
	return b.In("qkv").Input(c.windows, c.tokens, 3*c.heads*c.size)
}

func scoresCases() []opCase {
	var list []opCase
	for _, c := range attentionShapes() {
		list = append(list, opCase{op: "scores", name: c.String(), bound: product(c.size), card: c.card, fill: c.fill, record: func(b *graph.Builder) {
			b.Output(b.In("y").Scores(c.qkv(b), graph.Scores{Heads: c.heads, Scale: 1 / math.Sqrt(float64(c.size))}))
		}})
	}
	return list
}

// contextCases leave out an infinity among the values: beyond the last token the
// probability is taken as 0 and the value as the last one's (include/gemm.glsl), and 0
// times infinity is NaN where the oracle has infinity.
func contextCases() []opCase {
	var list []opCase
	for _, c := range attentionShapes() {
		if c.fill != nil {
			c.fill = spoiled("p")
		}
		list = append(list, opCase{op: "context", name: c.String(), bound: product(c.tokens), card: c.card, fill: c.fill, record: func(b *graph.Builder) {
			p := b.In("p").Input(c.windows, c.heads, c.tokens, c.tokens)
			b.Output(b.In("y").Context(p, c.qkv(b), c.heads))
		}})
	}
	return list
}

// biasCases are the relative position bias and the shift mask spelt out, both exact.
func biasCases() []opCase {
	var list []opCase
	for _, c := range [][2]int{{7, 3}, {12, 2}, {4, 12}, {2, 5}, {1, 1}} {
		list = append(list, opCase{op: "positionbias", name: fmt.Sprintf("window %d, %d heads", c[0], c[1]), fill: ramp, card: c[0] == 7, record: func(b *graph.Builder) {
			table := b.Param("table", (2*c[0]-1)*(2*c[0]-1), c[1])
			b.Output(b.In("y").PositionBias(table, c[0]))
		}})
	}
	for _, o := range []graph.ShiftMask{
		{Height: 14, Width: 21, Size: 7, Shift: 3}, {Height: 24, Width: 12, Size: 12, Shift: 6},
		{Height: 4, Width: 4, Size: 4, Shift: 1}, {Height: 12, Width: 8, Size: 4, Shift: 3}, {Height: 2, Width: 2, Size: 2, Shift: 1},
	} {
		list = append(list, opCase{op: "shiftmask", name: fmt.Sprintf("%+v", o), card: o.Size == 7, record: func(b *graph.Builder) {
			b.Output(b.In("y").ShiftMask(o))
		}})
	}
	return list
}
