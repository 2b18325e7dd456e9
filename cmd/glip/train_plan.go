package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/convert"
	arch "github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/train"
	"github.com/spf13/cobra"
)

// trainPlan is all that decides a training.
type trainPlan struct {
	Data      string `json:"data,omitempty"`
	Images    string `json:"images,omitempty"`
	Val       string `json:"val,omitempty"`
	ValImages string `json:"val_images,omitempty"`
	Part      string `json:"part,omitempty"`
	ValPart   string `json:"val_part,omitempty"`
	Task      string `json:"task,omitempty"`
	Root      string `json:"root,omitempty"`
	Shots     int    `json:"shots,omitempty"`
	Prepared  int    `json:"prepared,omitempty"`
	Overfit   int    `json:"overfit,omitempty"`
	Strict    bool   `json:"strict,omitempty"`
	labelSource

	Negatives int     `json:"negatives,omitempty"`
	Shuffle   bool    `json:"shuffle,omitempty"`
	Shorts    []int   `json:"short"`
	Long      int     `json:"long"`
	Flip      float64 `json:"flip"`

	Mode         string    `json:"mode"`
	Frozen       int       `json:"frozen"`
	Epochs       int       `json:"epochs,omitempty"`
	Steps        int       `json:"steps"`
	Batch        int       `json:"batch"`
	Repeat       int       `json:"repeat"`
	Seed         int       `json:"seed"`
	Validate     int       `json:"validate"`
	Save         int       `json:"save"`
	Rate         float64   `json:"rate"`
	LanguageRate float64   `json:"language_rate"`
	Decay        float64   `json:"decay"`
	Clip         float64   `json:"clip"`
	Average      float64   `json:"average"`
	DropPath     float64   `json:"drop_path"`
	DropBlock    float64   `json:"drop_block"`
	Dropout      float64   `json:"dropout"`
	Warmup       int       `json:"warmup"`
	Schedule     string    `json:"schedule,omitempty"`
	Milestones   []float64 `json:"milestone,omitempty"`
	Patience     int       `json:"patience"`
	Stop         int       `json:"stop"`
	Recompute    []string  `json:"recompute,omitempty"`
	Remember     int64     `json:"remember,omitempty"`
	Memory       int64     `json:"memory,omitempty"`
	Adapt        []string  `json:"adapt,omitempty"`
	Rank         int       `json:"rank,omitempty"`
	Alpha        float64   `json:"alpha,omitempty"`
	Format       string    `json:"format"`
	Names        string    `json:"names"`

	Half  bool              `json:"half,omitempty"`
	About map[string]string `json:"about,omitempty"`

	Weights   string `json:"weights"`
	Entry     string `json:"weights_entry,omitempty"`
	Model     string `json:"model,omitempty"`
	Arch      string `json:"arch,omitempty"`
	Vocab     string `json:"vocab,omitempty"`
	Device    string `json:"device"`
	Precision string `json:"precision"`

	Out    string         `json:"-"`
	Limits picture.Limits `json:"-"`
}

// trainConfig is config.json.
type trainConfig struct {
	Program stamp     `json:"program"`
	Device  string    `json:"device"` // as the driver calls it
	Plan    trainPlan `json:"plan"`
}

// complete fills in the mode's recipe, or, of a run that goes on, what it was begun with.
func (f *trainFlags) complete(cmd *cobra.Command) error {
	if f.resume != "" {
		return f.recall(cmd)
	}
	p := &f.plan
	switch {
	case p.Data == "" && p.Task == "":
		return cli.Usage("--data is missing: the annotations to learn from, as COCO's JSON or labels in another format (or --task, a task of ODinW)")
	case p.Data != "" && p.Task != "":
		return cli.Usage("--data and --task exclude each other: give one")
	case p.Task == "" && p.Prepared != 0, p.Prepared != 0 && p.Shots == 0:
		return cli.Usage("--prepared %d: names a subset of --task for --shots: give both", p.Prepared)
	}
	m, err := train.ParseMode(p.Mode)
	if err != nil {
		return cli.Usage("--mode %q: want %s", p.Mode, oneOf(train.Modes()))
	}
	p.Mode = string(m)
	if err := f.weights.Settle(cmd); err != nil {
		return err
	}
	p.Weights, p.Entry, p.Model, p.Arch = f.weights.Path, f.weights.Entry, f.weights.Model, f.weights.Arch
	p.Device, p.Precision = f.device.Name, f.device.Precision
	p.Vocab = vocabularyOf(p.Vocab, p.Arch)
	if err := f.find(cmd); err != nil {
		return err
	}
	f.defaults(cmd, m)
	if err := p.check(); err != nil {
		return err
	}
	f.weights.Forgotten(cmd)
	return nil
}

// oneOf joins words as a choice.
func oneOf[T ~string](words []T) string {
	var list []string
	for _, w := range words {
		list = append(list, string(w))
	}
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " or " + list[last]
}

// defaults sets what no flag says to the recipe's.
func (f *trainFlags) defaults(cmd *cobra.Command, m train.Mode) {
	p := &f.plan
	o, c := train.Defaults(m, p.Shots)
	epochs := 12 // as ODinW's task files
	if p.Val != "" || p.Task != "" {
		epochs = c.Epochs
	}
	flip, shorts := c.Flip, c.Shorts
	if own := f.model.Size; own.Short > 0 && own != picture.EvaluationSize {
		shorts, c.Long = []int{own.Short}, cmp.Or(own.Long, c.Long)
	}
	if p.Overfit > 0 {
		flip, shorts, c.Stop, c.Repeat = 0, c.Shorts[len(c.Shorts)/2:][:1], 0, 1
		for _, name := range []string{"drop-path", "drop-block", "dropout"} {
			if !cmd.Flags().Changed(name) {
				*map[string]*float64{"drop-path": &p.DropPath, "drop-block": &p.DropBlock, "dropout": &p.Dropout}[name] = 0
			}
		}
	}
	for name, set := range map[string]func(){
		"rate": func() { p.Rate = o.Recipe.Rate }, "language-rate": func() { p.LanguageRate = o.Recipe.LanguageRate }, "decay": func() { p.Decay = o.Recipe.Decay },
		"frozen": func() { p.Frozen = o.Frozen }, "patience": func() { p.Patience = o.Schedule.Patience }, "epochs": func() { p.Epochs = epochs },
		"adapt": func() { p.Adapt = o.Adapters.Globs }, "rank": func() { p.Rank = o.Adapters.Rank }, "alpha": func() { p.Alpha = o.Adapters.Alpha },
		"stop": func() { p.Stop = c.Stop }, "short": func() { p.Shorts = shorts }, "long": func() { p.Long = c.Long }, "flip": func() { p.Flip = flip },
	} {
		if !cmd.Flags().Changed(name) {
			set()
		}
	}
	if !cmd.Flags().Changed("repeat") && p.Shots > 0 {
		p.Repeat = c.Repeat // else the data say
	}
}

// check refuses numbers that describe no training, by the names of flags.
func (p *trainPlan) check() error {
	for _, x := range []struct {
		flag  string
		value int
		least int
	}{{"batch", p.Batch, 1}, {"epochs", p.Epochs, 1}, {"steps", p.Steps, 0}, {"shots", p.Shots, 0}, {"overfit", p.Overfit, 0}, {"validate", p.Validate, 0}, {"save", p.Save, 0},
		{"stop", p.Stop, 0}, {"patience", p.Patience, 0}, {"repeat", p.Repeat, 0}, {"warmup", p.Warmup, 0}, {"negatives", p.Negatives, 0}, {"seed", p.Seed, 0}, {"long", p.Long, 32}, {"short", slices.Min(append(p.Shorts, 32)), 32}} {
		if x.value < x.least {
			return cli.Usage("--%s %d: want at least %d", x.flag, x.value, x.least)
		}
	}
	if p.Seed >= 1<<24 {
		return cli.Usage("--seed %d: want 0 to %d", p.Seed, 1<<24-1)
	}
	for _, x := range []struct {
		flag  string
		value float64
	}{{"flip", p.Flip}, {"drop-path", p.DropPath}, {"drop-block", p.DropBlock}, {"dropout", p.Dropout}, {"average", p.Average}} {
		if !(x.value >= 0 && x.value <= 1) || x.value == 1 && x.flag != "flip" {
			return cli.Usage("--%s %g: want a share, from 0 on and below 1", x.flag, x.value)
		}
	}
	if p.Format != "safetensors" && p.Format != "pth" || p.Names != string(convert.Microsoft) && p.Names != string(convert.MMDetection) {
		return cli.Usage("--format %q, --names %q: want safetensors or pth, and microsoft or mmdetection", p.Format, p.Names)
	}
	if kinds := []string{"", string(train.Auto), string(train.Steps), string(train.Cosine)}; !slices.Contains(kinds, p.Schedule) || p.Schedule == string(train.Steps) && len(p.Milestones) == 0 || p.Schedule != "" && p.Schedule != string(train.Steps) && len(p.Milestones) > 0 {
		return cli.Usage("--schedule %q: want one of %q; steps, and only it, takes --milestone", p.Schedule, kinds[1:])
	}
	if err := p.labelSource.check(); err != nil {
		return err
	}
	if p.Memory < 0 {
		return cli.Usage("--memory %d: want 0 or more bytes", p.Memory)
	}
	if !(p.Rate >= 0 && p.LanguageRate >= 0 && p.Decay >= 0 && p.Clip >= 0) {
		return cli.Usage("--rate %g, --language-rate %g, --decay %g, --clip %g: want numbers from 0 on", p.Rate, p.LanguageRate, p.Decay, p.Clip)
	}
	return cli.CheckLimits(p.Limits)
}

// recall reads what a run was begun with.
func (f *trainFlags) recall(cmd *cobra.Command) error {
	for _, name := range []string{"dry-run", "overfit", "out"} {
		if cmd.Flags().Changed(name) {
			return cli.Usage("--resume and --%s exclude each other", name)
		}
	}
	path := filepath.Join(f.resume, "config.json")
	data, err := file.ReadAll(cmd.Context(), path, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return cli.Usage("--resume %s: there is no run: %w", f.resume, err)
	}
	var c trainConfig
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err == nil && (c.Plan.Batch < 1 || c.Plan.Steps < 1) {
		err = fmt.Errorf("it says nothing of a training")
	}
	if err != nil {
		return cli.Usage("--resume: %s: %w", path, err)
	}
	given, device := f.plan, f.device
	f.plan = c.Plan
	f.plan.Out, f.plan.Limits = f.resume, given.Limits
	f.device.Name, f.device.Precision = c.Plan.Device, c.Plan.Precision
	again := map[string]func(){
		"steps": func() { f.plan.Steps = given.Steps }, "save": func() { f.plan.Save = given.Save }, "recompute": func() { f.plan.Recompute = given.Recompute },
		"remember": func() { f.plan.Remember = given.Remember }, "memory": func() { f.plan.Memory = given.Memory },
		"device": func() { f.device.Name = device.Name }, "precision": func() { f.device.Precision = device.Precision },
	}
	var fixed []string
	for _, name := range changed(cmd) {
		if take, ok := again[name]; ok {
			take()
		} else if !slices.Contains(untold, name) {
			fixed = append(fixed, "--"+name)
		}
	}
	if len(fixed) > 0 {
		return cli.Usage("%s: a run that goes on keeps what it was begun with, in %s; leave it out, or begin another run with --weights %s", strings.Join(fixed, ", "), path, filepath.Join(f.resume, "last."+f.plan.Format))
	}
	f.weights.Path, f.weights.Entry, f.weights.Model, f.weights.Arch = c.Plan.Weights, c.Plan.Entry, c.Plan.Model, c.Plan.Arch
	if err := f.plan.check(); err != nil {
		return err
	}
	return f.find(cmd)
}

// untold are flags that config.json says nothing of.
var untold = []string{"resume", "no-tune", "no-fusion", "on-device-lost", "max-side", "max-pixels", "max-memory"}

// options are those of the trainer.
func (f *trainFlags) options() (train.Options, error) {
	p := f.plan
	m, err := train.ParseMode(p.Mode)
	if err != nil {
		return train.Options{}, cli.Usage("--mode: %w", err)
	}
	s := train.Schedule{Kind: train.Auto, Patience: p.Patience, Length: p.Steps, Warmup: train.Warmup{Steps: p.Warmup, Factor: 0.001}}
	if len(p.Milestones) > 0 {
		s.Kind, s.Milestones = train.Steps, p.Milestones
	}
	if p.Schedule != "" {
		s.Kind = train.Kind(p.Schedule)
	}
	return train.Options{
		Mode: m, Frozen: p.Frozen, Recipe: train.Recipe{Rate: p.Rate, LanguageRate: p.LanguageRate, Decay: p.Decay}, Schedule: s,
		Clip: p.Clip, Average: p.Average, Seed: p.Seed, Recompute: p.Recompute, Remember: p.Remember, Memory: p.Memory, Adapters: train.LowRank{Globs: p.Adapt, Rank: p.Rank, Alpha: p.Alpha},
		Random: arch.Random{DropPath: p.DropPath, DropBlock: p.DropBlock, Language: p.Dropout, Tower: p.Dropout},
	}, nil
}

// write puts config.json into the folder of the run.
func (p *trainPlan) write(device string) error {
	info, _ := debug.ReadBuildInfo()
	data, err := json.MarshalIndent(trainConfig{newStamp(info), device, *p}, "", "  ")
	if err != nil {
		return err
	}
	return file.Replace(filepath.Join(p.Out, "config.json"), append(data, '\n'), 0o644)
}

// vacant refuses a folder that has a run, and one that cannot be written.
func (p *trainPlan) vacant(ctx context.Context) error {
	for _, name := range []string{"config.json", "last.state", "metrics.jsonl"} {
		if _, err := os.Stat(filepath.Join(p.Out, name)); err == nil {
			return cli.Usage("--out %s has a run already (%s): --resume %s goes on with it; else choose another folder, or remove this one", p.Out, name, p.Out)
		}
	}
	_, err := openFolder(p.Out)
	return errors.Join(err, ctx.Err())
}
