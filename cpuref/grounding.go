package cpuref

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// tokenLogits scores positions against tokens: x [B, S, C] or [B, H, W, C], projected
// tokens p [B, T, C], tokens e [B, T, D], biasLang [D], bias0 [1], logScale [1] ->
// y [B, S, T]. A piece is one position.
func tokenLogits(op graph.TokenLogits, y, x, p, e, biasLang, bias0, logScale tensor) rows {
	scale := math.Exp(float64(logScale.data[0]))
	positions, tokens := y.shape[1], y.shape[2]
	own := make([]float64, e.shape.Rows()) // what every position of a picture adds
	for i := range own {
		own[i] = float64(bias0.data[0])
		for c, v := range e.token(i/tokens, i%tokens) {
			own[i] += float64(v) * float64(biasLang.data[c])
		}
	}
	return rows{y.shape.Rows(), func(i int) {
		b, s := i/positions, i%positions
		for t := range tokens {
			product := 0.0
			for c, v := range x.token(b, s) {
				product += float64(v) * float64(p.token(b, t)[c])
			}
			y.data[i*tokens+t] = float32(clamped(product/scale+own[b*tokens+t], -op.Limit, op.Limit))
		}
	}}
}

// phraseScores is the mean, the largest or the geometric mean of the probabilities of a
// label's tokens, 0 for a label without any: logits [B, S, T], owned [B, L, T] -> y [B, S, L].
// A piece is one position.
func phraseScores(op graph.PhraseScores, y, logits, owned tensor) rows {
	positions, tokens, labels := logits.shape[1], logits.shape[2], owned.shape[1]
	return rows{y.shape.Rows(), func(i int) {
		for label := range labels {
			sum, largest, product, count := 0.0, 0.0, 1.0, 0.0
			for t, z := range logits.data[i*tokens:][:tokens] {
				if owned.token(i/positions, label)[t] != 0 {
					p := logistic(float64(z))
					sum, largest, product, count = sum+p, math.Max(largest, p), product*p, count+1
				}
			}
			switch {
			case count == 0:
			case op.Aggregate == graph.Max:
				y.data[i*labels+label] = float32(largest)
			case op.Aggregate == graph.Power:
				y.data[i*labels+label] = float32(math.Pow(product, 1/count))
			default:
				y.data[i*labels+label] = float32(sum / count)
			}
		}
	}}
}
