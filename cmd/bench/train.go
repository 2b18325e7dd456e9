package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/synthetic"
	"github.com/glipvk/glipvk/text"
	"github.com/glipvk/glipvk/train"
	"github.com/spf13/cobra"
)

// trainDuration is how long training is measured if --duration does not say.
const trainDuration = 20 * time.Second

// training is a detector as it is measured while it learns.
type training struct {
	*train.Trainer
	loaded        *glipvk.Loaded
	mode          train.Mode
	recompute     []string
	height, width int
	samples       []dataset.Sample
	caption       caption
	recorded      train.Work
	direct        train.Work
	step, update  glipvk.Stats
	losses        []float64 // of each step, their sum
}

// losses are the result of a step. They fall from step to step.
type losses struct{}

func (losses) finite() error     { return nil } // a step whose losses are not is an error
func (losses) same(result) error { return nil }
func (losses) keep() result      { return losses{} }

// openTraining checks the flags of training and returns what opens it.
func (f flags) openTraining(cmd *cobra.Command, o *glipvk.Options) (func(context.Context, glipvk.Options) (model, error), error) {
	mode, err := train.ParseMode(f.mode)
	if err != nil {
		return nil, cli.Usage("--mode: %w", err)
	}
	name, arch, err := cli.Architecture(cmd, f.weights, o, glip.ParseConfig)
	return func(ctx context.Context, o glipvk.Options) (model, error) {
		l, err := glipvk.LoadDetector(name, glipvk.DetectorOptions{Options: o, Arch: arch, Vocabulary: f.vocab})
		if err != nil {
			return nil, err
		}
		t, err := train.New(ctx, l, f.recipe(mode))
		if errors.Is(err, train.ErrOptions) {
			err = cli.Usage("%w", err)
		}
		if err != nil {
			return nil, err
		}
		return &training{Trainer: t, loaded: l, mode: mode, recompute: f.recompute}, nil
	}, err
}

// recipe is the paper's of a mode, but for rates that are small: steps upon steps on one batch take weights by formula to losses
// that are no numbers.
func (f flags) recipe(mode train.Mode) train.Options {
	o, _ := train.Defaults(mode, 0)
	o.Frozen, o.Recompute = f.frozen, f.recompute
	o.Recipe.Rate, o.Recipe.LanguageRate = o.Recipe.Rate/1000, o.Recipe.LanguageRate/1000
	o.Schedule = train.Schedule{Kind: train.Steps, Length: 1 << 20}
	return o
}

func (t *training) Info() glipvk.Info         { return t.loaded.Info() }
func (t *training) Weights() string           { return t.loaded.Options().WeightsName() }
func (t *training) Notes() []string           { return nil }
func (t *training) Device() glipvk.DeviceInfo { return t.Executor().Device() }

// ready makes a batch: pictures, a caption, and a box for each of its phrases.
func (t *training) ready(f flags, height, width int) (err error) {
	t.height, t.width = cmp.Or(height, 320), cmp.Or(width, 512)
	if err := f.fits(t.height, t.width); err != nil {
		return err
	}
	if most := t.loaded.Config().MaxTokens; f.tokens > most {
		return cli.Usage("--tokens %d: the model reads at most %d", f.tokens, most)
	}
	captions, err := f.captions(t.loaded.Tokenizer())
	if err != nil {
		return err
	}
	t.caption = captions[0]
	prompts, err := t.caption.query.Prompts(t.loaded.Tokenizer())
	if err != nil {
		return err
	}
	for i := range f.batch {
		drawn := picture.Picture{Height: t.height, Width: t.width, Pixels: synthetic.Picture(t.height, t.width, 7+uint64(i))}
		in, err := picture.Detector{Size: picture.DetectorSize{Original: true}}.Apply(context.Background(), drawn)
		if err != nil {
			return err
		}
		s := dataset.Sample{Input: in, Caption: t.caption.Text}
		for n, label := range prompts[0].Labels {
			s.Things = append(s.Things, dataset.Thing{Box: box(n+i, t.height, t.width), Label: n + 1, Spans: []text.Span{label.Span}})
		}
		t.samples = append(t.samples, s)
	}
	t.recorded, t.direct, err = t.Work(t.samples...)
	return err
}

// box is one of many, of different places and sizes.
func box(n, height, width int) glip.Box {
	h, w := float64(height), float64(width)
	side := 0.15 + 0.1*float64(n%6)
	x, y := float64(n*7%10)/10*(1-side)*w, float64(n*3%10)/10*(1-side)*h
	return glip.Box{X1: x, Y1: y, X2: x + side*w - 1, Y2: y + side*h - 1}
}

// cases are a step, or, where frozen parts are remembered, one whose pictures come for the first time and one whose pictures are
// known.
func (t *training) cases() []testCase {
	w := t.recorded
	if w.Front == 0 {
		return []testCase{{Name: "step", MultiplyAdds: w.Sum(), run: t.run}}
	}
	return []testCase{
		{Name: "first epoch", Line: "first", MultiplyAdds: w.Sum(), run: t.run, before: func(context.Context) error { return t.Forget() }},
		{Name: "second epoch", Line: "second", MultiplyAdds: w.Forward + w.Backward, run: t.run, parts: []string{train.Forward, train.Backward, train.Update}},
	}
}

// run takes a step.
func (t *training) run(ctx context.Context) (result, error) {
	l, err := t.Step(ctx, t.samples...)
	t.losses = append(t.losses, l.Sum())
	return losses{}, err
}

func (t *training) profile(ctx context.Context) ([]glipvk.Timing, error) {
	if err := t.Forget(); err != nil {
		return nil, err
	}
	_, list, err := t.Profile(ctx, t.samples...)
	return list, err
}

func (t *training) stats(ctx context.Context) (_ glipvk.Stats, err error) {
	t.step, t.update, err = t.Stats(ctx, t.samples...)
	return t.step, err
}

// compare has nothing to compare with: tests do, step by step.
func (t *training) compare(context.Context) ([]glipvk.Difference, error) { return nil, nil }

func (t *training) plain() int64 { return t.direct.Sum() }

func (t *training) describe(r *report) {
	info, s := t.Info(), t.samples[0]
	r.Arch, r.Height, r.Width, r.Detector = info.Backbone, t.height, t.width, info.Detector
	r.Captions = []caption{t.caption}
	for i, x := range []int64{t.recorded.Front, 0}[:len(r.Cases)] {
		r.Cases[i].MultiplyAdds = x + t.step.FLOPs/2
	}
	r.MultiplyAdds = r.Cases[0].MultiplyAdds
	m := t.Memory()
	m.Step = t.step.ArenaBytes + t.step.ScratchBytes
	r.Training = &trainingReport{Mode: t.mode, Boxes: len(s.Things), Recorded: t.recorded, Direct: t.direct, Memory: m, Recompute: t.recompute, Update: t.update, losses: &t.losses}
	r.heading = fmt.Sprintf("training %s, %dx%d padded to %dx%d, batch %d, %d tokens, %d boxes",
		t.mode, t.height, t.width, s.Input.Height, s.Input.Width, len(t.samples), t.caption.Tokens, len(s.Things))
	r.line = fmt.Sprintf("Train/model=%s/mode=%s/size=%dx%d/tokens=%d/batch=%d", r.Model, t.mode, t.height, t.width, t.caption.Tokens, len(t.samples))
	r.notes = append(r.notes,
		[2]string{"caption", fmt.Sprintf("%.90q", t.caption.Text)},
		[2]string{"multiply-adds", work(t.recorded) + ", as recorded"},
		[2]string{"direct form", fmt.Sprintf("%s, captions of %d tokens", work(t.direct), info.Detector.MaxTokens)},
		[2]string{"trained", fmt.Sprintf("%.3f M values in %d tensors, %.3f M values are not", float64(m.Weights)/4e6, m.Tensors, float64(m.Frozen)/4e6)},
		[2]string{"memory", m.String()},
		[2]string{"update", fmt.Sprintf("%d dispatches, %.1f MB moved", t.update.Dispatches, float64(t.update.BytesMoved)/1e6)})
}

// work writes multiply-adds.
func work(w train.Work) string {
	text := fmt.Sprintf("%.2f GMAC forward, %.2f GMAC backward", float64(w.Forward)/1e9, float64(w.Backward)/1e9)
	if w.Front > 0 {
		text = fmt.Sprintf("%.2f GMAC frozen, once for a picture, then ", float64(w.Front)/1e9) + text
	}
	return text
}
