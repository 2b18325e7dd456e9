package cpu

import (
	"cmp"
	"math"
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// candidate is a pair of position and label, numbered position*L + label, that passed the threshold.
type candidate struct {
	q    float32
	pair int
}

// compare puts q falling, then numbers rising.
func (a candidate) compare(b candidate) int {
	return cmp.Or(cmp.Compare(b.q, a.q), cmp.Compare(a.pair, b.pair))
}

// candidates selects what may be detected: scores [B, S, L], centerness logits [B, ..., 1],
// deltas [B, ..., 4] -> [B, Limit, 8]. A task is a picture.
func (c *compiler) candidates(id graph.ID) step {
	in, o := c.node(id).Inputs, c.node(id).Op.(graph.Candidates)
	shape := c.shape(in[0])
	positions, labels := shape[1], shape[2]
	return step{in: in, tasks: shape[0], run: func(w *worker, values [][]float32, b int) {
		scores := values[in[0]][b*positions*labels:][:positions*labels]
		best, last := w.best[:0], candidate{float32(math.Inf(-1)), math.MaxInt} // what comes after the last is not among the first
		for s := range positions {
			weight := -1.0 // not known yet: most positions have nothing
			for l, p := range scores[s*labels:][:labels] {
				if !(float64(p) > o.Threshold) {
					continue
				}
				if weight == -1 {
					weight = 1 / (1 + math.Exp(-float64(values[in[1]][b*positions+s])))
				}
				// Ties are judged on q as it is written.
				if x := (candidate{float32(float64(p) * weight), s*labels + l}); x.q == x.q && x.compare(last) < 0 {
					if best = append(best, x); len(best) == 2*o.Limit {
						best = foremost(best, o.Limit)
						last = best[o.Limit-1]
					}
				}
			}
		}
		w.best = best
		y := values[id][b*o.Limit*graph.CandidateFields:][:o.Limit*graph.CandidateFields]
		clear(y)
		for n, x := range foremost(best, o.Limit) {
			row := y[n*graph.CandidateFields:][:graph.CandidateFields]
			s, l := x.pair/labels, x.pair%labels
			row[0], row[1], row[2], row[3] = x.q, scores[x.pair], float32(s), float32(l+1)
			copy(row[4:], values[in[2]][(b*positions+s)*4:][:4])
		}
	}}
}

// foremost are the first of a list, as many as there may be, in order.
func foremost(list []candidate, limit int) []candidate {
	slices.SortFunc(list, candidate.compare)
	return list[:min(len(list), limit)]
}
