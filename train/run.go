package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/eval"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/picture"
)

// Course says how a training goes through its data.
type Course struct {
	Train, Val *dataset.Set // Val may be nil: then nothing is measured on the way
	Captions   dataset.Captions

	Steps    int     // of the whole training
	Batch    int     // pictures of a step
	Shorts   []int   // one of them, drawn for each picture, is its shorter side in pixels
	Long     int     // the longer side at most
	Flip     float64 // how often left and right are exchanged
	Validate int     // steps between measurements and saves; 0 for once through the data
	Limits   picture.Limits

	Out    string // folder for what is saved: last.state, best.safetensors, last.safetensors, metrics.jsonl
	Report func(Report)

	// Found, if set, is told what a measurement finds in each picture.
	Found func(p dataset.Picture, decoded picture.Picture, found []glipvk.Detection)
}

// Report tells how far a training is.
type Report struct {
	Step    int           `json:"step"`
	Steps   int           `json:"steps"`
	Losses  Losses        `json:"losses"`
	Rate    float64       `json:"rate"`              // of ordinary weights
	Seconds float64       `json:"seconds"`           // of the step
	FLOPs   int64         `json:"flops,omitempty"`   // of its products, two for a multiply-add
	Bytes   int64         `json:"bytes,omitempty"`   // of memory that its program takes, weights and intermediate values
	Left    time.Duration `json:"left_ns"`           // by the steps so far
	AP      *float64      `json:"ap,omitempty"`      // of a measurement after the step
	Skipped string        `json:"skipped,omitempty"` // why the step was not taken
}

// mostBad is how many steps in a row may be skipped for a loss that is no number.
const mostBad = 3

// course is one under way.
type course struct {
	*Trainer
	Course
	captions *dataset.Captioner
	best     float64
	metrics  *os.File
	spent    time.Duration
	begun    int // steps that were taken before
}

// Run trains until all steps are taken or ctx ends, and saves at every measurement and at the end: after either, the state
// in o.Out can be gone on from ([Trainer.LoadState]). When ctx ended the error wraps its error.
func (t *Trainer) Run(ctx context.Context, o Course) (err error) {
	if o.Steps < 1 || o.Batch < 1 || len(o.Shorts) == 0 || o.Train == nil || len(o.Train.Pictures) == 0 || !(o.Flip >= 0 && o.Flip <= 1) {
		return fmt.Errorf("train: %w: steps %d, batch %d, sides %v, flip %g: want at least one step, picture and side, and a flip of 0 to 1", ErrOptions, o.Steps, o.Batch, o.Shorts, o.Flip)
	}
	if o.Validate == 0 {
		o.Validate = max(len(o.Train.Pictures)/o.Batch, 1)
	}
	c := &course{Trainer: t, Course: o, best: -1, begun: t.taken}
	if c.captions, err = dataset.NewCaptioner(o.Train.Names(), o.Captions, t.tokenizer); err != nil {
		return err
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return err
	}
	if c.metrics, err = file.Append(filepath.Join(o.Out, "metrics.jsonl"), 0o644); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.metrics.Close()) }()
	return c.steps(ctx)
}

// steps takes those that are left.
func (c *course) steps(ctx context.Context) error {
	bad := 0
	for c.taken < c.Steps {
		began := time.Now()
		samples, err := c.samples(ctx, c.taken+bad)
		if err == nil {
			err = c.step1(ctx, samples, began, &bad)
		}
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), c.save(context.WithoutCancel(ctx)))
		}
		if err != nil {
			return err
		}
		if bad == 0 && (c.taken%c.Course.Validate == 0 || c.taken == c.Steps) {
			if err := c.measure(ctx); err != nil {
				return errors.Join(err, c.save(context.WithoutCancel(ctx)))
			}
		}
	}
	return nil
}

// step1 takes one step and reports it.
func (c *course) step1(ctx context.Context, samples []dataset.Sample, began time.Time, bad *int) error {
	rate := c.options.Schedule.Rate(c.options.Recipe.Rate, c.taken)
	l, err := c.Step(ctx, samples...)
	r := Report{Step: c.taken, Steps: c.Steps, Losses: l, Rate: rate}
	switch {
	case errors.Is(err, ErrNotFinite):
		if *bad++; *bad >= mostBad {
			return fmt.Errorf("%w; %d steps in a row had none; lower the rate, or look at the pictures of this batch", err, mostBad)
		}
		r.Skipped = err.Error()
	case err != nil:
		return err
	default:
		*bad = 0
	}
	took := time.Since(began)
	c.spent += took
	r.Seconds = took.Seconds()
	if r.Skipped == "" {
		s, err := c.step.Stats(ctx, c.last)
		if err != nil {
			return err
		}
		r.FLOPs, r.Bytes = s.FLOPs, s.WeightBytes+s.ArenaBytes+s.ScratchBytes
	}
	if done := c.taken - c.begun; done > 0 {
		r.Left = c.spent / time.Duration(done) * time.Duration(c.Steps-c.taken)
	}
	return c.report(r)
}

func (c *course) report(r Report) error {
	if c.Report != nil {
		c.Report(r)
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = c.metrics.Write(append(line, '\n'))
	return err
}

// samples are those of step k: a function of the seed and k, so that a training goes on as if it had not stopped.
func (c *course) samples(ctx context.Context, k int) ([]dataset.Sample, error) {
	all := c.Train.Pictures
	dice := rand.New(rand.NewPCG(uint64(c.options.Seed), uint64(k)))
	var list []dataset.Sample
	for i := range c.Batch {
		n := k*c.Batch + i
		order := rand.New(rand.NewPCG(uint64(c.options.Seed)^0x5bd1e995, uint64(n/len(all)))).Perm(len(all))
		p := all[order[n%len(all)]]
		v := dataset.View{Short: c.Shorts[dice.IntN(len(c.Shorts))], Long: c.Long, Flip: dice.Float64() < c.Flip}
		decoded, err := picture.Open(ctx, p.Path, c.Limits)
		if err != nil {
			return nil, fmt.Errorf("train: %w", err)
		}
		caption, err := c.captions.Caption(p, dice)
		if err != nil {
			return nil, err
		}
		s, err := p.Sample(ctx, decoded, caption, v, c.Limits)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// measure evaluates, keeps the best weights, and saves.
func (c *course) measure(ctx context.Context) error {
	if c.Val != nil {
		e, err := c.evaluate(ctx)
		if err != nil {
			return err
		}
		ap := e.Stats().AP
		c.options.Schedule.Validated(c.options.Recipe.Rate, ap)
		if ap >= c.best {
			c.best = ap
			if err := c.Save(ctx, filepath.Join(c.Out, "best.safetensors")); err != nil {
				return err
			}
		}
		if err := c.report(Report{Step: c.taken, Steps: c.Steps, AP: &ap}); err != nil {
			return err
		}
	}
	return c.save(ctx)
}

// evaluate measures with the captions of the course.
func (c *course) evaluate(ctx context.Context) (*eval.Evaluation, error) {
	d, err := c.Detector(ctx)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return evaluation{d, c.Val, c.Captions.Affixes, c.Limits, c.Found}.run(ctx)
}

// save writes what the training goes on from, and the weights.
func (c *course) save(ctx context.Context) error {
	return errors.Join(c.SaveState(ctx, filepath.Join(c.Out, "last.state"), fmt.Sprint(c.best)), c.Save(ctx, filepath.Join(c.Out, "last.safetensors")))
}

// Evaluate detects with the weights as they are and measures what is found.
func (t *Trainer) Evaluate(ctx context.Context, set *dataset.Set, limits picture.Limits) (*eval.Evaluation, error) {
	d, err := t.Detector(ctx)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return Evaluate(ctx, d, set, limits)
}
