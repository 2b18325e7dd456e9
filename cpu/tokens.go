package cpu

import (
	"math"
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// embed is the sum of a token's, its type's and its position's row: ids [B, T] -> [B, T, C].
func (c *compiler) embed(id graph.ID) step {
	in := c.node(id).Inputs
	tokens, n, words := c.shape(id)[1], c.shape(id)[2], c.shape(in[1])[0]
	return c.eachRow(id, func(_ *worker, y []float32, values [][]float32, row int) {
		word := 0 // of an id that is no number, too
		if v := values[in[0]][row]; v > 0 {
			word = int(min(float64(v), float64(words-1)))
		}
		first, kind, position := values[in[1]][word*n:][:n], values[in[2]][:n], values[in[3]][row%tokens*n:][:n]
		for i := range y {
			y[i] = first[i] + kind[i] + position[i]
		}
	})
}

// swapLast transposes the last two axes [a, b] of a value; a task is a block of both.
func (c *compiler) swapLast(id graph.ID) step {
	x, k := c.node(id).Inputs[0], c.kernels
	const block = 64
	shape := c.shape(x)
	a, b := shape[len(shape)-2], shape[len(shape)-1]
	down, across := (a+block-1)/block, (b+4*block-1)/(4*block)
	return step{in: []graph.ID{x}, tasks: shape.Elements() / (a * b) * down * across,
		run: func(_ *worker, values [][]float32, task int) {
			matrix, i, j := task/(down*across)*a*b, task/across%down*block, task%across*4*block
			k.transpose(values[id][matrix+j*a+i:], a, values[x][matrix+i*b+j:], b, min(block, a-i), min(4*block, b-j), 1)
		}}
}

// phraseScores makes probabilities of labels from those of their tokens: logits [B, S, T],
// owned [B, L, T] -> [B, S, L].
func (c *compiler) phraseScores(id graph.ID) step {
	in, y, how := c.node(id).Inputs, c.shape(id), c.node(id).Op.(graph.PhraseScores).Aggregate
	labels, tokens := y[2], c.shape(in[0])[2]
	// Each task looks through what its picture's labels own once.
	s := c.blocks(id, y[0], y[1], 256, func(w *worker, values [][]float32, picture, first, count int) {
		list := w.list[:0] // the tokens of each label, -1 behind them
		for l := range labels {
			for t, v := range values[in[1]][(picture*labels+l)*tokens:][:tokens] {
				if v != 0 {
					list = append(list, t)
				}
			}
			list = append(list, -1)
		}
		w.list = list
		p := w.room(slotTile, tokens)
		for row := picture*y[1] + first; row < picture*y[1]+first+count; row++ {
			for t, z := range values[in[0]][row*tokens:][:tokens] {
				if how == graph.Power {
					p[t] = logLogistic(z)
				} else {
					p[t] = logistic(z)
				}
			}
			rest := list
			for l := range labels {
				end := slices.Index(rest, -1)
				values[id][row*labels+l] = phraseScore(p, rest[:end], how)
				rest = rest[end+1:]
			}
		}
	})
	s.rooms[slotTile] = tokens
	return s
}

// phraseScore is the mean or the largest of some tokens' probabilities, or, of their logarithms,
// the geometric mean; 0 of none.
func phraseScore(p []float32, tokens []int, a graph.Aggregate) float32 {
	sum, most := float32(0), float32(0)
	for _, t := range tokens {
		sum, most = sum+p[t], max(most, p[t])
	}
	switch {
	case len(tokens) == 0:
		return 0
	case a == graph.Max:
		return most
	case a == graph.Power:
		return float32(math.Exp(float64(sum / float32(len(tokens)))))
	}
	return sum / float32(len(tokens))
}
