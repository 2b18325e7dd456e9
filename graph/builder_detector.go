package graph

// Conv records [Conv] to features outputs with a kernel of side size and the weights
// "weight" and, if bias is [WithBias], "bias" of this scope.
func (b *Builder) Conv(x Value, features, size int, o Conv, bias Bias) Value {
	w := b.Param("weight", features, x.shape.Last(), size, size)
	if bias == NoBias {
		return b.add(o, x, w)
	}
	return b.add(o, x, w, b.Param("bias", features))
}

// DeformConv records [DeformConv] with the weights "weight" and "bias" of this scope.
func (b *Builder) DeformConv(x, om Value, features, size int, o DeformConv) Value {
	w := b.Param("weight", features, x.shape.Last(), size, size)
	return b.add(o, x, om, w, b.Param("bias", features))
}

// Sigmoid records [Sigmoid].
func (b *Builder) Sigmoid(x Value, from int) Value { return b.add(Sigmoid{from}, x) }

// GroupNorm records [GroupNorm] with the weights "weight" and "bias" of this scope.
func (b *Builder) GroupNorm(x Value, o GroupNorm) Value {
	c := x.shape.Last()
	return b.add(o, x, b.Param("weight", c), b.Param("bias", c))
}

// ResizeNearest records [ResizeNearest].
func (b *Builder) ResizeNearest(x Value, height, width int) Value {
	return b.add(ResizeNearest{height, width}, x)
}

// ResizeBilinear records [ResizeBilinear].
func (b *Builder) ResizeBilinear(x Value, height, width int) Value {
	return b.add(ResizeBilinear{height, width}, x)
}

// ReLU records [ReLU].
func (b *Builder) ReLU(x Value) Value { return b.add(ReLU{}, x) }

// HardSigmoid records [HardSigmoid].
func (b *Builder) HardSigmoid(x Value) Value { return b.add(HardSigmoid{}, x) }

// GlobalMean records [GlobalMean].
func (b *Builder) GlobalMean(x Value) Value { return b.add(GlobalMean{}, x) }

// WeightedMean records [WeightedMean]: maps and gates in turn.
func (b *Builder) WeightedMean(branches ...Value) Value { return b.add(WeightedMean{}, branches...) }

// DynamicReLU records [DynamicReLU].
func (b *Builder) DynamicReLU(x, coefficients Value) Value {
	return b.add(DynamicReLU{}, x, coefficients)
}

// ConcatTokens records [ConcatTokens].
func (b *Builder) ConcatTokens(parts ...Value) Value { return b.add(ConcatTokens{}, parts...) }

// SliceTokens records [SliceTokens].
func (b *Builder) SliceTokens(x Value, o SliceTokens) Value { return b.add(o, x) }

// Reshape records [Reshape].
func (b *Builder) Reshape(x Value, to ...int) Value { return b.add(Reshape{to}, x) }

// Embed records [Embed].
func (b *Builder) Embed(ids, word, kind, position Value) Value {
	return b.add(Embed{}, ids, word, kind, position)
}

// CrossScores records [CrossScores]; bias holds one value or none.
func (b *Builder) CrossScores(q, k Value, o CrossScores, bias ...Value) Value {
	return b.add(o, append([]Value{q, k}, bias...)...)
}

// SwapLast records [SwapLast].
func (b *Builder) SwapLast(x Value) Value { return b.add(SwapLast{}, x) }

// Clamp records [Clamp].
func (b *Builder) Clamp(x Value, limit float64) Value { return b.add(Clamp{limit}, x) }

// CrossContext records [CrossContext]; bias holds one value or none.
func (b *Builder) CrossContext(probabilities, v Value, heads int, bias ...Value) Value {
	return b.add(CrossContext{heads}, append([]Value{probabilities, v}, bias...)...)
}

// AddScaled records [AddScaled].
func (b *Builder) AddScaled(x, y, gamma Value) Value { return b.add(AddScaled{}, x, y, gamma) }

// Normalize records [Normalize].
func (b *Builder) Normalize(x Value, eps float64) Value { return b.add(Normalize{eps}, x) }

// Scale records [Scale].
func (b *Builder) Scale(x Value, factor float64) Value { return b.add(Scale{factor}, x) }

// MulScalar records [MulScalar].
func (b *Builder) MulScalar(x, s Value) Value { return b.add(MulScalar{}, x, s) }

// TokenWeights are the weights of [TokenLogits].
type TokenWeights struct{ BiasLang, Bias0, LogScale Value }

// TokenLogits records [TokenLogits]; tokens are normalised, projected ones made of them.
func (b *Builder) TokenLogits(x, projected, tokens Value, w TokenWeights, o TokenLogits) Value {
	return b.add(o, x, projected, tokens, w.BiasLang, w.Bias0, w.LogScale)
}

// PhraseScores records [PhraseScores].
func (b *Builder) PhraseScores(logits, owned Value, o PhraseScores) Value {
	return b.add(o, logits, owned)
}

// Candidates records [Candidates].
func (b *Builder) Candidates(scores, centerness, deltas Value, o Candidates) Value {
	return b.add(o, scores, centerness, deltas)
}

// AbsorbKeys records [AbsorbKeys].
func (b *Builder) AbsorbKeys(k, weight Value, o AbsorbKeys) Value { return b.add(o, k, weight) }

// AbsorbBias records [AbsorbBias].
func (b *Builder) AbsorbBias(k, bias Value, o AbsorbBias) Value { return b.add(o, k, bias) }

// AbsorbValues records [AbsorbValues].
func (b *Builder) AbsorbValues(v, weight Value, heads int) Value {
	return b.add(AbsorbValues{heads}, v, weight)
}

// HeadLinear records [HeadLinear].
func (b *Builder) HeadLinear(x, weight, bias Value, heads int) Value {
	return b.add(HeadLinear{heads}, x, weight, bias)
}
