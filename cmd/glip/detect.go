package main

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/executor"
	arch "github.com/glipvk/glipvk/glip" // its name is that of the program
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
	"github.com/spf13/cobra"
)

const detectHelp = `detect finds what a query names in pictures and prints boxes, the best first: their
corners in pixels of the picture, both within the box, and a score from 0 to 1.

` + queryHelp + `

` + inputHelp + ` An array of uint8 [H, W, 3] (red,
green, blue) is a picture, float32 [1, 3, H, W] a tensor that is preprocessed already,
its sides multiples of 32.

--size 800,1333 brings the short side to 800 pixels and the long one to 1333 at most, as in
GLIP's evaluation; a single number the short side only, as in its demo; original resizes
nothing. --threshold 0 prints all that is left after suppression.

What is found in an input is printed as soon as it is known. --format jsonl prints an object
on a line for each input, json a list of such objects, coco the results that COCO's
evaluation reads: image_id is the number that all names of inputs end in, as in
000000000139.jpg, else inputs are counted from 1; category_id is the label, or COCO's own
id where the classes are its 80 names. --draw writes STEM.boxes.png to --out, --crop
STEM.crop001.png and so on, the best first, --taps STEM.taps.npz.

While some inputs are computed the next are read and resized. --batch computes neighbours
of one size together, with the same results: more throughput on a device that a single
picture does not fill, for more memory.

--resume FILE goes on where an earlier run was interrupted: inputs whose results FILE has are
left out, and these are printed again before the new ones, as in
"glip detect --format json --resume part.json photos/ > whole.json"; lines may be appended
to their own file (--format jsonl --resume all.jsonl >> all.jsonl). The file must have been
made with the same weights and query; what failed there is tried again.

Weights by formula find boxes without meaning. When an input is bad the others are still
computed, and the exit status is 2. With --verify it is 3 when numbers are further from the
CPU reference's than the precision explains. An interrupt ends the work soon: what is done
is printed, lists are closed, what is not done is said on stderr, and the exit status is 1.`

// detectFlags are the flags of "glip detect".
type detectFlags struct {
	queryFlags
	runFlags
	threshold    float64
	most         int
	size, format string
	resume       string
	draw, crop   bool
	overrides    []string
}

// finder is what commands need of a [glipvk.Detector].
type finder interface {
	Preprocess(...picture.Picture) (picture.Input, error)
	Stream(context.Context, glipvk.Query, iter.Seq[glipvk.Load], glipvk.StreamOptions) iter.Seq2[glipvk.Found, error]
	DetectInput(context.Context, glipvk.Query, picture.Input) ([][]glipvk.Detection, error)
	Verify(context.Context, glipvk.Query, picture.Input, [][]glipvk.Detection) ([]glipvk.Difference, error)
	Taps(context.Context, glipvk.Query, picture.Input, ...string) ([]glipvk.Map, error)
	Info() glipvk.Info
	Weights() string
	Notes() []string
	Device() glipvk.DeviceInfo
	CloseWithin(context.Context, time.Duration) error
}

// opener readies a detector.
type opener func(ctx context.Context, name string, o glipvk.DetectorOptions) (finder, error)

// openDetector is the opener of the commands; tests have others.
func openDetector(ctx context.Context, name string, o glipvk.DetectorOptions) (finder, error) {
	d, err := glipvk.OpenDetector(ctx, name, o)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func newDetect(open opener) *cobra.Command {
	var f detectFlags
	cmd := &cobra.Command{
		Use:   "detect [flags] INPUT...",
		Short: "find what a sentence or a list of classes names in pictures",
		Long:  detectHelp,
		Example: `  glip detect --weights glip_tiny_model_o365_goldg_cc_sbu.pth --text "a cat and its whiskers" --draw --out found cat.png
  glip detect --model glip-world --text "a cat and two dogs" --draw --out found scene.png
  glip detect --weights synthetic:1 --class cat --class "traffic light" --threshold 0.05 --size 320,512 cat.png
  glip detect --weights glip_a_tiny_o365.pth --model glip-t-a --class cat --batch 8 --format jsonl photos/
  glip detect --model glip-l --weights glip_large_model.pth --classes coco.txt --threshold 0 --format coco val2017/ > results.json`,
		Args: someInput,
		RunE: func(cmd *cobra.Command, args []string) error { return runDetect(cmd, f, open, args) },
	}
	f.queryFlags.define(cmd)
	f.runFlags.define(cmd, "glip-t", detectorNames)
	f.define(cmd)
	cmd.Flags().Lookup("vocab").Usage = vocabBeside
	return cmd
}

// define adds the flags that "glip features" has not.
func (f *detectFlags) define(cmd *cobra.Command) {
	f.defineSearch(cmd)
	fl := cmd.Flags()
	fl.Float64Var(&f.threshold, "threshold", defaultThreshold, "print what scores above this, from 0 on")
	fl.StringVar(&f.format, "format", "table", "what is printed: table, jsonl, json or coco")
	fl.StringVar(&f.resume, "resume", "", "results of an earlier run, jsonl, json or coco: leave out the inputs that have some there, and print these again")
	fl.BoolVar(&f.draw, "draw", false, "write STEM.boxes.png, the picture with the boxes")
	fl.BoolVar(&f.crop, "crop", false, "write a picture for each box")
	cli.Complete(cmd, "format", detectFormats)
}

// defineSearch adds those that decide what is found, however it is put down.
func (f *detectFlags) defineSearch(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.IntVar(&f.most, "max", 100, "detections for each caption, at most; 0 for all")
	fl.StringVar(&f.size, "size", "", "SHORT,LONG or SHORT in pixels, or original (default: what the model was trained at if its file says so, else 800,1333)")
	fl.StringArrayVar(&f.overrides, "override", nil, "TENSOR=VALUE: give all elements of a synthetic tensor this value; may be repeated")
}

// defaultThreshold is the score that a box must exceed where no flag says another one.
const defaultThreshold = 0.5

func detectFormats() []string { return []string{"table", "jsonl", "json", "coco"} }

// options turns flags into those of the library.
func (f detectFlags) options(cmd *cobra.Command) (name string, o glipvk.DetectorOptions, err error) {
	o = glipvk.DetectorOptions{Vocabulary: f.vocab, Threshold: f.threshold, Max: f.most}
	if o.Max == 0 {
		o.Max = glipvk.All
	}
	switch {
	case !slices.Contains(detectFormats(), f.format):
		return "", o, cli.Usage("--format %q: want table, jsonl, json or coco", f.format)
	case !(f.threshold >= 0 && f.threshold < 1):
		return "", o, cli.Usage("--threshold %g: want a number from 0 on and below 1", f.threshold)
	case f.most < 0:
		return "", o, cli.Usage("--max %d: want 0 for all, or a number of detections", f.most)
	}
	if o.Size, err = picture.ParseDetectorSize(f.size); err != nil {
		return "", o, cli.Usage("--size: %w", err)
	}
	if o.Overrides, err = parseOverrides(f.overrides); err != nil {
		return "", o, err
	}
	name, o.Arch, err = apply(cmd, f.runFlags, &o.Options, arch.ParseConfig)
	return name, o, err
}

// asked is what decides what is found.
func (f detectFlags) asked(name string, q glipvk.Query, o glipvk.DetectorOptions) asked {
	return asked{strings.ReplaceAll(strings.ToLower(name), "_", "-"), f.weights.Arch, o.WeightsName(), f.weights.Entry, f.vocab, o.Size.String(), q, o.Threshold, o.Max, o.Overrides, f.stored}
}

// parseOverrides reads TENSOR=VALUE; nil if there are none.
func parseOverrides(list []string) (map[string]float32, error) {
	var values map[string]float32
	for _, s := range list {
		name, number, ok := strings.Cut(s, "=")
		v, err := strconv.ParseFloat(number, 32)
		if !ok || name == "" || err != nil || v-v != 0 {
			return nil, cli.Usage("--override %q: want TENSOR=VALUE, as in rpn.head.bias0=-4.5", s)
		}
		if _, twice := values[name]; twice {
			return nil, cli.Usage("--override %s is given twice", name)
		}
		if values == nil {
			values = map[string]float32{}
		}
		values[name] = float32(v)
	}
	return values, nil
}

// tokenizer is the model's, and the size that it takes pictures in unless --size says another. Where the model cannot be found, opening
// it will say why.
func (f detectFlags) tokenizer(name string, o glipvk.DetectorOptions) (*text.Tokenizer, picture.DetectorSize, error) {
	info, t, err := glipvk.FindDetector(name, o)
	if err != nil {
		t, err = f.queryFlags.tokenizer()
		info.Size = picture.EvaluationSize
	}
	return t, cmp.Or(o.Size, info.Size), err
}

// check finds what is wrong with the query before anything large is loaded, and remarks on it.
func (f detectFlags) check(cmd *cobra.Command, t *text.Tokenizer) (glipvk.Query, error) {
	q, err := f.query(cmd)
	if err != nil {
		return q, err
	}
	var prompts []text.Prompt
	if prompts, err = q.Prompts(t); err != nil {
		return q, advise(err)
	}
	return q, f.remark(cmd, t, prompts)
}

// endings are those of the results whose number does not depend on what is found.
func (f detectFlags) endings() []string {
	var endings []string
	if f.draw {
		endings = append(endings, ".boxes.png")
	}
	if len(f.taps) > 0 {
		endings = append(endings, ".taps.npz")
	}
	return endings
}

func runDetect(cmd *cobra.Command, f detectFlags, open opener, args []string) (err error) {
	ctx, stdout, stderr := cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	f.vocab = vocabularyOf(f.vocab, f.weights.Arch)
	if err := f.weights.Settle(cmd); err != nil {
		return err
	}
	j := &search{flags: f, meter: cli.Meter(stderr)}
	defer j.meter.Done()
	defer func() {
		if ctx.Err() != nil && j.results == nil {
			err = errors.Join(err, j.printer(stdout, nil).end()) // nothing, in the form of the format
		}
	}()
	name, o, err := f.options(cmd)
	if err != nil {
		return err
	}
	t, size, err := f.tokenizer(name, o)
	if err != nil {
		return err
	}
	q, err := f.check(cmd, t)
	if err != nil {
		return err
	}
	items, err := f.inputs(cmd, args)
	if err != nil {
		return err
	}
	o.Size = size
	j.query, j.asked = q, f.asked(name, q, o).hash()
	if f.draw || f.crop || len(f.taps) > 0 {
		j.out, err = f.results(items, f.endings(), [2]string{"the vocabulary", f.vocab}, [2]string{"the list of classes", f.classesFile},
			[2]string{"the results of --resume", f.resume})
		if err != nil {
			return err
		}
	}
	if f.draw {
		if j.letters, err = f.letters(ctx, j.out, stderr); err != nil {
			return err
		}
	}
	o.Progress = j.meter.Show
	j.open = func(ctx context.Context) (err error) {
		if j.finder, err = executor.Apart(ctx, func() (finder, error) { return open(ctx, name, o) }); err == nil {
			cli.Fell(stderr, "glip", j.finder.Device())
			cli.Notes(stderr, "glip", j.finder.Notes())
		}
		return err
	}
	defer func() {
		if j.finder != nil {
			err = errors.Join(err, j.finder.CloseWithin(ctx, cli.Grace))
		}
	}()
	return j.run(ctx, items, stdout, stderr)
}
