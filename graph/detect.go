package graph

import "fmt"

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

// Kind implements [Op].
func (PhraseScores) Kind() string { return "phrasescores" }

func (PhraseScores) takes() (least, most int) { return 2, 2 }
func (o PhraseScores) infer(in []Shape) (Shape, error) {
	z, owned := in[0], in[1]
	if len(z) != 3 || len(owned) != 3 || owned[0] != z[0] || owned[2] != z[2] {
		return refuse("logits %v and owned tokens %v, want [B, S, T] and [B, L, T]", z, owned)
	}
	if o.Aggregate < Mean || o.Aggregate > Power {
		return refuse("%v, want one of MEAN, MAX and POWER", o.Aggregate)
	}
	return Shape{z[0], z[1], owned[1]}, nil
}

// PhraseScores records [PhraseScores].
func (b *Builder) PhraseScores(logits, owned Value, o PhraseScores) Value {
	return b.add(o, logits, owned)
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

// Kind implements [Op].
func (Candidates) Kind() string { return "candidates" }

func (Candidates) takes() (least, most int) { return 3, 3 }
func (o Candidates) infer(in []Shape) (Shape, error) {
	p := in[0]
	if len(p) != 3 {
		return refuse("scores %v, want [B, S, L]", p)
	}
	if p[1]*p[2] >= 1<<24 {
		return refuse("scores %v: more pairs than a float32 counts, 2^24", p)
	}
	for i, c := range []int{1, 4} {
		if x := in[i+1]; len(x) < 3 || x[0] != p[0] || x.Last() != c || x[1:len(x)-1].Elements() != p[1] {
			return refuse("operand %v beside scores %v, want [%d, %d, %d]", x, p, p[0], p[1], c)
		}
	}
	if o.Limit < 1 || !(o.Threshold >= 0) {
		return refuse("limit %d and threshold %g, want at least 1 and 0", o.Limit, o.Threshold)
	}
	return Shape{p[0], o.Limit, CandidateFields}, nil
}

// Candidates records [Candidates].
func (b *Builder) Candidates(scores, centerness, deltas Value, o Candidates) Value {
	return b.add(o, scores, centerness, deltas)
}
