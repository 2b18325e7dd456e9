package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/beam/pipeline"
	"github.com/glipvk/glipvk/fetch"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
	"github.com/spf13/cobra"
)

// flags are those of the command, beside Beam's.
type flags struct {
	pipeline.Config
	inputs, lists    []string
	archFile         string
	classesFile      string
	form             string
	overrides        []string
	runner           string
	attempts         int
	overwrite, noisy bool
}

const help = `glipbeam looks for what a query names in very many pictures, or with --mode features computes
their feature maps, as an Apache Beam pipeline. What is asked, and how, is said as to "glip
detect" and "glip features".

Pictures are --input: files, folders, patterns (quoted, so that the shell leaves them), tar
archives as webdataset has them (the members of a sample share their name up to the first
dot); or --list: files with one of these on each line. Paths such as gs://bucket/folder/* are
read where they are. Everything is spread over --shards by a hash of its path.

--output gets part-00003-of-00016.jsonl (or .parquet; feature maps come in .tar), its lines in
the order of paths. What cannot be read is named with the reason in dead-letters-*.jsonl, and
is no failure. summary.json counts it all. The files do not depend on the runner, the workers
or on who failed in between. The same command given again goes on: shards that are done are
kept.

--runner prism, the default, is in the program and needs nothing else; --workers is how many
shards are worked on at a time, in the one process, by one model on its device. With universal
(--endpoint HOST:PORT, a job server of Flink or Spark) and dataflow the workers are processes,
each with a model of its own. Beam's own flags are passed on: "glipbeam flags" lists them.

Exit status: 0 done, whatever the number of dead letters, 1 a failure of the program, the
device or the runner, or an interrupt, 2 wrong usage or bad input.`

// newRoot assembles the command.
func newRoot() *cobra.Command {
	var f flags
	root := &cobra.Command{
		Use:   "glipbeam [flags]",
		Short: "GLIP over very many pictures, on one machine or on many",
		Long:  help,
		Example: `  glipbeam --model glip-world --class dog --input 'scenes/*' --output out/dogs
  glipbeam --weights glip_tiny_model_o365_goldg_cc_sbu.pth --classes coco.txt --list paths.txt --shards 1000 --format parquet --output out/coco
  glipbeam --mode features --weights glip_tiny_model_o365_goldg_cc_sbu.pth --input 'shards/*.tar' --output out/maps
  glipbeam --runner universal --endpoint flink:8099 --environment_type DOCKER --environment_config glipbeam --weights /models/glip-t.pth --class cat --input '/data/*.tar' --output /data/out`,
		Args:         cobra.NoArgs,
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.define(root)
	beams := root.PersistentFlags()
	beams.AddGoFlagSet(flag.CommandLine)
	root.PersistentFlags().VisitAll(hide)
	root.AddCommand(newFlags(), newCost())
	return root
}

// define adds the flags, under the names that they have in glip.
func (f *flags) define(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringArrayVar(&f.inputs, "input", nil, "picture, folder, tar archive or pattern of such; may be repeated")
	fl.StringArrayVar(&f.lists, "list", nil, "file with the path of one of those on each line, or pattern of such files; may be repeated")
	fl.StringVar(&f.Output, "output", "", "folder for the results: new, empty, or of an earlier run of the same")
	fl.StringVar(&f.Mode, "mode", pipeline.Detect, "detect or features")
	fl.StringVar(&f.Format, "format", "", "of the results: jsonl or parquet (default jsonl); feature maps come as tar")
	fl.IntVar(&f.Shards, "shards", 16, "files that the results are spread over, and so pieces that are done or not: as many as there are some hundred pictures, or archives")
	fl.IntVar(&f.Workers, "workers", 2, "shards that a process works on at a time")
	fl.IntVar(&f.attempts, "attempts", 3, "with --runner prism, which tries nothing again, how often the pipeline is run until it succeeds")
	fl.BoolVar(&f.overwrite, "overwrite", false, "replace the results that --output has of another question")
	fl.StringVar(&f.runner, "runner", "prism", "prism (in the program), universal (a job server at --endpoint), flink, spark or dataflow")
	fl.BoolVar(&f.noisy, "verbose", false, "show what Beam logs")

	fl.StringVar(&f.Model, "model", "", "model, by name or nickname, see glip models (default: what the file of weights says, else glip-t)")
	fl.StringVar(&f.archFile, "arch", "", "JSON file that describes the architecture, instead of --model")
	fl.StringVar(&f.Weights, "weights", "", "checkpoint on every worker, or a name that glip fetch --list has, or synthetic[:SEED] for weights that are made up by a formula; --model glip-world has its own")
	fl.StringVar(&f.WeightsEntry, "weights-entry", "", "of a checkpoint with several sets of weights the one that is meant")
	fl.BoolVar(&f.AllowNonFinite, "allow-non-finite", false, "accept NaN and infinity in weights")
	fl.StringVar(&f.Device, "device", "auto", "auto (a GPU by Vulkan, else cpu), cpu, vulkan, a Vulkan device by index or part of its name, or reference; see glip devices")
	fl.StringVar(&f.Precision, "precision", "f32", "f32, f16 or auto")
	fl.BoolVar(&f.NoTune, "no-tune", false, "measure no kernels when a size is first met")
	fl.BoolVar(&f.NoFusion, "no-fusion", false, "run every operation of the graph by itself")
	fl.IntVar(&f.Batch, "batch", 1, "neighbouring pictures of one size that are computed together, at most")
	fl.StringVar(&f.Size, "size", "", "as of glip detect (SHORT,LONG or SHORT in pixels, or original), with --mode features of glip features (HEIGHTxWIDTH or original)")
	fl.IntVar(&f.Limits.MaxSide, "max-side", picture.DefaultMaxSide, "longest side of a picture, in pixels")
	fl.Int64Var(&f.Limits.MaxPixels, "max-pixels", picture.DefaultMaxPixels, "pixels of a picture")
	fl.Int64Var(&f.Limits.MaxMemory, "max-memory", picture.DefaultMaxMemory, "bytes that decoding one picture may take")
	fl.BoolVar(&f.IgnoreOrientation, "ignore-orientation", false, "take pictures as they are stored, whatever way up the camera noted")

	fl.StringArrayVar(&f.Query.Classes, "class", nil, "name of a class to look for; may be repeated")
	fl.StringVar(&f.classesFile, "classes", "", "file with a class name on each line")
	fl.StringVar(&f.form, "prompt-form", "eval", "how names become a caption: eval or demo")
	fl.StringVar(&f.Query.Caption, "text", "", "sentence to look for the parts of")
	fl.StringArrayVar(&f.Query.Phrases, "phrase", nil, "phrase of the sentence to look for; may be repeated")
	fl.StringVar(&f.Vocabulary, "vocab", "", "vocab.txt of the text encoder, on every worker (default: that of bert-base-uncased, built in)")
	fl.Float64Var(&f.Threshold, "threshold", 0.5, "keep what scores above this, from 0 on")
	fl.IntVar(&f.Max, "max", 100, "detections for each caption, at most; 0 for all")
	fl.StringArrayVar(&f.overrides, "override", nil, "TENSOR=VALUE: give all elements of a synthetic tensor this value; may be repeated")
	fl.IntSliceVar(&f.OutIndices, "out-indices", nil, "stages whose maps are written (default: the architecture's, 1,2,3)")
	fl.BoolVar(&f.PadSmallMap, "pad-small-map", false, "pad maps smaller than a window, as GLIP's detector does")
}

// ofMode are flags that one mode alone has.
var ofMode = map[string]string{
	"class": pipeline.Detect, "classes": pipeline.Detect, "prompt-form": pipeline.Detect, "text": pipeline.Detect, "phrase": pipeline.Detect,
	"vocab": pipeline.Detect, "threshold": pipeline.Detect, "max": pipeline.Detect, "override": pipeline.Detect,
	"out-indices": pipeline.Features, "pad-small-map": pipeline.Features,
}

// settle checks the flags and fills in what they leave open.
func (f *flags) settle(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	for name, mode := range ofMode {
		if given(name) && mode != f.Mode {
			return usage("--%s is of --mode %s", name, mode)
		}
	}
	f.Format, f.Names = cmp.Or(f.Format, pipeline.Formats(f.Mode)[0]), names
	switch {
	case len(f.inputs)+len(f.lists) == 0:
		return usage("no pictures: give --input or --list")
	case f.Output == "":
		return usage("--output is not given: want a folder for the results")
	case f.attempts < 1:
		return usage("--attempts %d: want at least 1", f.attempts)
	case f.Max < 0:
		return usage("--max %d: want 0 for all, or a number of detections", f.Max)
	case f.Max == 0:
		f.Max = glipvk.All
	}
	if f.archFile != "" {
		if given("model") {
			return usage("--model and --arch exclude each other: give one")
		}
		data, err := file.ReadAll(cmd.Context(), f.archFile, 1<<20)
		if err != nil {
			return usage("--arch: %w", err)
		}
		f.Arch = string(data)
	}
	if err := f.query(cmd); err != nil {
		return err
	}
	return f.model(cmd)
}

// query completes what is looked for.
func (f *flags) query(cmd *cobra.Command) error {
	q := &f.Query
	list := len(q.Classes) > 0 || f.classesFile != ""
	switch {
	case f.Mode != pipeline.Detect:
		return nil
	case len(q.Classes) > 0 && f.classesFile != "":
		return usage("--class and --classes exclude each other: put all names into the file")
	case list && (q.Caption != "" || len(q.Phrases) > 0):
		return usage("--class and --classes exclude --text and --phrase: give one way to say what to look for")
	case !list && q.Caption == "" && len(q.Phrases) == 0:
		return usage("nothing to look for: give --class, --classes or --text")
	case f.form != "eval" && f.form != "demo":
		return usage("--prompt-form %q: want eval or demo", f.form)
	}
	if f.form == "demo" {
		q.Form = text.Demo
	}
	if f.classesFile != "" {
		data, err := file.ReadAll(cmd.Context(), f.classesFile, 1<<24)
		if err != nil {
			return usage("--classes: %w", err)
		}
		for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
			if name := strings.TrimSpace(line); name != "" {
				q.Classes = append(q.Classes, name)
			}
		}
		if len(q.Classes) == 0 {
			return usage("--classes %s: the file holds no name; want one on each line", f.classesFile)
		}
	}
	for _, s := range f.overrides {
		name, number, ok := strings.Cut(s, "=")
		v, err := strconv.ParseFloat(number, 32)
		if !ok || name == "" || err != nil || v-v != 0 {
			return usage("--override %q: want TENSOR=VALUE, as in rpn.head.bias0=-4.5", s)
		}
		if f.Overrides == nil {
			f.Overrides = map[string]float32{}
		}
		f.Overrides[name] = float32(v)
	}
	return nil
}

// model decides which model and weights are meant, as glip does: weights by a name of package fetch are a file of this machine, and a file
// that says what it is of names its model.
func (f *flags) model(cmd *cobra.Command) error {
	if f.Weights == "" && f.Arch == "" {
		if m, err := glipvk.LookupBackbone(cmp.Or(f.Model, "glip-t")); err == nil && m.Checkpoint == glipvk.Embedded {
			f.Weights = glipvk.Embedded
		}
	}
	if f.Weights == "" {
		f.Weights = "synthetic:1"
		fmt.Fprintf(cmd.ErrOrStderr(), "glipbeam: no --weights: these are %s, made up by a formula, and what they give means nothing; \"glip models\" names checkpoints\n", f.Weights)
	}
	named := ""
	if _, err := os.Stat(f.Weights); err != nil {
		if item, err := fetch.Lookup(f.Weights); err == nil && item.Model != "" {
			found, err := fetch.Options{Getenv: os.Getenv}.Find(cmd.Context(), item)
			if err != nil {
				return usage("--weights %s: %w; type \"glip fetch %s\" first", f.Weights, err, item.Name)
			}
			f.Weights, named = found.Path, item.Model
		}
	}
	if f.Model != "" || f.Arch != "" {
		return nil
	}
	if f.Model = named; f.Model != "" {
		return nil
	}
	if card, err := glipvk.OpenCard(f.Weights, f.WeightsEntry); err != nil || card.Config == nil {
		f.Model = "glip-t"
	}
	return nil
}

// far readies the configuration for workers that are elsewhere: paths that do not depend on where the command was given.
func (f *flags) far() error {
	paths := []*string{&f.Output}
	for i := range f.inputs {
		paths = append(paths, &f.inputs[i])
	}
	for i := range f.lists {
		paths = append(paths, &f.lists[i])
	}
	if _, err := os.Stat(f.Weights); err == nil {
		paths = append(paths, &f.Weights)
	}
	if f.Vocabulary != "" {
		paths = append(paths, &f.Vocabulary)
	}
	for _, p := range paths {
		if strings.Contains(*p, "://") {
			continue
		}
		absolute, err := filepath.Abs(*p)
		if err != nil {
			return err
		}
		*p = absolute
	}
	return nil
}

// sources are what --input and --list name; each must name something that this machine sees.
func (f *flags) sources(ctx context.Context) (list []pipeline.Source, err error) {
	for _, p := range f.inputs {
		list = append(list, pipeline.Source{Pattern: p})
	}
	for _, l := range f.lists {
		list = append(list, pipeline.Source{List: l})
	}
	for _, s := range list {
		if err := s.Any(ctx); err != nil {
			return nil, err
		}
	}
	return slices.Clip(list), nil
}

// names are the flags that stand for what the library calls its options.
var names = map[string]string{
	"MaxSide": "--max-side", "MaxPixels": "--max-pixels", "MaxMemory": "--max-memory", "PadSmallMap": "--pad-small-map", "(Overwrite)": "(--overwrite)",
	"BackboneOptions.Arch": "--arch", "DetectorOptions.Arch": "--arch", "DetectorOptions.Vocabulary": "--vocab", "Options.Device": "--device",
}

// flagNames puts the names of flags in the place of those of the library's options.
func flagNames(said string) string {
	for _, option := range slices.Sorted(maps.Keys(names)) {
		said = strings.ReplaceAll(said, option, names[option])
	}
	return said
}
