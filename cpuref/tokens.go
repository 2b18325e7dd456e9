package cpuref

import "github.com/glipvk/glipvk/graph"

// token is row i of picture b of tokens [B, S, C] or a map [B, H, W, C].
func (t tensor) token(b, i int) []float32 {
	channels := t.shape.Last()
	return t.data[b*t.shape[1:].Elements()+i*channels:][:channels]
}

// concatTokens puts the operands [B, ..., C] one after the other: y [B, S, C].
func concatTokens(y tensor, parts ...tensor) rows {
	tokens := y.shape[1]
	return rows{y.shape.Rows(), func(i int) {
		b, from := i/tokens, i%tokens
		for _, part := range parts {
			length := part.shape[1 : len(part.shape)-1].Elements()
			if from < length {
				copy(y.token(b, i%tokens), part.token(b, from))
				return
			}
			from -= length
		}
	}}
}

// sliceTokens makes a map of tokens from Begin on: x [B, S, C] -> y [B, Height, Width, C].
func sliceTokens(op graph.SliceTokens, y, x tensor) rows {
	return perToken(y.shape, func(b, row, column int) {
		copy(y.at(b, row, column), x.token(b, op.Begin+row*op.Width+column))
	})
}

// reshape leaves the elements in their order.
func reshape(y, x tensor) rows {
	n := y.shape.Last()
	return rows{y.shape.Rows(), func(i int) { copy(y.data[i*n:][:n], x.data[i*n:]) }}
}

// swapLast swaps the last two axes: x [..., a, b] -> y [..., b, a].
func swapLast(y, x tensor) rows {
	n, a := y.shape.Rows(), y.shape.Last()
	b := x.shape.Last()
	return rows{n, func(i int) {
		for j := range a {
			y.data[i*a+j] = x.data[(i/b*a+j)*b+i%b]
		}
	}}
}

// embed is the sum of the rows of a token's id, of type 0 and of its position: ids
// [B, T], word [V, C], kind [>=1, C], position [>=T, C] -> y [B, T, C]. An id beyond
// the words counts as the nearest that is one, NaN as 0.
func embed(y, ids, word, kind, position tensor) rows {
	tokens, words, channels := ids.shape[1], word.shape[0], word.shape[1]
	return rows{y.shape.Rows(), func(i int) {
		id := 0
		if v := float64(ids.data[i]); v > 0 {
			id = int(min(v, float64(words-1)))
		}
		for c := range channels {
			y.data[i*channels+c] = float32(float64(word.data[id*channels+c]) + float64(kind.data[c]) +
				float64(position.data[i%tokens*channels+c]))
		}
	}}
}
