package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/convert"
	"github.com/glipvk/glipvk/executor"
	arch "github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
	"github.com/glipvk/glipvk/train"
	"github.com/spf13/cobra"
)

// run trains.
func (f *trainFlags) run(cmd *cobra.Command) (err error) {
	if err := f.complete(cmd); err != nil {
		return err
	}
	ctx, stdout, stderr, p := cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), &f.plan
	if f.resume == "" && !f.dry {
		if err := p.vacant(ctx); err != nil {
			return err
		}
	}
	d, err := p.data(ctx, stderr)
	if err == nil {
		err = d.captioned(f.tokenizer, f.model.Detector.MaxTokens, stderr)
	}
	if err != nil {
		return err
	}
	p.steps(d)
	fmt.Fprintf(stdout, "%s of %s, %s of %s, mode %s\n", counted(len(d.train.Pictures), "picture", "pictures"), counted(len(d.train.Categories), "category", "categories"),
		counted(p.Steps, "step", "steps"), counted(p.Batch, "picture", "pictures"), p.Mode)
	t, err := f.open(cmd)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	cli.Fell(stderr, "glip", t.Executor().Device())
	if f.dry {
		return f.try(ctx, t, d, stdout, stderr)
	}
	return f.train(ctx, t, d, stdout, stderr)
}

// detector names what is trained.
func (f *trainFlags) detector(cmd *cobra.Command) (name string, o glipvk.DetectorOptions, err error) {
	o.Vocabulary = f.plan.Vocab
	name, o.Arch, err = cli.Architecture(cmd, f.weights, &o.Options, arch.ParseConfig)
	return name, o, err
}

// find finds what is trained and its vocabulary, and reads no weights.
func (f *trainFlags) find(cmd *cobra.Command) error {
	if vocab := f.plan.Vocab; vocab != "" {
		if _, err := text.Open(vocab); err != nil {
			return cli.Usage("--vocab: %w", err)
		}
	}
	name, o, err := f.detector(cmd)
	if err != nil {
		return err
	}
	if f.model, f.tokenizer, err = glipvk.FindDetector(name, o); err != nil {
		return fmt.Errorf("--weights %s: %w", f.weights.Path, err)
	}
	return nil
}

// open loads the detector and readies its training.
func (f *trainFlags) open(cmd *cobra.Command) (*train.Trainer, error) {
	o, err := f.options()
	if err != nil {
		return nil, err
	}
	m := cli.Meter(cmd.ErrOrStderr())
	defer m.Done()
	name, d, err := f.detector(cmd)
	if err != nil {
		return nil, err
	}
	d.Progress, d.Size = m.Show, f.plan.size()
	if err := errors.Join(f.device.Apply(&d.Options), f.device.Survive(cmd, &d.Options)); err != nil {
		return nil, cli.Blame(err)
	}
	return executor.Apart(cmd.Context(), func() (*train.Trainer, error) {
		l, err := glipvk.LoadDetector(name, d)
		if err != nil {
			return nil, fmt.Errorf("--weights %s: %w", f.weights.Path, err)
		}
		t, err := train.New(cmd.Context(), l, o)
		if errors.Is(err, train.ErrOptions) {
			err = cli.Blame(err)
		}
		return t, err
	})
}

// size is that of pictures that are measured on: the largest that is learned from, with the recipe GLIP's evaluation's.
func (p *trainPlan) size() picture.DetectorSize {
	return picture.DetectorSize{Short: slices.Max(p.Shorts), Long: p.Long}
}

// course is that of the plan.
func (p *trainPlan) course(d trainData, resume bool) train.Course {
	return train.Course{
		Train: d.train, Val: d.val, Captions: d.captions, Steps: p.Steps, Batch: p.Batch, Repeat: p.Repeat, Shorts: p.Shorts, Long: p.Long, Flip: p.Flip,
		Validate: p.Validate, Stop: p.Stop, Limits: p.Limits, Out: p.Out, Save: p.Save, Resume: resume, Pickle: p.Format == "pth", Names: convert.Names(p.Names), Half: p.Half, About: p.about(),
	}
}

// about is what saved weights say besides: the flag's, and, unless it says otherwise, which program this is.
func (p *trainPlan) about() map[string]string {
	info, _ := debug.ReadBuildInfo()
	v := newStamp(info)
	said := map[string]string{"program": "glip " + v.Version}
	if v.Commit != unknown && !v.Modified {
		said["commit"] = v.Commit
	}
	maps.Copy(said, p.About)
	return said
}

// train runs the course. An interrupt waits for the state to be saved.
func (f *trainFlags) train(ctx context.Context, t *train.Trainer, d trainData, stdout, stderr io.Writer) error {
	defer cli.Hold(ctx)()
	p := &f.plan
	for _, folder := range []string{p.Out, filepath.Join(p.Out, "val")} {
		_ = file.Sweep(folder) // what a run that was killed left there, also where nothing is left to do
	}
	s, err := newShow(ctx, p, t, d, stdout, stderr)
	if err != nil {
		return err
	}
	finished, err := train.Finished(filepath.Join(p.Out, "last.state"), p.Steps)
	if err != nil {
		return cli.Usage("--resume: %w", err)
	}
	if taken := s.curves.taken(); finished {
		return cli.Usage("--resume %s: the run has taken %d steps, and is to take %d: --steps with a higher number takes more", p.Out, taken, p.Steps)
	}
	if err := errors.Join(p.write(t.Executor().Device().Name), p.classes(d)); err != nil {
		return err
	}
	o := p.course(d, f.resume != "")
	o.Report, o.Found = s.report, s.found
	stop := context.AfterFunc(ctx, func() {
		s.say("interrupted: the state is being saved; a second Ctrl-C ends at once, without")
	})
	defer stop()
	err = t.Run(ctx, o)
	s.end()
	if ctx.Err() != nil && err != nil {
		return &cli.Interrupted{Rest: p.rest(err)}
	}
	if err != nil {
		return err
	}
	if s.step == 0 {
		fmt.Fprintf(stdout, "nothing is left to do: the measurements of %s were no better %d times in a row\n", p.Out, p.Stop)
		return nil
	}
	s.conclude()
	return nil
}

// rest says what an interrupted run left, and how to go on.
func (p *trainPlan) rest(err error) string {
	_, rest, _ := strings.Cut(err.Error(), context.Canceled.Error())
	rest = strings.TrimPrefix(rest, "; ")
	if _, err := os.Stat(filepath.Join(p.Out, "last.state")); err == nil {
		rest += fmt.Sprintf("; glip train --resume %s goes on", p.Out)
	}
	return strings.TrimPrefix(rest, "; ")
}

// try says what a training would be like.
func (f *trainFlags) try(ctx context.Context, t *train.Trainer, d trainData, stdout, stderr io.Writer) error {
	p := &f.plan
	bad, count, err := p.look(ctx, d, stderr)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "data: %s looked at, %d of no use\n", counted(count, "picture", "pictures"), bad)
	r, need, err := t.Try(ctx, p.course(d, false))
	if err != nil {
		return err
	}
	left := time.Duration(r.Seconds * float64(p.Steps) * float64(time.Second))
	fmt.Fprintf(stdout, "memory: %v; this process holds %s\n", need, bytesText(resident()))
	fmt.Fprintf(stdout, "time: %.2f s a step, %s, without measurements\n", r.Seconds, left.Round(time.Second))
	fmt.Fprintf(stdout, "loss: %.4g before the second step\n", r.Losses.Sum())
	if bad > 0 && p.Strict {
		return cli.Usage("--strict: %s of no use", counted(bad, "picture is", "pictures are"))
	}
	return nil
}

// held is how many pictures there are to measure on.
func (d trainData) held() int {
	if d.val == nil {
		return 0
	}
	return len(d.val.Pictures)
}
