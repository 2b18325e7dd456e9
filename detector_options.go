package glipvk

import (
	"fmt"
	"math"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/picture"
)

// Aggregate says how a label is scored by its tokens.
type Aggregate = graph.Aggregate

// The ways to score a label.
const (
	AggregateMean  = graph.Mean  // by the mean of their probabilities, as released models do
	AggregateMax   = graph.Max   // by the largest
	AggregatePower = graph.Power // by the geometric mean
)

// DetectorOptions of [OpenDetector]. The zero value runs synthetic weights on the best
// device with the original's settings for evaluation.
type DetectorOptions struct {
	// Weights is the path of a checkpoint, official or MMDetection's, or "synthetic" or
	// "synthetic:SEED" for weights by formula; "" is "synthetic", whose seed is 0.
	Weights string

	// Overrides replace all values of synthetic tensors, by their official name. Where
	// official weights expect few detections the formula's expect none or thousands:
	// "rpn.head.bias0" decides.
	Overrides map[string]float32

	Device    string    // as in [Options]
	Precision Precision // as in [Options]
	Tuning    Tuning    // as in [Options]

	// NoFusion runs every operation of the graph by itself; NoAbsorb computes the cross
	// attention of pictures and words in the direct form, which takes more multiply-adds
	// for the same numbers (package rewrite).
	NoFusion, NoAbsorb bool

	// Arch replaces the architecture that belongs to the detector's name; the name may
	// then be empty.
	Arch *glip.Config

	// Vocabulary is the path of the text encoder's vocab.txt; "" is bert-base-uncased's.
	Vocabulary string

	// Size is what pictures are resized to; the zero value is the rule of evaluation,
	// the short side to 800 pixels, the long side to 1333 at most.
	Size picture.DetectorSize

	// Limits bounds pictures before memory is taken for them.
	Limits picture.Limits

	// Threshold drops detections whose score is not above it; 0 keeps all.
	Threshold float64

	// Probability is what a label's probability must exceed, before centerness, for a
	// position to be a candidate; 0 is the original's 0.05, below 0 none.
	Probability float64

	// PerLevel is how many candidates each level of the pyramid may have, 0 is the
	// original's 1000. IoU above which the lesser of two boxes of a label is
	// suppressed, 0 is the original's 0.6, from 1 on none is. Max is how many detections a prompt may have, 0 is the
	// original's 100, below 0 all.
	PerLevel int
	IoU      float64
	Max      int

	// Aggregate says how the probabilities of a label's tokens become the label's own:
	// [Mean], the zero value, [Max] or [Power], the geometric mean (SCORE_AGG).
	Aggregate Aggregate

	// Programs is the number of compiled programs that are kept, one for each size of
	// pictures, of captions, and of both; 0 is 12. ProgramMemory bounds the bytes that
	// they work in, apart from the weights: beyond it the least recently used are given up,
	// but never the latest three, which are what one detection takes; 0 is 1 GiB, below
	// 0 no bound. A program for pictures of 800x1333 takes about 120 MB.
	Programs      int
	ProgramMemory int64

	// Pictures and Captions are how many of each are kept encoded, so that a second query
	// on a picture needs no backbone and a second picture with a caption no text encoder;
	// 0 is 2 and 64. A picture of 800x1333 takes 23 MB.
	Pictures, Captions int

	// AllowNonFinite is as in [Options]. Detect still refuses features, encoded captions and
	// boxes that are no numbers; scores that are none pass no threshold, so that damage in
	// the tower or the head may only show as nothing found.
	AllowNonFinite bool

	Validation, NoCache bool // as in [Options]

	// Progress is as in [Options]; the stages are "weights" and "verify".
	Progress func(stage string, done, total int64)
}

// base is what the options share with a backbone's.
func (o DetectorOptions) base() Options {
	return Options{
		Weights: o.Weights, Device: o.Device, Precision: o.Precision, Tuning: o.Tuning, NoFusion: o.NoFusion,
		AllowNonFinite: o.AllowNonFinite, Validation: o.Validation, NoCache: o.NoCache, Progress: o.Progress,
	}
}

// programMemory is the bound in bytes, 0 for none.
func (o DetectorOptions) programMemory() int64 {
	switch {
	case o.ProgramMemory == 0:
		return 1 << 30
	case o.ProgramMemory < 0:
		return 0
	}
	return o.ProgramMemory
}

// check refuses options that no picture and no query could be right for.
func (o DetectorOptions) check() error {
	if again, err := picture.ParseDetectorSize(o.Size.String()); err != nil || again != o.Size {
		return fmt.Errorf("glipvk: size %+v: want Short from 1, Long 0 or from Short on, or Original alone", o.Size)
	}
	if o.PerLevel < 0 {
		return fmt.Errorf("glipvk: %d candidates of a level: want at least 1, or 0 for %d", o.PerLevel, glip.DefaultPerLevel)
	}
	for _, x := range []struct {
		name  string
		value float64
	}{{"threshold", o.Threshold}, {"probability", o.Probability}, {"IoU", o.IoU}} {
		if math.IsNaN(x.value) {
			return fmt.Errorf("glipvk: the %s is not a number", x.name)
		}
	}
	return nil
}

// or is n, or a default where n is 0.
func or(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}
