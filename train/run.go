package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/convert"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/internal/clock"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/picture"
)

// Course says how a training goes through its data. [Defaults] has the paper's recipe.
type Course struct {
	Train, Val *dataset.Set // Val may be nil: then nothing is measured on the way
	Captions   dataset.Captions

	Steps    int     // of the whole training; 0 for Epochs
	Epochs   int     // times through the data
	Repeat   int     // how often each picture comes in a time through the data; 0 for once
	Batch    int     // pictures of a step
	Shorts   []int   // one of them, drawn for each picture, is its shorter side in pixels
	Long     int     // the longer side at most
	Flip     float64 // how often left and right are exchanged
	Validate int     // steps between measurements; 0 for once through the data
	Stop     int     // after so many measurements in a row below the best the training ends; 0 for never
	Limits   picture.Limits

	Out    string            // folder for what is saved; see [Trainer.Run]
	Save   int               // steps between saves of the state, which measurements save too; 0 for no others
	Names  convert.Names     // of saved weights; see [Saving]
	Half   bool              // saves weights in 16 bits
	About  map[string]string // what saved weights say besides; see [Saving]. "ap" is said of the best
	Pickle bool              // saves weights as .pth, averages in the same file, instead of .safetensors
	Resume bool              // goes on from the state in Out, if there is one
	Report func(Report)

	// Found, if set, is told what a measurement finds in each picture.
	Found func(p dataset.Picture, decoded picture.Picture, found []glipvk.Detection)
}

// Report tells how far a training is.
type Report struct {
	Step    int           `json:"step"`
	Steps   int           `json:"steps"`
	Losses  Losses        `json:"losses,omitzero"`
	Rate    float64       `json:"rate,omitempty"`    // of ordinary weights
	Seconds float64       `json:"seconds,omitempty"` // of the step
	FLOPs   int64         `json:"flops,omitempty"`   // of its products, two for a multiply-add
	Bytes   int64         `json:"bytes,omitempty"`   // of memory that its program takes: weights that are not trained, and intermediate values
	Left    time.Duration `json:"left_ns,omitempty"` // by the steps so far
	AP      *float64      `json:"ap,omitempty"`      // of a measurement after the step
	Skipped string        `json:"skipped,omitempty"` // why the step was not taken
	Passed  []string      `json:"passed,omitempty"`  // pictures that others took the place of, and why
	Stopped string        `json:"stopped,omitempty"` // why the training ends before its time
}

// mostBad is how many steps in a row may be skipped for a loss that is no number.
const mostBad = 3

// position is how far a course is, besides the steps of its trainer. It is part of the state.
type position struct {
	Drawn    int      `json:"drawn"`    // pictures
	Bad      int      `json:"bad"`      // steps in a row that were skipped
	Names    []string `json:"names"`    // of their pictures
	Best     float64  `json:"best"`     // AP, below 0 before the first
	Worse    int      `json:"worse"`    // measurements in a row below it
	Measured int      `json:"measured"` // step of the last measurement
	Bytes    int64    `json:"bytes"`    // of metrics.jsonl
}

// course is one under way.
type course struct {
	*Trainer
	Course
	captions *dataset.Captioner
	order    order
	ahead    *ahead // the batch behind the one at hand
	metrics  *file.File
	spent    time.Duration
	begun    int // steps that were taken before
	kept     int // step of the last state that was saved, below 0 for none
}

// course readies one that is to be taken.
func (t *Trainer) course(o Course) (c *course, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	c = &course{Trainer: t, Course: o, kept: -1}
	c.captions, err = dataset.NewCaptioner(o.Train.Names(), o.Captions, t.tokenizer)
	return c, err
}

// check completes a course and refuses what is none.
func (o *Course) check() error {
	if o.Train == nil || len(o.Train.Pictures) == 0 || o.Batch < 1 || len(o.Shorts) == 0 || !(o.Flip >= 0 && o.Flip <= 1) {
		return fmt.Errorf("train: %w: batch %d, sides %v, flip %g: want data, at least one picture and side, and a flip of 0 to 1", ErrOptions, o.Batch, o.Shorts, o.Flip)
	}
	if o.Steps < 0 || o.Steps+o.Epochs < 1 || o.Repeat < 0 || o.Save < 0 || o.Stop < 0 || o.Validate < 0 {
		return fmt.Errorf("train: %w: steps %d, epochs %d, repeat %d, save %d, stop %d, validate %d: want steps or epochs, and nothing below 0", ErrOptions, o.Steps, o.Epochs, o.Repeat, o.Save, o.Stop, o.Validate)
	}
	o.Repeat = max(o.Repeat, 1)
	o.Steps = o.Length()
	if o.Validate == 0 {
		o.Validate = max(len(o.Train.Pictures)*o.Repeat/o.Batch, 1)
	}
	return nil
}

// Length is how many steps the course has.
func (o Course) Length() int {
	if o.Steps > 0 {
		return o.Steps
	}
	return max(o.Epochs*len(o.Train.Pictures)*max(o.Repeat, 1)/o.Batch, 1)
}

// Run trains until all steps are taken, the measurements say stop, or ctx ends. The folder o.Out gets
//
//	metrics.jsonl       a line for each [Report]
//	last.safetensors    the weights at the last measurement, or where it ended
//	best.safetensors    those with the highest AP
//	last.ema.safetensors, best.ema.safetensors    their averages, where [Options.Average] is set
//	last.state          what a run with o.Resume goes on from
//
// Where the device is lost, and the options of the detector say that it goes on on the CPU ([glipvk.Options].OnDeviceLost), the steps since
// the last saved state, or since the beginning, are taken again there.
//
// Each file is complete or what it was before, whenever the program is killed, and a run that goes on ends with the same bits and, but
// for times, the same lines as one that was not ended. When ctx ended the state is saved and the error wraps the context's. So it is after any other
// error, as far as the device still gives the weights; the error says of which step the state is.
//
// A picture that cannot be read, or in which nothing of its caption is to be seen, is passed over for the next one and reported; the
// original skips the whole batch. A step whose loss is no number is skipped and reported; after three in a row Run ends with an
// error that wraps [ErrNotFinite] and names their pictures.
func (t *Trainer) Run(ctx context.Context, o Course) (err error) {
	c, err := t.course(o)
	if err != nil {
		return err
	}
	if err := c.resume(ctx); err != nil {
		return err
	}
	c.begun = t.taken
	if err := file.MakeFolder(o.Out, 0o755); err != nil {
		return err
	}
	if err := file.Sweep(o.Out); err != nil {
		return err
	}
	if err := c.openMetrics(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.metrics.Close()) }()
	drawing, cancel := context.WithCancel(ctx)
	defer c.still()
	defer cancel()
	if err = c.steps(drawing); err == nil {
		return nil
	}
	again, err := c.recovered(drawing, err)
	if again {
		err = c.steps(drawing)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return c.ended(err)
}

// Try takes a step or two as Run would, without a report and without writing anything, and says what the last was like. The weights have
// changed then. need is what steps of its size take.
func (t *Trainer) Try(ctx context.Context, o Course) (r Report, need Memory, err error) {
	c, err := t.course(o)
	if err != nil {
		return r, need, err
	}
	for range 2 { // the first makes programs
		began := clock.Now()
		b, err := c.draw(ctx, c.at.Drawn)
		if err != nil {
			return r, need, err
		}
		r = Report{Step: t.taken + 1, Steps: c.Steps, Passed: append(r.Passed, b.passed...)}
		if r.Losses, err = t.Step(ctx, b.samples...); err != nil {
			return r, need, err
		}
		r.Seconds = clock.Since(began).Seconds()
		if r.FLOPs, r.Bytes, err = c.taxed(ctx); err != nil {
			return r, need, err
		}
	}
	need, err = t.Need(ctx, t.last)
	return r, need, err
}

// taxed is the work of the last step, and the memory of its program.
func (c *course) taxed(ctx context.Context) (flops, bytes int64, err error) {
	s, err := c.step.Stats(ctx, c.last)
	return s.FLOPs, s.WeightBytes + s.ArenaBytes + s.ScratchBytes, err
}

// resume goes on from what was saved.
func (c *course) resume(ctx context.Context) error {
	if !c.Resume {
		return nil
	}
	err := c.LoadState(ctx, c.path("last.state"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if c.kept = c.taken; c.at.Bad >= mostBad { // whoever goes on changed what was wrong
		c.at.Bad, c.at.Names = 0, nil
	}
	return err
}

// openMetrics opens the file of lines and drops those that are not of the state.
func (c *course) openMetrics() error {
	f, err := file.Append(c.path("metrics.jsonl"), 0o644)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		c.at.Bytes = min(c.at.Bytes, info.Size())
		err = f.Truncate(c.at.Bytes)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	c.metrics = f
	return nil
}

func (c *course) path(name string) string { return filepath.Join(c.Out, name) }

// ended saves what a run that ended for a reason can be gone on from, and says so.
func (c *course) ended(why error) error {
	err := c.save(context.Background())
	switch {
	case err == nil:
		return fmt.Errorf("%w; the state after %d steps is saved in %s", why, c.taken, c.path("last.state"))
	case c.kept >= 0:
		return fmt.Errorf("%w; the state after %d steps is the last that could be saved, in %s: %w", why, c.kept, c.path("last.state"), err)
	}
	return fmt.Errorf("%w; no state could be saved: %w", why, err)
}

// steps takes those that are left.
func (c *course) steps(ctx context.Context) error {
	for {
		due := c.taken > 0 && c.at.Bad == 0 && (c.taken%c.Course.Validate == 0 || c.taken >= c.Steps)
		switch {
		case due && c.at.Measured != c.taken:
			if err := c.measure(ctx); err != nil {
				return err
			}
		case c.Course.Save > 0 && c.taken > 0 && c.taken%c.Course.Save == 0 && c.kept != c.taken:
			if err := c.saveState(ctx); err != nil {
				return err
			}
		}
		if c.taken >= c.Steps || c.stopped() != "" {
			return nil
		}
		if err := c.step1(ctx); err != nil {
			return err
		}
	}
}

// stopped says why the training ends before its time, if it does.
func (c *course) stopped() string {
	if c.Stop == 0 || c.at.Worse < c.Stop {
		return ""
	}
	return fmt.Sprintf("%d measurements in a row were below the best, AP %.4f", c.at.Worse, c.at.Best)
}

// step1 draws a batch, takes a step and reports it.
func (c *course) step1(ctx context.Context) error {
	began := clock.Now()
	b, err := c.next(ctx)
	if err != nil {
		return err
	}
	rate := c.options.Schedule.Rate(c.options.Recipe.Rate, c.taken)
	l, err := c.Step(ctx, b.samples...)
	r := Report{Steps: c.Steps, Losses: l, Rate: rate, Passed: b.passed}
	switch {
	case errors.Is(err, ErrNotFinite):
		c.at.Drawn, c.at.Bad = b.drawn, c.at.Bad+1
		c.at.Names = append(c.at.Names, b.names...)
		if c.at.Bad >= mostBad {
			return fmt.Errorf("%w; %d steps in a row had none: lower the rate, or look at their pictures, %s", err, c.at.Bad, strings.Join(c.at.Names, ", "))
		}
		r.Losses, r.Skipped = Losses{}, fmt.Sprintf("%v; pictures %s", err, strings.Join(b.names, ", "))
	case err != nil:
		return err
	default:
		c.at.Drawn, c.at.Bad, c.at.Names = b.drawn, 0, nil
		r.FLOPs, r.Bytes, err = c.taxed(context.WithoutCancel(ctx)) // a step that was taken is reported
	}
	took := clock.Since(began)
	c.spent += took
	r.Step, r.Seconds = c.taken, took.Seconds()
	if done := c.taken - c.begun; done > 0 {
		r.Left = c.spent / time.Duration(done) * time.Duration(c.Steps-c.taken)
	}
	if r.Skipped != "" {
		err = nil
	}
	return errors.Join(c.report(r), err)
}

func (c *course) report(r Report) error {
	if c.Report != nil {
		c.Report(r)
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	n, err := c.metrics.Write(append(line, '\n'))
	c.at.Bytes += int64(n)
	return err
}

// measure evaluates, keeps the best weights, and saves.
func (c *course) measure(ctx context.Context) error {
	if c.Val != nil {
		e, passed, err := c.evaluate(ctx, evaluation{set: c.Val, affixes: c.Captions.Affixes, limits: c.Limits, found: c.Found})
		if err != nil {
			return err
		}
		ap, worse := e.Stats().AP, c.at.Worse+1
		if ap >= c.at.Best {
			about := map[string]string{}
			maps.Copy(about, c.About)
			about["ap"] = fmt.Sprintf("%.4f", ap)
			if err := c.weights(ctx, "best", about); err != nil {
				return err
			}
			c.at.Best, worse = ap, 0
		}
		c.options.Schedule.Validated(ap)
		c.at.Worse, c.at.Measured = worse, c.taken
		if err := c.report(Report{Step: c.taken, Steps: c.Steps, AP: &ap, Passed: passed, Stopped: c.stopped()}); err != nil {
			return err
		}
	}
	c.at.Measured = c.taken
	return c.save(ctx)
}

// save writes the weights, and then what the training goes on from: who finds that finds those too.
func (c *course) save(ctx context.Context) error {
	if err := c.weights(ctx, "last", c.About); err != nil {
		return err
	}
	return c.saveState(ctx)
}

func (c *course) saveState(ctx context.Context) error {
	if err := c.metrics.Sync(); err != nil {
		return err
	}
	err := c.SaveState(ctx, c.path("last.state"))
	if err == nil {
		c.kept = c.taken
	}
	return err
}

// weights saves them, and their averages if there are any.
func (c *course) weights(ctx context.Context, name string, about map[string]string) error {
	o := Saving{Names: c.Names, Half: c.Half, About: about}
	if c.Pickle {
		return c.Trainer.Save(ctx, c.path(name+".pth"), o)
	}
	err := c.Trainer.Save(ctx, c.path(name+".safetensors"), o)
	if err != nil || c.options.Average == 0 {
		return err
	}
	o.Averaged = true
	return c.Trainer.Save(ctx, c.path(name+".ema.safetensors"), o)
}
