package graph

// The products between pictures and text.

// CrossScores is (q * Scale) kᵀ of each head: q [B, n, E], k [B, m, E], channel
// head*d + e, optional bias [B, m] added to every row
// of a picture -> [B, h, n, m].
type CrossScores struct {
	Heads int
	Scale float64
}

// Kind implements [Op].
func (CrossScores) Kind() string { return "crossscores" }

func (CrossScores) takes() (least, most int) { return 2, 3 }
func (o CrossScores) infer(in []Shape) (Shape, error) {
	if err := finite(o.Scale); err != nil {
		return nil, err
	}
	q, k := in[0], in[1]
	if len(q) != 3 || len(k) != 3 || q[0] != k[0] || q[2] != k[2] || o.Heads < 1 || q[2]%o.Heads != 0 {
		return refuse("queries %v and keys %v, want [B, n, E] and [B, m, E] with E a multiple of %d heads", q, k, o.Heads)
	}
	if len(in) == 3 && !in[2].Equal(k[:2]) {
		return refuse("bias %v, want %v", in[2], k[:2])
	}
	return Shape{q[0], o.Heads, q[1], k[1]}, nil
}

func (o CrossScores) inner(in []Shape) int { return in[0][2] / o.Heads }

// CrossScores records [CrossScores]; bias holds one value or none.
func (b *Builder) CrossScores(q, k Value, o CrossScores, bias ...Value) Value {
	return b.add(o, append([]Value{q, k}, bias...)...)
}

// CrossContext is the weighted sum of values with heads joined: probabilities
// [B, h, n, m], v [B, m, E], optional bias [E] -> [B, n, E].
type CrossContext struct{ Heads int }

// Kind implements [Op].
func (CrossContext) Kind() string { return "crosscontext" }

func (CrossContext) takes() (least, most int) { return 2, 3 }
func (o CrossContext) infer(in []Shape) (Shape, error) {
	p, v := in[0], in[1]
	if len(p) != 4 || len(v) != 3 || p[0] != v[0] || p[1] != o.Heads || o.Heads < 1 || p[3] != v[1] || v[2]%o.Heads != 0 {
		return refuse("probabilities %v and values %v, want [B, %d, n, m] and [B, m, E]", p, v, o.Heads)
	}
	if len(in) == 3 && !in[2].Equal(Shape{v[2]}) {
		return refuse("bias %v, want [%d]", in[2], v[2])
	}
	return Shape{p[0], p[2], v[2]}, nil
}

func (CrossContext) inner(in []Shape) int { return in[0][3] }

// CrossContext records [CrossContext]; bias holds one value or none.
func (b *Builder) CrossContext(probabilities, v Value, heads int, bias ...Value) Value {
	return b.add(CrossContext{heads}, append([]Value{probabilities, v}, bias...)...)
}

// AbsorbKeys is the text side of a product that has taken in the projection of the
// other side: k [B, T, E], W [E, C] -> [B, h*T, C], row head*T + t being
// Scale * sum over e of k[t, head*d + e] * W[head*d + e, :]. Then
// (x Wᵀ)·k of a head is x·row, for all x.
type AbsorbKeys struct {
	Heads int
	Scale float64
}

// Kind implements [Op].
func (AbsorbKeys) Kind() string { return "absorbkeys" }

// absorbed is the shape of keys or values with a projection of C channels taken in.
func absorbed(x Shape, heads, channels int) (Shape, error) {
	if len(x) != 3 || heads < 1 || x[2]%heads != 0 {
		return refuse("operand %v, want [B, T, E] with E a multiple of %d heads", x, heads)
	}
	return Shape{x[0], heads * x[1], channels}, nil
}

func (AbsorbKeys) takes() (least, most int) { return 2, 2 }
func (o AbsorbKeys) infer(in []Shape) (Shape, error) {
	if err := finite(o.Scale); err != nil {
		return nil, err
	}
	if len(in[1]) != 2 || in[1][0] != in[0].Last() {
		return refuse("weight %v, want [%d, C]", in[1], in[0].Last())
	}
	return absorbed(in[0], o.Heads, in[1][1])
}

func (o AbsorbKeys) inner(in []Shape) int { return in[0][2] / o.Heads }

// AbsorbKeys records [AbsorbKeys].
func (b *Builder) AbsorbKeys(k, weight Value, o AbsorbKeys) Value { return b.add(o, k, weight) }

// AbsorbBias is AbsorbKeys for the projection's bias, plus what each token has of its own:
// k [B, T, E], b [E], optional mask [B, T] -> [B, h*T], element head*T + t being
// Scale * sum over e of k[t, head*d + e] * b[head*d + e] + mask[t].
type AbsorbBias struct {
	Heads int
	Scale float64
}

// Kind implements [Op].
func (AbsorbBias) Kind() string { return "absorbbias" }

func (AbsorbBias) takes() (least, most int) { return 2, 3 }
func (o AbsorbBias) infer(in []Shape) (Shape, error) {
	if err := finite(o.Scale); err != nil {
		return nil, err
	}
	k := in[0]
	y, err := absorbed(k, o.Heads, 1)
	if err != nil {
		return nil, err
	}
	if !in[1].Equal(Shape{k[2]}) || len(in) == 3 && !in[2].Equal(k[:2]) {
		return refuse("keys %v, bias and mask %v, want [B, T, E], [E] and [B, T]", k, in[1:])
	}
	return y[:2], nil
}

func (o AbsorbBias) inner(in []Shape) int { return in[0][2] / o.Heads }

// AbsorbBias records [AbsorbBias]; mask holds one value or none.
func (b *Builder) AbsorbBias(k, bias Value, o AbsorbBias, mask ...Value) Value {
	return b.add(o, append([]Value{k, bias}, mask...)...)
}

// AbsorbValues is the value side that has taken in the output projection: v [B, T, E],
// W [C, E] -> [B, h*T, C], row head*T + t being sum over e of v[t, head*d + e] * W[:, head*d + e].
type AbsorbValues struct{ Heads int }

// Kind implements [Op].
func (AbsorbValues) Kind() string { return "absorbvalues" }

func (AbsorbValues) takes() (least, most int) { return 2, 2 }
func (o AbsorbValues) infer(in []Shape) (Shape, error) {
	if len(in[1]) != 2 || in[1][1] != in[0].Last() {
		return refuse("weight %v, want [C, %d]", in[1], in[0].Last())
	}
	return absorbed(in[0], o.Heads, in[1][0])
}

func (o AbsorbValues) inner(in []Shape) int { return in[0][2] / o.Heads }

// AbsorbValues records [AbsorbValues].
func (b *Builder) AbsorbValues(v, weight Value, heads int) Value {
	return b.add(AbsorbValues{heads}, v, weight)
}

// HeadLinear projects each head's rows by its part of a weight: x [B, h*T, C], W [E, C],
// bias [E] -> [B, T, E], element head*d + e of token t being x[head*T + t]·W[head*d + e] + bias.
type HeadLinear struct{ Heads int }

// Kind implements [Op].
func (HeadLinear) Kind() string { return "headlinear" }

func (HeadLinear) takes() (least, most int) { return 3, 3 }
func (o HeadLinear) infer(in []Shape) (Shape, error) {
	x, w := in[0], in[1]
	if len(x) != 3 || len(w) != 2 || w[1] != x[2] || o.Heads < 1 || x[1]%o.Heads != 0 || w[0]%o.Heads != 0 || !in[2].Equal(Shape{w[0]}) {
		return refuse("rows %v, weight %v and bias %v, want [B, %d*T, C], [E, C] and [E]", x, w, in[2], o.Heads)
	}
	return Shape{x[0], x[1] / o.Heads, w[0]}, nil
}

func (HeadLinear) inner(in []Shape) int { return in[0][2] }

// HeadLinear records [HeadLinear].
func (b *Builder) HeadLinear(x, weight, bias Value, heads int) Value {
	return b.add(HeadLinear{heads}, x, weight, bias)
}
