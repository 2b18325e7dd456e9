package graph

import "math"

// Lists of tokens, and elements in another order.

// Embed is the sum of a token's, its type's (0) and its position's row
// (BertEmbeddings before its norm): ids [B, T], whole numbers held in float32, word
// [V, C], type [>=1, C], position [>=T, C] -> [B, T, C]. An id that is no row of the
// words counts as the nearest that is, NaN as 0.
type Embed struct{}

// Kind implements [Op].
func (Embed) Kind() string { return "embed" }

func (Embed) takes() (least, most int) { return 4, 4 }
func (Embed) infer(in []Shape) (Shape, error) {
	ids, c := in[0], in[1].Last()
	if len(ids) != 2 {
		return refuse("ids %v, want [B, T]", ids)
	}
	for i, least := range []int{1, 1, ids[1]} {
		if table := in[i+1]; len(table) != 2 || table[1] != c || table[0] < least {
			return refuse("table %v, want at least [%d, %d]", table, least, c)
		}
	}
	return Shape{ids[0], ids[1], c}, nil
}

// Embed records [Embed].
func (b *Builder) Embed(ids, word, kind, position Value) Value {
	return b.add(Embed{}, ids, word, kind, position)
}

// ConcatTokens puts maps or token lists one after the other: operands [B, ..., C] of
// any rank from 2 -> [B, S, C], S the sum of the products of the sizes between.
type ConcatTokens struct{}

// Kind implements [Op].
func (ConcatTokens) Kind() string { return "concattokens" }

func (ConcatTokens) takes() (least, most int) { return 0, math.MaxInt }
func (ConcatTokens) infer(in []Shape) (Shape, error) {
	if len(in) == 0 {
		return refuse("no operands")
	}
	tokens := 0
	for _, x := range in {
		if len(x) < 2 || x[0] != in[0][0] || x.Last() != in[0].Last() {
			return refuse("operand %v beside %v, want the same B and C", x, in[0])
		}
		tokens += x[1 : len(x)-1].Elements()
	}
	return Shape{in[0][0], tokens, in[0].Last()}, nil
}

// ConcatTokens records [ConcatTokens].
func (b *Builder) ConcatTokens(parts ...Value) Value { return b.add(ConcatTokens{}, parts...) }

// SliceTokens takes Height*Width tokens from Begin on as a map: [B, S, C] -> [B, Height, Width, C].
type SliceTokens struct{ Begin, Height, Width int }

// Kind implements [Op].
func (SliceTokens) Kind() string { return "slicetokens" }

func (o SliceTokens) infer(in []Shape) (Shape, error) {
	if err := ranked(in[0], 3, "[B, S, C]"); err != nil {
		return nil, err
	}
	if n := in[0][1]; o.Begin < 0 || o.Height < 1 || o.Width < 1 || o.Height > n || o.Width > n || o.Begin > n-o.Height*o.Width {
		return refuse("a map of %d x %d from token %d of %d", o.Height, o.Width, o.Begin, n)
	}
	return Shape{in[0][0], o.Height, o.Width, in[0][2]}, nil
}

// SliceTokens records [SliceTokens].
func (b *Builder) SliceTokens(x Value, o SliceTokens) Value { return b.add(o, x) }

// Reshape changes the sizes and leaves the elements in their order.
type Reshape struct{ To Shape }

// Kind implements [Op].
func (Reshape) Kind() string { return "reshape" }

func (o Reshape) infer(in []Shape) (Shape, error) {
	if err := o.To.check(); err != nil {
		return nil, err
	}
	if in[0].Elements() != o.To.Elements() {
		return refuse("%v has %d elements, %v has %d", in[0], in[0].Elements(), o.To, o.To.Elements())
	}
	return o.To, nil
}

// Reshape records [Reshape].
func (b *Builder) Reshape(x Value, to ...int) Value { return b.add(Reshape{to}, x) }

// SwapLast swaps the last two axes: [..., a, b] -> [..., b, a].
type SwapLast struct{}

// Kind implements [Op].
func (SwapLast) Kind() string { return "swaplast" }

func (SwapLast) infer(in []Shape) (Shape, error) {
	n := len(in[0])
	if n < 2 {
		return refuse("%v has fewer than two axes", in[0])
	}
	y := append(Shape{}, in[0]...)
	y[n-2], y[n-1] = y[n-1], y[n-2]
	return y, nil
}

// SwapLast records [SwapLast].
func (b *Builder) SwapLast(x Value) Value { return b.add(SwapLast{}, x) }
