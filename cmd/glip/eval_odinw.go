package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/eval"
	"github.com/spf13/cobra"
)

const evalODinWHelp = `eval odinw measures several data sets as COCO's and prints the AP of each and their plain mean,
which is what papers report. A data set is --truth NAME=FILE, or --task FILE, a task file of
configs/odinw_13 or odinw_35 of microsoft/GLIP with data below --root: its test split, its names
and its caption prompts; it is called as the file is.

--results is NAME=FILE for each data set, or one file as the leader board takes it, an object with
a list of COCO's results by name.`

// evalSets are the flags that name data sets.
type evalSets struct {
	truths, results, tasks []string
	root                   string
}

// evalSet is one of them.
type evalSet struct {
	name, truth, images string
	categories          []dataset.Category // instead of the annotations' own
	query               glipvk.Query       // its caption prompts, if any
}

func newEvalODinW(open opener) *cobra.Command {
	var f evalFlags
	var s evalSets
	var score float64
	cmd := &cobra.Command{
		Use:   "odinw [flags]",
		Short: "AP of several data sets and their mean, for Object Detection in the Wild",
		Long:  evalODinWHelp,
		Example: `  glip eval odinw --truth Raccoon=odinw/Raccoon/valid.json --truth pothole=odinw/pothole/valid.json --results submission.json
  glip eval odinw --task configs/odinw_13/pothole.yaml --root DATASET --model glip-t --weights glip_tiny_model_o365_goldg_cc_sbu.pth --out runs/odinw`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(s.truths)+len(s.tasks) == 0 {
				return cli.Usage("no data set: give --truth NAME=FILE or --task FILE, once for each")
			}
			f.truth, f.results = "the data sets", strings.Join(s.results, " ")
			if err := f.check(cmd); err != nil {
				return err
			}
			return f.odinw(cmd, open, s, score)
		},
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&s.truths, "truth", nil, "NAME=PATH, annotations of a data set: COCO's JSON, or labels in another format, a file or a folder; may be repeated")
	fl.StringArrayVar(&s.results, "results", nil, "NAME=PATH, results of a data set, may be repeated; or one FILE with those of all by name")
	fl.StringArrayVar(&s.tasks, "task", nil, "task file of ODinW (YAML); may be repeated")
	fl.StringVar(&s.root, "root", ".", "folder that the paths of --task are in: the one that holds odinw, or odinw itself")
	f.defineLabels(cmd)
	f.defineReport(cmd)
	defineScore(cmd, &score)
	return cmd
}

// list finds the data sets, sorted by name.
func (s *evalSets) list(cmd *cobra.Command, images string) (list []evalSet, err error) {
	for _, named := range s.truths {
		name, path, ok := strings.Cut(named, "=")
		if !ok || name == "" || path == "" {
			return nil, cli.Usage("--truth %q: want NAME=FILE", named)
		}
		list = append(list, evalSet{name: name, truth: path, images: images})
	}
	for _, path := range s.tasks {
		t, err := dataset.OpenTask(cmd.Context(), path, s.root)
		if err != nil {
			return nil, cli.Usage("--task: %w", err)
		}
		if len(t.Test) != 1 {
			return nil, cli.Usage("--task %s: it measures on the splits %q, want one: give the annotations with --truth", path, t.Test)
		}
		split, err := t.Split(t.Test[0])
		if err != nil {
			return nil, cli.Blame(err)
		}
		set := evalSet{name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), truth: split.Annotations, images: split.Pictures, categories: t.Categories}
		if len(t.Prompts) > 0 {
			names := make([]string, len(t.Prompts))
			for i, p := range t.Prompts {
				names[i] = p.Name
			}
			if set.query, err = affixQuery(names, t.Prompts); err != nil {
				return nil, cli.Usage("--task %s: %w", path, err)
			}
		}
		list = append(list, set)
	}
	slices.SortFunc(list, func(a, b evalSet) int { return cmp.Compare(a.name, b.name) })
	for i := range list {
		if i > 0 && list[i].name == list[i-1].name {
			return nil, cli.Usage("the data set %s is given twice", list[i].name)
		}
		if plain := plainName(list[i].name); list[i].name != plain && strings.ContainsAny(list[i].name, `/\`) {
			return nil, cli.Usage("the data set %q: a name without / or \\ is wanted, its results are files", list[i].name)
		}
	}
	return list, nil
}

// resultsBy reads the results of a data set that is called by some name.
type resultsBy func(b *boxed, name string) ([]eval.Found, error)

// found reads one file with the results of all data sets, or has those of each read when it is measured.
func (s *evalSets) found(cmd *cobra.Command) (resultsBy, error) {
	missing := func(name string, there []string) error {
		return cli.Usage("--results: nothing is given for the data set %s, only for %q", name, there)
	}
	if len(s.results) == 1 && !strings.Contains(s.results[0], "=") {
		sets, err := eval.ReadSubmission(cmd.Context(), s.results[0])
		return func(_ *boxed, name string) ([]eval.Found, error) {
			found, ok := sets[name]
			if !ok {
				return nil, missing(name, slices.Sorted(maps.Keys(sets)))
			}
			return found, nil
		}, input(err)
	}
	paths := map[string]string{}
	for _, named := range s.results {
		name, path, ok := strings.Cut(named, "=")
		if !ok || path == "" || paths[name] != "" {
			return nil, cli.Usage("--results %q: want NAME=PATH, once for each data set, or one FILE with all", named)
		}
		paths[name] = path
	}
	return func(b *boxed, name string) ([]eval.Found, error) {
		if paths[name] == "" {
			return nil, missing(name, slices.Sorted(maps.Keys(paths)))
		}
		return b.resultsOf(cmd.Context(), paths[name], cmd.ErrOrStderr())
	}, nil
}

func (f *evalFlags) odinw(cmd *cobra.Command, open opener, s evalSets, score float64) error {
	list, err := s.list(cmd, f.run.images)
	if err != nil {
		return err
	}
	out, err := f.folder()
	if err != nil {
		return err
	}
	var found resultsBy
	var d *lookout
	if f.run.wanted(cmd) {
		if f.run.prompts != "" && len(list) > 1 {
			return cli.Usage("--prompts is of one data set's categories, and there are %d: --task has prompts of its own", len(list))
		}
		d, err = f.run.open(cmd, open, f.out, 100)
	} else {
		found, err = s.found(cmd)
	}
	if err != nil {
		return err
	}
	o := odinw{flags: f, out: out, score: score, report: &evalReport{Measure: "odinw", Numbers: map[string]float64{}, Sets: map[string]*evalReport{}}, sets: map[string]*eval.Evaluation{}}
	for _, set := range list {
		if out != nil {
			out.keep("the annotations", set.truth)
		}
		if err = o.add(cmd, set, d, found); err != nil {
			break
		}
	}
	if d != nil {
		err = joinClose(cmd, d, err)
	}
	if err != nil {
		return err
	}
	return o.print(cmd.OutOrStdout(), list)
}

// odinw is a measurement of several data sets under way.
type odinw struct {
	flags  *evalFlags
	out    *folder
	score  float64
	report *evalReport
	sets   map[string]*eval.Evaluation
}

// add measures one: with d what it finds now, else what was found.
func (o *odinw) add(cmd *cobra.Command, set evalSet, d *lookout, found resultsBy) error {
	truths, images, err := o.flags.truths(cmd.Context(), set.truth, set.images, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if set.categories != nil {
		truths.Categories = nil
		for _, c := range set.categories {
			truths.Categories = append(truths.Categories, eval.Category{ID: c.ID, Name: c.Name})
		}
	}
	b := o.flags.boxed(truths, images, o.out, o.score)
	b.prefix = set.name + string(filepath.Separator)
	unread := 0
	if d != nil {
		if unread, err = b.find(cmd, d, set.query, true); err != nil {
			return err
		}
	} else if b.found, err = found(b, set.name); err != nil {
		return err
	}
	e, r, err := b.measureCOCO(cmd)
	if err != nil {
		return fmt.Errorf("%s: %w", set.name, err)
	}
	r.Unread, r.Published = unread, publishedSet(set.name)
	if err := b.mistakes(cmd.Context(), r, e, cmd.ErrOrStderr()); err != nil {
		return err
	}
	o.sets[set.name], o.report.Sets[set.name] = e, r
	o.report.Unread, o.report.Pictures = o.report.Unread+unread, o.report.Pictures+r.Pictures
	return b.writeCSV(e)
}

// print writes the AP of each, the mean, and the figures that are published for the 13.
func (o *odinw) print(w io.Writer, list []evalSet) error {
	mean, err := eval.ODinW(o.sets)
	if err != nil {
		return input(err)
	}
	o.report.Numbers["AP"] = mean
	o.report.Published = publishedODinW(list)
	done := unreadError(o.report.Unread, o.report.Pictures)
	if o.flags.json {
		return errors.Join(o.report.print(w, o.flags, ""), done)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	compared := slices.ContainsFunc(list, func(set evalSet) bool { return o.report.Sets[set.name].Published != nil })
	fmt.Fprint(tw, "data set\tpictures\tAP\tAP50\tAR")
	if o.flags.bootstrap > 0 {
		fmt.Fprint(tw, "\t95 in 100")
	}
	if compared {
		fmt.Fprint(tw, "\t"+strings.Join(odinwModels, "\t"))
	}
	fmt.Fprintln(tw)
	for _, set := range list {
		r := o.report.Sets[set.name]
		fmt.Fprintf(tw, "%s\t%d\t%.4f\t%.4f\t%.4f", set.name, r.Pictures, r.Numbers["AP"], r.Numbers["AP50"], r.Numbers["AR100"])
		if i, ok := r.Intervals["AP"]; ok {
			fmt.Fprint(tw, "\t"+between(i))
		} else if o.flags.bootstrap > 0 {
			fmt.Fprint(tw, "\t-")
		}
		for i := range odinwModels {
			switch {
			case r.Published != nil:
				fmt.Fprintf(tw, "\t%.3f", r.Published[i].Values[0]/100)
			case compared:
				fmt.Fprint(tw, "\t-")
			}
		}
		fmt.Fprintln(tw)
	}
	fmt.Fprintf(tw, "mean of %d\t%d\t%.4f\n", len(list), o.report.Pictures, mean)
	err = tw.Flush()
	if compared {
		_, failed := fmt.Fprintf(w, "\nThe columns %s are AP as they are published, zero shot, from %s.\n", strings.Join(odinwModels, ", "), fromOfficial)
		err = errors.Join(err, failed)
	}
	return errors.Join(err, printPublished(w, o.report.Published), done)
}
