package cpu

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// candidate is a pair of position and label, numbered position*L + label, that passed the threshold.
type candidate struct {
	q    float32
	pair int
}

// before reports whether a comes before b: q falling, then numbers rising.
func (a candidate) before(b candidate) bool { return a.q > b.q || a.q == b.q && a.pair < b.pair }

// candidates selects what may be detected: scores [B, S, L], centerness logits [B, ..., 1],
// deltas [B, ..., 4] -> [B, Limit, 8]. A task is a picture.
func (c *compiler) candidates(id graph.ID, o graph.Candidates) step {
	in := c.node(id).Inputs
	shape := c.shape(in[0])
	positions, labels := shape[1], shape[2]
	return step{name: "candidates", in: in, tasks: shape[0], run: func(w *worker, values [][]float32, b int) {
		scores := values[in[0]][b*positions*labels:][:positions*labels]
		if cap(w.heap) < o.Limit {
			w.heap = make([]candidate, 0, o.Limit)
		}
		best := w.heap[:0]
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
				if q := float32(float64(p) * weight); q == q {
					best = offer(best, candidate{q, s*labels + l}, o.Limit)
				}
			}
		}
		y := values[id][b*o.Limit*graph.CandidateFields:][:o.Limit*graph.CandidateFields]
		clear(y[len(best)*graph.CandidateFields:])
		for n := len(best); n > 0; n-- { // the last comes off first
			last := best[0]
			best[0] = best[n-1]
			sink(best[:n-1], 0)
			row := y[(n-1)*graph.CandidateFields:][:graph.CandidateFields]
			s, l := last.pair/labels, last.pair%labels
			row[0], row[1], row[2], row[3] = last.q, scores[last.pair], float32(s), float32(l+1)
			copy(row[4:], values[in[2]][(b*positions+s)*4:][:4])
		}
	}}
}

// offer adds a candidate to a heap of at most limit whose first element comes last of all, or
// puts it in that one's place if it comes before it.
func offer(heap []candidate, c candidate, limit int) []candidate {
	if len(heap) == limit {
		if c.before(heap[0]) {
			heap[0] = c
			sink(heap, 0)
		}
		return heap
	}
	heap = append(heap, c)
	for i := len(heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !heap[parent].before(heap[i]) {
			break
		}
		heap[parent], heap[i] = heap[i], heap[parent]
		i = parent
	}
	return heap
}

// sink moves element i of a heap down to where it belongs.
func sink(heap []candidate, i int) {
	for {
		child := 2*i + 1
		if child >= len(heap) {
			return
		}
		if child+1 < len(heap) && heap[child].before(heap[child+1]) {
			child++
		}
		if !heap[i].before(heap[child]) {
			return
		}
		heap[i], heap[child] = heap[child], heap[i]
		i = child
	}
}
