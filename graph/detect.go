package graph

import (
	"cmp"
	"fmt"
)

// What makes detections of token logits.

// PhraseScores turns token logits into probabilities of labels: logits [B, S, T],
// owned [B, L, T], not 0 where a token stands for the label -> [B, S, L]. The probability
// is made of sigmoid(logit) over the label's tokens, 0 for a label without tokens
// (convert_grounding_to_od_logits of maskrcnn_benchmark/modeling/rpn/inference.py; there
// an empty label gives 0 or NaN, neither of which passes a threshold).
type PhraseScores struct{ Aggregate Aggregate }

// Aggregate says how the probabilities of a label's tokens become the label's own: the
// original's SCORE_AGG.
type Aggregate int

// The ways to aggregate.
const (
	Mean  Aggregate = iota // the arithmetic mean
	Max                    // the largest
	Power                  // the geometric mean
)

// String is the original's name of it.
func (a Aggregate) String() string {
	if a < Mean || a > Power {
		return fmt.Sprintf("Aggregate(%d)", int(a))
	}
	return [...]string{"MEAN", "MAX", "POWER"}[a]
}

func (PhraseScores) takes(int) []string { return []string{"BST", "BLT"} }

func (o PhraseScores) valid([]Shape, *sizes) error {
	return must(o.Aggregate >= Mean && o.Aggregate <= Power, "%v, want one of MEAN, MAX and POWER", o.Aggregate)
}

func (PhraseScores) infer(_ []Shape, s *sizes) Shape { return Shape{s['B'], s['S'], s['L']} }

// PhraseScores records [PhraseScores].
func (b *Builder) PhraseScores(logits, owned Value, o PhraseScores) Value {
	return b.Record(o, logits, owned)
}

// CandidateFields is the length of a row of [Candidates].
const CandidateFields = 8

// Candidates selects what a level may detect (forward_for_single_feature_map of
// maskrcnn_benchmark/modeling/rpn/inference.py): scores p [B, S, L], centerness logits
// [B, S, 1] or [B, H, W, 1], deltas [B, S, 4] or [B, H, W, 4] -> [B, Limit, 8].
//
// Candidates are the pairs with p > Threshold. Of these, the Limit with the largest
// q = p * sigmoid(centerness) stay, by falling q; where two are equal in float32, the
// smaller position, then the smaller label comes first. A row is q, p, position, label
// from 1, and the position's four deltas. Rows that are left over are 0: their label 0
// says so. NaN passes no threshold, and a pair whose q is NaN is no candidate.
type Candidates struct {
	Threshold float64
	Limit     int
}

func (Candidates) takes(int) []string { return []string{"BSL", "Bs*1", "Bt*4"} }

func (o Candidates) valid(in []Shape, s *sizes) error {
	for _, x := range in[1:] {
		if x[1:len(x)-1].Elements() != s['S'] {
			return must(false, "operand %v beside scores %v, want [%d, %d, %d]", x, in[0], s['B'], s['S'], x.Last())
		}
	}
	return cmp.Or(must(s['S']*s['L'] < 1<<24, "scores %v: more pairs than a float32 counts, 2^24", in[0]),
		must(o.Limit >= 1 && o.Threshold >= 0, "limit %d and threshold %g, want at least 1 and 0", o.Limit, o.Threshold))
}

func (o Candidates) infer(_ []Shape, s *sizes) Shape { return Shape{s['B'], o.Limit, CandidateFields} }

// Candidates records [Candidates].
func (b *Builder) Candidates(scores, centerness, deltas Value, o Candidates) Value {
	return b.Record(o, scores, centerness, deltas)
}
