package glipvk

import (
	"errors"
	"fmt"
	"math"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/swin"
)

// Options are what a backbone and a detector have in common. The zero value runs synthetic
// weights on the fastest device.
type Options struct {
	// Weights is the path of a checkpoint, or "synthetic" or "synthetic:SEED" for
	// weights by formula (package synthetic), or [Embedded]; "" is [Embedded] for the model glip-world and
	// "synthetic", whose seed is 0, for others. "random:SEED" are those that the training of a detector from nothing begins with.
	Weights string

	// WeightsEntry names the weights to take of a checkpoint that holds several sets, such as
	// "model_ema" or "teacher"; see [loader.Options]. The error without it, [loader.ErrChoice],
	// lists them.
	WeightsEntry string

	// AllowNonFinite accepts NaN and infinities in weights and input tensors, and in the maps
	// of a backbone. Where a detector's results are none it is an error all the same, in which
	// the value is named.
	AllowNonFinite bool

	// Limits bounds pictures and tensors before memory is taken for them.
	Limits picture.Limits

	// IgnoreOrientation takes picture files as they are stored, and does not turn them upright;
	// see [picture.IgnoreOrientation].
	IgnoreOrientation bool

	// What [executor.Options] say of the same name.
	Device         string // "auto" or "", "cpu", "vulkan", a device's index or part of its name, "reference"
	Precision      Precision
	Tuning         Tuning
	NoFusion       bool
	Programs       int
	ProgramMemory  int64 // bytes
	SubmissionWork int64 // floating-point operations
	Validation     bool
	NoCache        bool
	OnDeviceLost   OnLost // [LostStop] or "", [LostCPU]
	Moved          func(why error, now DeviceInfo)
	Progress       func(stage string, done, total int64)
}

// BackboneOptions of [OpenBackbone].
type BackboneOptions struct {
	Options

	// Arch replaces the architecture that belongs to the model's name; the name may
	// then be empty.
	Arch *swin.Config

	// OutIndices are the stages whose maps are wanted, ascending; nil is the
	// architecture's own, 1, 2, 3 for GLIP.
	OutIndices []int

	// PadSmallMap pads maps smaller than a window and shifts maps of one window, as
	// GLIP's detector does; mmpretrain, the default, refuses the former and does not
	// shift the latter.
	PadSmallMap bool

	// Size replaces the resizing of the model's default pipeline.
	Size Size

	// ResizeTables resizes relative position tables of a checkpoint that was made
	// for another window size; otherwise such a checkpoint is refused.
	ResizeTables bool
}

// DetectorOptions of [OpenDetector]. The zero value has the original's settings for evaluation.
type DetectorOptions struct {
	Options

	// Overrides replace all values of synthetic tensors, by their official name. Where
	// official weights expect few detections the formula's expect none or thousands:
	// "rpn.head.bias0" decides.
	Overrides map[string]float32

	// NoAbsorb computes the cross attention of pictures and words in the direct form, which
	// takes more multiply-adds for the same numbers (package rewrite).
	NoAbsorb bool

	// Arch replaces the architecture that belongs to the detector's name; the name may
	// then be empty.
	Arch *glip.Config

	// Vocabulary is the path of the text encoder's vocab.txt; "" is the one that the weights' file has ([Card]), else
	// bert-base-uncased's.
	Vocabulary string

	// Size is what pictures are resized to; the zero value is what the weights' file says ([Card]), else the rule of
	// evaluation, the short side to 800 pixels, the long side to 1333 at most.
	Size picture.DetectorSize

	// Threshold drops detections whose score is not above it, from 0, which keeps all, to 1.
	Threshold float64

	// Probability is what a label's probability must exceed, before centerness, for a
	// position to be a candidate; 0 is the original's 0.05, below 0 none.
	Probability float64

	// PerLevel is how many candidates each level of the pyramid may have, 0 is the
	// original's 1000. IoU above which the lesser of two boxes of a label is
	// suppressed, 0 is the original's 0.6, from 1 on none is. Max is how many detections a prompt may have, 0 is the
	// original's 100; [All].
	PerLevel int
	IoU      float64
	Max      int

	// Aggregate says how the probabilities of a label's tokens become the label's own:
	// [AggregateMean], the zero value, [AggregateMax] or [AggregatePower], the geometric mean (SCORE_AGG).
	Aggregate Aggregate

	// Pictures and Captions are how many of each [Detector.Detect] and [Detector.Recall] keep encoded, so that a
	// second query on a picture needs no backbone and a second picture with a caption no text
	// encoder; 0 is 2 and 64, [None] none. A picture of 800x1333 takes 23 MB.
	Pictures, Captions int

	// ExactSizes makes programs for just the tokens and labels of a query. Otherwise both are
	// rounded up, so that other queries find the programs made; results are the same.
	ExactSizes bool
}

// Aggregate says how a label is scored by its tokens.
type Aggregate = graph.Aggregate

// The ways to score a label.
const (
	AggregateMean  = graph.Mean  // by the mean of their probabilities, as released models do
	AggregateMax   = graph.Max   // by the largest
	AggregatePower = graph.Power // by the geometric mean
)

// Executor are the options of the executor.
func (o Options) Executor() executor.Options {
	return executor.Options{
		Device: o.Device, Precision: o.Precision, Tuning: o.Tuning, NoFusion: o.NoFusion,
		Programs: o.Programs, ProgramMemory: o.ProgramMemory, SubmissionWork: o.SubmissionWork,
		Validation: o.Validation, NoCache: o.NoCache, OnDeviceLost: o.OnDeviceLost, Moved: o.Moved, Progress: o.Progress,
	}
}

// All detections, for [DetectorOptions.Max].
const All = math.MaxInt32

// None remembers nothing, for [DetectorOptions.Pictures] and [DetectorOptions.Captions].
const None = math.MinInt32

// check refuses options that mean nothing.
func (o Options) check() error {
	return errors.Join(o.Limits.Check(), notNegative("Options.Programs", o.Programs))
}

// notNegative refuses counts below 0, which some would take for "no bound".
func notNegative(option string, n int) error {
	if n < 0 {
		return fmt.Errorf("glipvk: %s is %d: want at least 1, or 0 for the default", option, n)
	}
	return nil
}

// remembers refuses a number of things to remember that is none.
func remembers(option string, n int) error {
	if n == None {
		return nil
	}
	return notNegative(option, n)
}

// within refuses a number that is not from low to high, NaN too.
func within(option string, v, low, high float64, want string) error {
	if v >= low && v <= high {
		return nil
	}
	return fmt.Errorf("glipvk: %s is %v: want a number %s", option, v, want)
}

// check refuses options that no picture and no query could be right for.
func (o DetectorOptions) check() error {
	errs := []error{
		o.Options.check(), o.Size.Check(),
		notNegative("DetectorOptions.PerLevel", o.PerLevel), notNegative("DetectorOptions.Max", o.Max),
		remembers("DetectorOptions.Pictures", o.Pictures), remembers("DetectorOptions.Captions", o.Captions),
		within("DetectorOptions.Threshold", o.Threshold, 0, 1, "from 0 to 1"),
		within("DetectorOptions.Probability", o.Probability, -math.MaxFloat64, 1, "up to 1, below 0 for no bound"),
		within("DetectorOptions.IoU", o.IoU, 0, math.MaxFloat64, "from 0 on"),
	}
	if a := o.Aggregate; a != AggregateMean && a != AggregateMax && a != AggregatePower {
		errs = append(errs, fmt.Errorf("glipvk: DetectorOptions.Aggregate is %d: want AggregateMean, AggregateMax or AggregatePower", a))
	}
	for name, v := range o.Overrides {
		if v-v != 0 {
			errs = append(errs, fmt.Errorf("glipvk: DetectorOptions.Overrides[%q] is %v: want a finite number", name, v))
		}
	}
	return errors.Join(errs...)
}

// absorbs says whether the cross attention is computed in its cheap form: not by the oracle.
func (o DetectorOptions) absorbs() bool { return !o.NoAbsorb && !executor.IsReference(o.Device) }
