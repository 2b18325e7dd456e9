package graph

import (
	"cmp"
	"slices"
)

// Lists of tokens, and elements in another order.

// Embed is the sum of a token's, its type's (0) and its position's row
// (BertEmbeddings before its norm): ids [B, T], whole numbers held in float32, word
// [V, C], type [>=1, C], position [>=T, C] -> [B, T, C]. An id that is no row of the
// words counts as the nearest that is, NaN as 0.
type Embed struct{}

func (Embed) takes(int) []string { return []string{"BT", "VC", "tC", "PC"} }
func (Embed) valid(_ []Shape, s *sizes) error {
	return must(s['P'] >= s['T'], "%d positions, want at least %d", s['P'], s['T'])
}
func (Embed) infer(_ []Shape, s *sizes) Shape { return Shape{s['B'], s['T'], s['C']} }

// Embed records [Embed].
func (b *Builder) Embed(ids, word, kind, position Value) Value {
	return b.Record(Embed{}, ids, word, kind, position)
}

// ConcatTokens puts maps or token lists one after the other: operands [B, ..., C] of
// any rank from 2 -> [B, S, C], S the sum of the products of the sizes between.
type ConcatTokens struct{}

func (ConcatTokens) takes(n int) []string { return slices.Repeat([]string{"B*C"}, max(n, 1)) }

func (ConcatTokens) infer(in []Shape, s *sizes) Shape {
	tokens := 0
	for _, x := range in {
		tokens += x[1 : len(x)-1].Elements()
	}
	return Shape{s['B'], tokens, s['C']}
}

// ConcatTokens records [ConcatTokens].
func (b *Builder) ConcatTokens(parts ...Value) Value { return b.Record(ConcatTokens{}, parts...) }

// SliceTokens takes Height*Width tokens from Begin on as a map: [B, S, C] -> [B, Height, Width, C].
type SliceTokens struct{ Begin, Height, Width int }

func (SliceTokens) takes(int) []string { return []string{"BSC"} }

func (o SliceTokens) valid(_ []Shape, s *sizes) error {
	n := s['S']
	return must(o.Begin >= 0 && o.Height >= 1 && o.Width >= 1 && o.Height <= n && o.Width <= n && o.Begin <= n-o.Height*o.Width,
		"a map of %d x %d from token %d of %d", o.Height, o.Width, o.Begin, n)
}

func (o SliceTokens) infer(_ []Shape, s *sizes) Shape {
	return Shape{s['B'], o.Height, o.Width, s['C']}
}

// SliceTokens records [SliceTokens].
func (b *Builder) SliceTokens(x Value, o SliceTokens) Value { return b.Record(o, x) }

// Reshape changes the sizes and leaves the elements in their order.
type Reshape struct{ To Shape }

func (o Reshape) valid(in []Shape, _ *sizes) error {
	return cmp.Or(o.To.check(), must(in[0].Elements() == o.To.Elements(), "%v has %d elements, %v has %d", in[0], in[0].Elements(), o.To, o.To.Elements()))
}

func (o Reshape) infer([]Shape, *sizes) Shape { return o.To }

// Reshape records [Reshape].
func (b *Builder) Reshape(x Value, to ...int) Value { return b.Record(Reshape{to}, x) }

// SwapLast swaps the last two axes: [..., a, b] -> [..., b, a].
type SwapLast struct{}

func (SwapLast) takes(int) []string { return []string{"*ab"} }
func (SwapLast) infer(in []Shape, s *sizes) Shape {
	return append(slices.Clone(in[0][:len(in[0])-2]), s['b'], s['a'])
}

// SwapLast records [SwapLast].
func (b *Builder) SwapLast(x Value) Value { return b.Record(SwapLast{}, x) }
