package graph

import "math"

// Parts of lists, and what gathers gradients of rows.

// EmbedGradWord is the gradient of [Embed] with respect to the words: g [B, T, C], ids
// [B, T] -> [Rows, C], a row being the sum over the tokens that read it. Row 0, that of
// padding, gets none (padding_idx of nn.Embedding).
type EmbedGradWord struct{ Rows int }

// Kind implements [Op].
func (EmbedGradWord) Kind() string { return "embedgradword" }

func (EmbedGradWord) takes() (least, most int) { return 2, 2 }
func (o EmbedGradWord) infer(in []Shape) (Shape, error) {
	g, ids := in[0], in[1]
	if len(g) != 3 || !ids.Equal(g[:2]) || o.Rows < 1 {
		return refuse("gradient %v and ids %v for %d rows, want [B, T, C] and [B, T]", g, ids, o.Rows)
	}
	return Shape{o.Rows, g[2]}, nil
}

// EmbedGradWord records [EmbedGradWord].
func (b *Builder) EmbedGradWord(g, ids Value, rows int) Value {
	return b.add(EmbedGradWord{rows}, g, ids)
}

// SliceChannels takes Count channels from Begin on: [..., C] -> [..., Count].
type SliceChannels struct{ Begin, Count int }

// Kind implements [Op].
func (SliceChannels) Kind() string { return "slicechannels" }

func (o SliceChannels) infer(in []Shape) (Shape, error) {
	x := in[0]
	if len(x) < 1 || o.Begin < 0 || o.Count < 1 || o.Count > x.Last() || o.Begin > x.Last()-o.Count {
		return refuse("%d channels from %d on of %v", o.Count, o.Begin, x)
	}
	return append(append(Shape{}, x[:len(x)-1]...), o.Count), nil
}

// SliceChannels records [SliceChannels].
func (b *Builder) SliceChannels(x Value, begin, count int) Value {
	return b.add(SliceChannels{begin, count}, x)
}

// ConcatChannels puts channels one after the other: operands [..., C], alike but for C ->
// [..., sum of C].
type ConcatChannels struct{}

// Kind implements [Op].
func (ConcatChannels) Kind() string { return "concatchannels" }

func (ConcatChannels) takes() (least, most int) { return 1, math.MaxInt }
func (ConcatChannels) infer(in []Shape) (Shape, error) {
	channels := 0
	for _, x := range in {
		if len(x) < 1 || len(x) != len(in[0]) || !x[:len(x)-1].Equal(in[0][:len(x)-1]) {
			return refuse("operand %v beside %v, want the same but for the last", x, in[0])
		}
		channels += x.Last()
	}
	return append(append(Shape{}, in[0][:len(in[0])-1]...), channels), nil
}

// ConcatChannels records [ConcatChannels].
func (b *Builder) ConcatChannels(parts ...Value) Value { return b.add(ConcatChannels{}, parts...) }
