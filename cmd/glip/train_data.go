package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/text"
	"github.com/glipvk/glipvk/train"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// trainData is what a run learns from and measures on.
type trainData struct {
	train, val *dataset.Set // val may be nil
	captions   dataset.Captions
}

// data reads the annotations.
func (p *trainPlan) data(ctx context.Context, stderr io.Writer) (d trainData, err error) {
	split := dataset.Split{Annotations: p.Data, Pictures: p.Images}
	held := dataset.Split{Annotations: p.Val, Pictures: cmp.Or(p.ValImages, p.Images)}
	d.captions = dataset.Captions{Shuffle: p.Shuffle, Negatives: p.Negatives}
	o := dataset.Options{Strict: p.Strict, Format: p.LabelFormat}
	if o.VOC, err = parseVOC(p.VOC); err != nil {
		return d, err
	}
	if o.Part, o.PartIfAny, err = partOf("--part", p.Part, "train"); err != nil {
		return d, err
	}
	copies := 1
	if p.Task != "" {
		t, err := dataset.OpenTask(ctx, p.Task, p.Root)
		if err != nil {
			return d, cli.Usage("--task: %w", err)
		}
		if split, held, err = p.splits(t, held); err != nil {
			return d, err
		}
		o.Categories, d.captions.Affixes = t.Categories, slices.Clone(t.Prompts)
		copies = t.Copies
	}
	if p.Repeat == 0 {
		p.Repeat = copies
	}
	o.Pictures = split.Pictures
	if d.train, err = openSet(ctx, "--data", split.Annotations, o, stderr); err != nil {
		return d, err
	}
	if p.Prepared == 0 {
		d.train.Shots(p.Shots)
	}
	if p.Overfit > 0 {
		d.train.Pictures = d.train.Pictures[:min(p.Overfit, len(d.train.Pictures))]
		d.val = d.train
		return d, nil
	}
	if held.Annotations == "" {
		return d, nil
	}
	o.Pictures, o.Empty = held.Pictures, true
	if o.Part, o.PartIfAny, err = partOf("--val-part", p.ValPart, "val"); err != nil {
		return d, err
	}
	if d.val, err = openSet(ctx, "--val", held.Annotations, o, stderr); err != nil {
		return d, err
	}
	return d, measurable(held.Annotations, d)
}

// splits are those of a task that are learned from and measured on; --val comes before the task's.
func (p *trainPlan) splits(t *dataset.Task, held dataset.Split) (learn, measure dataset.Split, err error) {
	if len(t.Train) != 1 {
		return learn, measure, cli.Usage("--task %s: it trains on the splits %q, want one: name annotations with --data", t.Path, t.Train)
	}
	name := t.Train[0]
	if p.Prepared != 0 {
		if name = t.Prepared(name, p.Shots, p.Prepared); name == "" {
			return learn, measure, cli.Usage("--task %s: it has no subset of %s for --shots %d that was made with --prepared %d", t.Path, t.Train[0], p.Shots, p.Prepared)
		}
	}
	if learn, err = t.Split(name); err != nil || held.Annotations != "" || len(t.Test) == 0 {
		return learn, held, cli.Blame(err)
	}
	test := t.Test[0]
	if subset := t.Prepared(test, p.Shots, p.Prepared); p.Prepared != 0 && subset != "" {
		test = subset
	}
	measure, err = t.Split(test)
	return learn, measure, cli.Blame(err)
}

// openSet reads annotations and says what was left out.
func openSet(ctx context.Context, flag, path string, o dataset.Options, stderr io.Writer) (*dataset.Set, error) {
	set, err := dataset.Open(ctx, path, o)
	if err != nil {
		return nil, cli.Usage("%s: %w", flag, err)
	}
	if left := set.Report.String(); left != "" {
		fmt.Fprintf(stderr, "glip: %s: %s\n", path, left)
	}
	for _, e := range set.Report.Examples {
		fmt.Fprintf(stderr, "glip: for example, %s\n", e)
	}
	return set, nil
}

// measurable refuses data that no AP can be computed of.
func measurable(path string, d trainData) error {
	if slices.ContainsFunc(d.val.Pictures, func(p dataset.Picture) bool { return p.Caption != "" }) {
		return cli.Usage("--val %s: its pictures have captions; AP is of categories: give annotations with categories, or no --val", path)
	}
	if prompts := len(d.captions.Affixes); prompts > 0 && prompts != len(d.val.Categories) {
		return cli.Usage("--val %s: %d categories for %d caption prompts of the task", path, len(d.val.Categories), prompts)
	}
	return nil
}

// steps says how many a training has, and when it is measured, where no flag did.
func (p *trainPlan) steps(d trainData) {
	p.Steps = train.Course{Train: d.train, Steps: p.Steps, Epochs: p.Epochs, Repeat: p.Repeat, Batch: p.Batch}.Length()
	if p.Overfit > 0 && p.Validate == 0 {
		p.Validate = max(p.Steps/4, 1) // once through so little data is too often
	}
}

// classes writes the names of the categories in their order, as "glip detect --classes" takes them.
func (p *trainPlan) classes(d trainData) error {
	text := strings.Join(d.train.Names(), "\n") + "\n"
	return file.Replace(filepath.Join(p.Out, "classes.txt"), []byte(text), 0o644)
}

// captioned refuses categories that no caption can be made of, before weights are loaded, and remarks on one that is too long.
func (d trainData) captioned(t *text.Tokenizer, most int, stderr io.Writer) error {
	if _, err := dataset.NewCaptioner(d.train.Names(), d.captions, t); err != nil {
		return cli.Blame(err)
	}
	c, err := dataset.Fixed(d.train.Names(), d.captions.Affixes)
	if err != nil {
		return cli.Blame(err)
	}
	e, err := t.Encode(c.Text)
	if n := len(e.IDs()); err == nil && n > most && d.captions.Negatives == 0 {
		fmt.Fprintf(stderr, "glip: the names of all %d categories are %d tokens, of which the model reads %d: the last ones are not learned; --negatives 85 names some in each caption\n",
			len(d.train.Categories), n, most)
	}
	return cli.Blame(err)
}

// changed lists the flags that were given, in the order of their names.
func changed(cmd *cobra.Command) (names []string) {
	cmd.Flags().Visit(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}
