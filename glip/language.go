package glip

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// clampLimit bounds scores and text activations of the tower (CLAMP_MIN_FOR_UNDERFLOW
// and its kin: values beyond overflow 16-bit floats).
const clampLimit = 50000

// Masked is the mask of a token that is padding; that of a real one is 0. It is added to
// the scores of a token as a key, whose weight is then exactly 0: exp of it, beside any
// score that a caption has, is 0 in 16 and 32 bits. It is as far as the tower's clamp, which
// follows here and comes before the mask in the original, and a 16-bit float holds it.
const Masked = -clampLimit

// language records the text encoder (transformers, models/bert/modeling_bert.py): ids
// and mask [B, T] to hidden [B, T, D]. Padding is no key of any real token, so a caption
// gives the same at its own length as padded to any other.
func (m model) language(b *graph.Builder, ids, mask graph.Value) graph.Value {
	t := m.cfg.Text
	b = b.In("language_backbone", "body", "model")
	e := b.In("embeddings")
	x := e.Embed(ids,
		e.In("word_embeddings").Param("weight", t.VocabSize, t.Hidden),
		e.In("token_type_embeddings").Param("weight", 2, t.Hidden),
		e.In("position_embeddings").Param("weight", t.MaxPositions, t.Hidden)) // [B, T, D]
	x = m.dice.Thin(e, e.In("LayerNorm").LayerNorm(x, t.Eps), m.random.Language)
	for i := range t.Layers {
		x = m.textLayer(b.In("encoder", "layer", i), x, mask, unclamped)
	}
	return x
}

// clamping says whether a text layer clamps: those of the tower do.
type clamping bool

const (
	unclamped clamping = false
	clamped   clamping = true
)

// clamp records a clamp below a scope where there is to be one.
func (c clamping) clamp(b *graph.Builder, x graph.Value) graph.Value {
	if c == unclamped {
		return x
	}
	return b.In("clamped").Clamp(x, clampLimit)
}

// textLayer records one layer of a BERT: attention and a perceptron, each with the norm
// after its residual. The tower's copy (maskrcnn_benchmark/modeling/rpn/modeling_bert.py)
// clamps the scores and, in the perceptron, whatever it computes. x is [B, T, D], mask [B, T].
func (m model) textLayer(b *graph.Builder, x, mask graph.Value, c clamping) graph.Value {
	t, rate := m.cfg.Text, m.random.Language
	if c == clamped {
		rate = m.random.Tower
	}
	self, out := b.In("attention", "self"), b.In("attention", "output")
	q := self.In("query").Linear(x, t.Hidden, graph.WithBias)
	k := self.In("key").Linear(x, t.Hidden, graph.WithBias)
	v := self.In("value").Linear(x, t.Hidden, graph.WithBias)
	scores := self.In("scores").CrossScores(q, k, graph.CrossScores{
		Heads: t.Heads, Scale: 1 / math.Sqrt(float64(t.Hidden)/float64(t.Heads)),
	}, mask) // [B, h, T, T]
	p := m.dice.Thin(self, self.In("softmax").Softmax(c.clamp(self.In("scores"), scores)), rate)
	y := self.CrossContext(p, v, t.Heads) // [B, T, D]
	y = m.dice.Thin(out, out.In("dense").Linear(y, t.Hidden, graph.WithBias), rate)
	y = out.In("residual").Add(y, x)
	y = out.In("LayerNorm").LayerNorm(y, t.Eps)

	inner, last := b.In("intermediate"), b.In("output")
	z := inner.In("dense").Linear(y, t.Intermediate, graph.WithBias) // [B, T, F]
	z = inner.In("gelu").GELU(c.clamp(inner.In("dense"), z))
	z = c.clamp(inner, z)
	z = last.In("dense").Linear(z, t.Hidden, graph.WithBias)
	z = m.dice.Thin(last, c.clamp(last.In("dense"), z), rate)
	z = last.In("residual").Add(z, y)
	return c.clamp(last, last.In("LayerNorm").LayerNorm(z, t.Eps))
}
