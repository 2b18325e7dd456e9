package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/internal/meter"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/synthetic"
)

// detectorDuration is how long the detector is measured if --duration does not say.
const detectorDuration = time.Minute

// What is measured, in the order of a round: each case finds known what the one before
// has left.
const (
	nothingKnown = iota // a picture and a caption
	captionKnown        // another picture, the same caption: no text encoder
	pictureKnown        // the same picture, another caption: no backbone, no pyramid
	cases
)

// caseNames are the cases as they are printed, and as benchmark lines call them.
var caseNames = [cases]struct{ text, line string }{
	{"nothing known", "nothing"}, {"caption known", "caption"}, {"picture known", "picture"},
}

// detectorBench is one benchmark of one detector on one device.
type detectorBench struct {
	flags
	name          string
	options       glipvk.DetectorOptions
	height, width int // of the pictures, before padding
	detector      *glipvk.Detector
	inputs        [2]picture.Input
	captions      [2]caption
	trials        trials // of --tune
	meter         *meter.Meter
	first         [cases][][]glipvk.Detection // what each case found when it ran first
	ran           func(which int)           // called after each timed detection, outside of its time
}

// main measures and prints.
func (b *detectorBench) main(ctx context.Context, stdout, stderr io.Writer) (err error) {
	if err := b.outputs(); err != nil {
		return err
	}
	if b.tune {
		remove, err := retune(&b.options.Tuning, &b.trials)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, remove()) }()
	}
	b.meter = meter.New(stderr)
	defer b.meter.Done()
	b.options.Progress = b.meter.Show
	begin := time.Now()
	if b.detector, err = glipvk.OpenDetector(ctx, b.name, b.options); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.detector.CloseWithin(ctx, grace)) }()
	load := time.Since(begin)
	if err := b.makeInputs(); err != nil {
		return err
	}
	r := newDetectorReport(b)
	r.Load = load
	if err := b.prepare(ctx, r); err != nil {
		return err
	}
	if err := b.samples(ctx, r); err != nil {
		return err
	}
	b.meter.Done()
	if err := r.print(stdout, b.perOp); err != nil {
		return err
	}
	if b.json != "" {
		return writeJSON("--json", b.json, r)
	}
	return nil
}

// makeInputs makes two pictures and two captions of the same sizes.
func (b *detectorBench) makeInputs() (err error) {
	for i := range b.inputs {
		p := picture.Picture{Height: b.height, Width: b.width, Pixels: synthetic.Picture(b.height, b.width, 7+uint64(i))}
		if b.inputs[i], err = b.detector.Preprocess(p); err != nil {
			return err
		}
	}
	most := b.detector.Info().Detector.MaxTokens
	if b.tokens > most {
		return fmt.Errorf("%w: --tokens %d: the model reads at most %d", glipvk.ErrInput, b.tokens, most)
	}
	b.captions, err = b.flags.captions(b.detector.Tokenizer())
	return err
}

// run is what is done in a case: which picture and which caption.
func (b *detectorBench) run(which int) (picture.Input, glipvk.Query) {
	in, q := b.inputs[1], b.captions[0].query
	switch which {
	case nothingKnown:
		in = b.inputs[0]
	case pictureKnown:
		q = b.captions[1].query
	}
	return in, q
}

// prepare detects once, which makes the programs, checks the result and measures what
// the device can do.
func (b *detectorBench) prepare(ctx context.Context, r *detectorReport) (err error) {
	in, q := b.run(nothingKnown)
	b.meter.Show("first detection", 0, 1)
	begin := time.Now()
	if b.first[nothingKnown], err = b.detector.DetectInput(ctx, q, in); err != nil {
		return err
	}
	r.First = time.Since(begin)
	r.FirstPeak = processPeak()
	r.Trials = b.trials.all()
	if r.Stats, err = b.detector.Stats(ctx, glipvk.SizeOf(in), q); err != nil {
		return err
	}
	if r.Counts, err = b.detector.Counts(glipvk.SizeOf(in), q); err != nil {
		return err
	}
	r.Absorbed = r.Counts.Grounding != r.Counts.Direct
	if r.Check, err = b.verify(ctx, r.Counts, in, q); err != nil {
		return err
	}
	forgetPeak()
	return b.device(ctx, r)
}

// device measures the GEMM peak and the copy bandwidth and keeps the best of both.
func (b *detectorBench) device(ctx context.Context, r *detectorReport) error {
	b.meter.Show("GEMM peak", 0, 1)
	best := r.roofline()
	err := best.raise(ctx, b.detector, b.duration)
	r.PeakGFLOPS, r.CopyGBs = best.gflops, best.gigabytes
	return err
}

// verify makes sure that the first detections are right, and says how it did.
func (b *detectorBench) verify(ctx context.Context, c glipvk.Counts, in picture.Input, q glipvk.Query) (string, error) {
	found := b.first[nothingKnown]
	count := fmt.Sprintf("%d detections", len(found[0]))
	how := b.check
	if how == "auto" {
		how = "oracle"
		if c.Vision+c.Language+c.Direct > oracleLimit {
			how = "finite"
		}
	}
	switch how {
	case "none":
		return count + ", not checked", nil
	case "finite":
		return count + ", finite and the same in every run", finiteDetections(found)
	}
	list, err := b.detector.Verify(ctx, q, in, found)
	if err != nil {
		return "", err
	}
	worst := 0.0
	for _, d := range list {
		if !d.OK() {
			return "", fmt.Errorf("%s: relative L2 %.3g from the CPU reference, at most %.3g is allowed: %w",
				d.Name, d.RelativeL2, d.Allowed.RelativeL2, errWrong)
		}
		worst = max(worst, d.RelativeL2)
	}
	return fmt.Sprintf("%s, equal to the CPU reference, relative L2 at most %.3g, and the same in every run", count, worst), nil
}

// finiteDetections requires numbers.
func finiteDetections(list [][]glipvk.Detection) error {
	for i, d := range slices.Concat(list...) {
		c := d.Box.Corners()
		for _, v := range append(c[:], d.Score) {
			if v-v != 0 {
				return fmt.Errorf("detection %d is %+v: %w", i, d, errWrong)
			}
		}
	}
	return nil
}

// same requires that a case finds what it found before.
func (b *detectorBench) same(which int, found [][]glipvk.Detection) error {
	if b.check == "none" {
		return nil
	}
	if b.first[which] == nil {
		b.first[which] = found
		return finiteDetections(found)
	}
	if !slices.EqualFunc(found, b.first[which], slices.Equal) {
		return fmt.Errorf("%s: %d detections in one run and other %d in the next: %w", caseNames[which].text, len(b.first[which]), len(found), errWrong)
	}
	return nil
}
