package graph

import "cmp"

// The products between pictures and text. Those that take in a projection have no verb: no model
// records them, but package rewrite does ([Builder.Record]).

// CrossScores is (q * Scale) kᵀ of each head: q [B, n, E], k [B, m, E], channel
// head*d + e, optional bias [B, m] added to every row
// of a picture -> [B, h, n, m].
type CrossScores struct {
	Heads int
	Scale float64
}

func (CrossScores) takes(n int) []string { return optional(n, "BnE", "BmE", "Bm") }
func (o CrossScores) valid(_ []Shape, s *sizes) error {
	return cmp.Or(finite(o.Scale), headed(o.Heads, s['E']))
}
func (o CrossScores) infer(_ []Shape, s *sizes) Shape { return Shape{s['B'], o.Heads, s['n'], s['m']} }

func (o CrossScores) inner(in []Shape) int { return in[0][2] / o.Heads }

// CrossScores records [CrossScores]; bias holds one value or none.
func (b *Builder) CrossScores(q, k Value, o CrossScores, bias ...Value) Value {
	return b.Record(o, append([]Value{q, k}, bias...)...)
}

// CrossContext is the weighted sum of values with heads joined: probabilities
// [B, h, n, m], v [B, m, E], optional bias [E] -> [B, n, E].
type CrossContext struct{ Heads int }

func (CrossContext) takes(n int) []string { return optional(n, "Bhnm", "BmE", "E") }

func (o CrossContext) valid(in []Shape, s *sizes) error {
	return cmp.Or(headed(o.Heads, s['E']), must(s['h'] == o.Heads, "probabilities %v, want [B, %d, n, m]", in[0], o.Heads))
}

func (CrossContext) infer(_ []Shape, s *sizes) Shape { return Shape{s['B'], s['n'], s['E']} }

func (CrossContext) inner(in []Shape) int { return in[0][3] }

// CrossContext records [CrossContext]; bias holds one value or none.
func (b *Builder) CrossContext(probabilities, v Value, heads int, bias ...Value) Value {
	return b.Record(CrossContext{heads}, append([]Value{probabilities, v}, bias...)...)
}

// AbsorbKeys is the text side of a product that has taken in the projection of the
// other side: k [B, T, E], W [E, C] -> [B, h*T, C], row head*T + t being
// Scale * sum over e of k[t, head*d + e] * W[head*d + e, :]. Then
// (x Wᵀ)·k of a head is x·row, for all x.
type AbsorbKeys struct {
	Heads int
	Scale float64
}

func (AbsorbKeys) takes(int) []string { return []string{"BTE", "EC"} }
func (o AbsorbKeys) valid(_ []Shape, s *sizes) error {
	return cmp.Or(finite(o.Scale), headed(o.Heads, s['E']))
}
func (o AbsorbKeys) infer(_ []Shape, s *sizes) Shape { return Shape{s['B'], o.Heads * s['T'], s['C']} }

func (o AbsorbKeys) inner(in []Shape) int { return in[0][2] / o.Heads }

// AbsorbBias is AbsorbKeys for the projection's bias, plus what each token has of its own:
// k [B, T, E], b [E], optional mask [B, T] -> [B, h*T], element head*T + t being
// Scale * sum over e of k[t, head*d + e] * b[head*d + e] + mask[t].
type AbsorbBias struct {
	Heads int
	Scale float64
}

func (AbsorbBias) takes(n int) []string { return optional(n, "BTE", "E", "BT") }
func (o AbsorbBias) valid(_ []Shape, s *sizes) error {
	return cmp.Or(finite(o.Scale), headed(o.Heads, s['E']))
}
func (o AbsorbBias) infer(_ []Shape, s *sizes) Shape { return Shape{s['B'], o.Heads * s['T']} }

func (o AbsorbBias) inner(in []Shape) int { return in[0][2] / o.Heads }

// AbsorbValues is the value side that has taken in the output projection: v [B, T, E],
// W [C, E] -> [B, h*T, C], row head*T + t being sum over e of v[t, head*d + e] * W[:, head*d + e].
type AbsorbValues struct{ Heads int }

func (AbsorbValues) takes(int) []string                { return []string{"BTE", "CE"} }
func (o AbsorbValues) valid(_ []Shape, s *sizes) error { return headed(o.Heads, s['E']) }
func (o AbsorbValues) infer(_ []Shape, s *sizes) Shape {
	return Shape{s['B'], o.Heads * s['T'], s['C']}
}

func (o AbsorbValues) inner(in []Shape) int { return in[0][2] / o.Heads }

// HeadLinear projects each head's rows by its part of a weight: x [B, h*T, C], W [E, C],
// bias [E] -> [B, T, E], element head*d + e of token t being x[head*T + t]·W[head*d + e] + bias.
type HeadLinear struct{ Heads int }

func (HeadLinear) takes(int) []string { return []string{"BRC", "EC", "E"} }
func (o HeadLinear) valid(_ []Shape, s *sizes) error {
	return cmp.Or(headed(o.Heads, s['R']), headed(o.Heads, s['E']))
}
func (o HeadLinear) infer(_ []Shape, s *sizes) Shape { return Shape{s['B'], s['R'] / o.Heads, s['E']} }

func (HeadLinear) inner(in []Shape) int { return in[0][2] }
