package cpuref

import (
	"cmp"
	"slices"

	"github.com/glipvk/glipvk/graph"
)

// candidate is a pair of position and label that passed the threshold.
type candidate struct {
	q, p            float32
	position, label int // from 0
}

// candidates selects what may be detected: scores [B, S, L], centerness logits
// [B, ..., 1], deltas [B, ..., 4] -> y [B, Limit, 8]. A piece is one picture. Order is
// judged on q as it is written, in float32, so that what reads as equal is a tie. A
// pair whose q is NaN is none.
func candidates(op graph.Candidates, y, scores, centerness, deltas tensor) rows {
	positions, labels := scores.shape[1], scores.shape[2]
	return rows{y.shape[0], func(b int) {
		var found []candidate
		for s := range positions {
			weight := logistic(float64(centerness.token(b, s)[0]))
			for label := range labels {
				p := scores.token(b, s)[label]
				q := float32(float64(p) * weight)
				if float64(p) > op.Threshold && q == q {
					found = append(found, candidate{q, p, s, label})
				}
			}
		}
		// Positions and labels were met in rising order, which a stable sort keeps.
		slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(b.q, a.q) })
		for i, f := range found[:min(len(found), op.Limit)] {
			row := y.token(b, i)
			copy(row, []float32{f.q, f.p, float32(f.position), float32(f.label + 1)})
			copy(row[4:], deltas.token(b, f.position))
		}
	}}
}
