package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/dataset"
	arch "github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/train"
	"github.com/spf13/cobra"
)

const trainHelp = `train fine-tunes a detector on pictures with boxes, as tools/finetune.py of microsoft/GLIP does.

--data is COCO's JSON, or grounding JSON, whose pictures have captions. The caption of COCO's is the names of all its
categories. --mode says what is trained: full (all; --frozen 2 leaves the first stage out), head (tower and predictions), linear
(the last layers), language (the text encoder) or prompt (a table that is added to the text, the fewest weights). Rates, decay
and schedule are those of the paper for the mode, each can be given.

--out gets config.json with all that was chosen, metrics.jsonl with a line for each step, last.safetensors and, with --val,
best.safetensors, under the names of microsoft/GLIP, and last.state, from which --resume goes on to the same bits. Ctrl-C saves
and says how to go on.`

// trainFlags are the flags of "glip train".
type trainFlags struct {
	device  cli.Device
	weights cli.Weights
	plan    trainPlan
	vocab   string
	resume  string
	dry     bool
}

// trainPlan is what config.json keeps of them.
type trainPlan struct {
	Data, Images, Val, ValImages string
	Mode                         string
	Frozen, Epochs, Steps, Batch int
	Shots, Seed, Long, Validate  int
	Repeat, Stop, Save           int
	Shorts                       []int
	Rate, LanguageRate, Decay    float64
	Clip, Average, Flip          float64
	DropPath, DropBlock, Dropout float64
	Warmup                       int
	Milestones                   []float64
	Auto                         bool
	Patience                     int
	Out                          string
	Weights, Model, Arch         string
	Device                       string
	Recompute                    []string
}

func newTrain() *cobra.Command {
	var f trainFlags
	cmd := &cobra.Command{
		Use:   "train [flags]",
		Short: "fine-tune a detector on pictures with boxes",
		Long:  trainHelp,
		Example: `  glip train --data shapes.json --images photos --weights glip_tiny_model_o365_goldg_cc_sbu.pth --mode prompt --epochs 10 --val val.json --out runs/a
  glip train --resume runs/a --steps 4000`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.device.Define(cmd)
	f.weights.Define(cmd, "glip-t", arch.PresetNames)
	fl, p := cmd.Flags(), &f.plan
	fl.StringVar(&p.Data, "data", "", "annotations to learn from")
	fl.StringVar(&p.Images, "images", "", "folder of their pictures (default: that of the annotations)")
	fl.StringVar(&p.Val, "val", "", "annotations to measure on, with pictures in --val-images, --images, or beside them")
	fl.StringVar(&p.ValImages, "val-images", "", "folder of the pictures of --val (default: --images)")
	fl.StringVar(&p.Mode, "mode", string(train.Full), "what is trained: full, head, linear, language or prompt")
	fl.IntVar(&p.Frozen, "frozen", 0, "of full: -1 freezes nothing, 2 the first stage of the backbone, 3 two stages (default: 2, the paper's)")
	fl.IntVar(&p.Epochs, "epochs", 1, "times through the data, unless --steps is given")
	fl.IntVar(&p.Steps, "steps", 0, "steps of the whole training")
	fl.IntVar(&p.Batch, "batch", 4, "pictures of a step")
	fl.IntVar(&p.Shots, "shots", 0, "learn from so many pictures of each category; 0 for all")
	fl.IntVar(&p.Seed, "seed", 0, "of chance")
	fl.IntSliceVar(&p.Shorts, "short", []int{480, 560, 640, 720, 800}, "shorter side of pictures in pixels, one of them drawn for each")
	fl.IntVar(&p.Long, "long", 1333, "longer side at most")
	fl.Float64Var(&p.Flip, "flip", 0.5, "how often left and right are exchanged")
	fl.IntVar(&p.Validate, "validate", 0, "steps between measurements; 0 for once through the data")
	fl.Float64Var(&p.Rate, "rate", 0, "learning rate (default: the mode's)")
	fl.Float64Var(&p.LanguageRate, "language-rate", 0, "that of the text encoder (default: the mode's)")
	fl.Float64Var(&p.Decay, "decay", 0, "decay of weights (default: the mode's)")
	fl.Float64Var(&p.Clip, "clip", 1, "length of all gradients together at most; 0 for no bound")
	fl.Float64Var(&p.Average, "average", 0, "decay of a moving average of the weights; 0 for none")
	fl.Float64Var(&p.DropPath, "drop-path", 0.2, "share of residual branches that are left out in the backbone's last block")
	fl.Float64Var(&p.DropBlock, "drop-block", 0.3, "share of the pyramid's maps that is cleared")
	fl.Float64Var(&p.Dropout, "dropout", 0.1, "share of text and attention that is cleared")
	fl.IntVar(&p.Warmup, "warmup", 0, "steps in which the rate grows from a thousandth")
	fl.Float64SliceVar(&p.Milestones, "milestone", nil, "when the rate falls to a tenth: steps, or, below 1, shares of all")
	fl.IntVar(&p.Patience, "patience", 0, "measurements that may be no better before the rate falls to a tenth (default: 2, with --shots 3)")
	fl.IntVar(&p.Stop, "stop", 0, "measurements in a row below the best that end the training; 0 for never (default: 4, with --shots 8)")
	fl.IntVar(&p.Repeat, "repeat", 0, "how often each picture comes in a time through the data (default: 1, with few --shots up to 8)")
	fl.IntVar(&p.Save, "save", 0, "steps between saves of the state; measurements save it too")
	fl.StringSliceVar(&p.Recompute, "recompute", nil, "scopes, by globs of paths, whose values are computed again for the gradients and not kept: less memory, more time, the same numbers; blocks for all that come in numbers")
	fl.StringVar(&p.Out, "out", "out/train", "folder for what is saved")
	fl.StringVar(&f.vocab, "vocab", "", vocabBeside)
	fl.StringVar(&f.resume, "resume", "", "folder of an earlier run to go on with; only --steps and --device change")
	fl.BoolVar(&f.dry, "dry-run", false, "check data and options, and train nothing")
	cli.Complete(cmd, "mode", func() (list []string) {
		for _, m := range train.Modes() {
			list = append(list, string(m))
		}
		return list
	})
	return cmd
}

// run trains.
func (f *trainFlags) run(cmd *cobra.Command) error {
	if err := f.complete(cmd); err != nil {
		return err
	}
	ctx, stdout, stderr := cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	p := &f.plan
	set, val, err := f.sets(cmd, stderr)
	if err != nil {
		return err
	}
	if p.Steps == 0 {
		p.Steps = max(p.Epochs*p.Repeat*len(set.Pictures)/p.Batch, 1)
	}
	o, err := f.options()
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%d pictures of %d categories, %d steps of %d pictures, mode %s\n", len(set.Pictures), len(set.Categories), p.Steps, p.Batch, o.Mode)
	if f.dry {
		return nil
	}
	t, err := f.open(cmd, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := file.Replace(filepath.Join(p.Out, "config.json"), append(data, '\n'), 0o644); err != nil {
		return err
	}
	err = t.Run(ctx, train.Course{
		Train: set, Val: val, Steps: p.Steps, Batch: p.Batch, Shorts: p.Shorts, Long: p.Long, Flip: p.Flip, Validate: p.Validate, Stop: p.Stop,
		Repeat: p.Repeat, Out: p.Out, Save: p.Save, Resume: f.resume != "",
		Report: func(r train.Report) { printStep(stdout, r) },
	})
	if ctx.Err() != nil {
		return &cli.Interrupted{Rest: fmt.Sprintf("the state is saved; glip train --resume %s goes on", p.Out)}
	}
	return err
}

// printStep writes a line for a step or a measurement.
func printStep(w io.Writer, r train.Report) {
	switch {
	case r.AP != nil:
		fmt.Fprintf(w, "step %d: AP %.4f\n", r.Step, *r.AP)
	case r.Skipped != "":
		fmt.Fprintf(w, "step %d was skipped: %s\n", r.Step+1, r.Skipped)
	default:
		fmt.Fprintf(w, "step %d of %d: loss %.4f (box %.4f, centre-ness %.4f, token %.4f), rate %.3g, %.2f s, %s left\n",
			r.Step, r.Steps, r.Losses.Sum(), r.Losses.Box, r.Losses.Centerness, r.Losses.Token, r.Rate, r.Seconds, r.Left.Round(time.Second))
	}
}

// complete fills in the mode's recipe, or, of a run that goes on, what it was begun with.
func (f *trainFlags) complete(cmd *cobra.Command) error {
	p := &f.plan
	if f.resume != "" {
		steps := p.Steps
		data, err := file.ReadAll(cmd.Context(), filepath.Join(f.resume, "config.json"), 1<<20)
		if err == nil {
			err = json.Unmarshal(data, p)
		}
		if err != nil {
			return cli.Usage("--resume: %w", err)
		}
		p.Out = f.resume
		if steps > 0 {
			p.Steps = steps
		}
		f.weights.Path, f.weights.Model, f.weights.Arch = p.Weights, p.Model, p.Arch
		return nil
	}
	if p.Data == "" {
		return cli.Usage("--data is missing: the annotations to learn from, as COCO's JSON")
	}
	if p.Batch < 1 || p.Epochs < 1 || p.Steps < 0 || len(p.Shorts) == 0 || slices.Min(p.Shorts) < 32 {
		return cli.Usage("--batch %d, --epochs %d, --steps %d, --short %v: want at least 1, 1, 0 and sides of 32 pixels", p.Batch, p.Epochs, p.Steps, p.Shorts)
	}
	m, err := train.ParseMode(p.Mode)
	if err != nil {
		return cli.Usage("--mode: %w", err)
	}
	o, c := train.Defaults(m, p.Shots)
	for name, set := range map[string]func(){
		"rate": func() { p.Rate = o.Recipe.Rate }, "language-rate": func() { p.LanguageRate = o.Recipe.LanguageRate }, "decay": func() { p.Decay = o.Recipe.Decay },
		"frozen": func() { p.Frozen = o.Frozen }, "patience": func() { p.Patience = o.Schedule.Patience },
		"stop": func() { p.Stop = c.Stop }, "repeat": func() { p.Repeat = c.Repeat },
	} {
		if !cmd.Flags().Changed(name) {
			set()
		}
	}
	p.Auto = len(p.Milestones) == 0
	p.Weights, p.Model, p.Arch = f.weights.Path, f.weights.Model, f.weights.Arch
	return nil
}

// sets reads the annotations.
func (f *trainFlags) sets(cmd *cobra.Command, stderr io.Writer) (set, val *dataset.Set, err error) {
	p := f.plan
	if set, err = dataset.Open(cmd.Context(), p.Data, dataset.Options{Pictures: p.Images}); err != nil {
		return nil, nil, cli.Blame(err)
	}
	if left := set.Report.String(); left != "" {
		fmt.Fprintf(stderr, "glip: %s: %s\n", p.Data, left)
		for _, e := range set.Report.Examples {
			fmt.Fprintf(stderr, "glip: for example, %s\n", e)
		}
	}
	set.Shots(p.Shots)
	if p.Val == "" {
		return set, nil, nil
	}
	folder := p.ValImages
	if folder == "" {
		folder = p.Images
	}
	if val, err = dataset.Open(cmd.Context(), p.Val, dataset.Options{Pictures: folder}); err != nil {
		return nil, nil, cli.Blame(err)
	}
	return set, val, nil
}

// options are those of the trainer.
func (f *trainFlags) options() (train.Options, error) {
	p := f.plan
	m, err := train.ParseMode(p.Mode)
	if err != nil {
		return train.Options{}, cli.Usage("--mode: %w", err)
	}
	s := train.Schedule{Kind: train.Auto, Patience: p.Patience, Length: p.Steps, Warmup: train.Warmup{Steps: p.Warmup, Factor: 0.001}}
	if !p.Auto {
		s.Kind, s.Milestones = train.Steps, p.Milestones
	}
	return train.Options{
		Mode: m, Frozen: p.Frozen, Recipe: train.Recipe{Rate: p.Rate, LanguageRate: p.LanguageRate, Decay: p.Decay}, Schedule: s, Clip: p.Clip, Average: p.Average, Seed: p.Seed, Recompute: p.Recompute,
		Random: arch.Random{DropPath: p.DropPath, DropBlock: p.DropBlock, Language: p.Dropout, Tower: p.Dropout},
	}, nil
}

// open loads the detector and readies its training.
func (f *trainFlags) open(cmd *cobra.Command, o train.Options) (*train.Trainer, error) {
	d := glipvk.DetectorOptions{Vocabulary: vocabularyOf(f.vocab, f.weights.Arch)}
	if err := f.device.Apply(&d.Options); err != nil {
		return nil, err
	}
	name, cfg, err := cli.Architecture(cmd, f.weights, &d.Options, arch.ParseConfig)
	if err != nil {
		return nil, err
	}
	d.Arch = cfg
	l, err := glipvk.LoadDetector(name, d)
	if err != nil {
		return nil, err
	}
	return train.New(cmd.Context(), l, o)
}
