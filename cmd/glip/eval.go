package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"path/filepath"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/eval"
	"github.com/glipvk/glipvk/internal/jsonlist"
	"github.com/glipvk/glipvk/viz"
	"github.com/spf13/cobra"
)

const evalHelp = `eval measures what was found in pictures against what is annotated there, and prints what the
program prints that the papers quote, to the last digit:

  glip eval coco     pycocotools' twelve numbers, for COCO and sets of its kind
  glip eval lvis     lvis-api's thirteen, or with --fixed those of GLIP's evaluator
  glip eval flickr   recall of phrases, MDETR's and GLIP's table
  glip eval odinw    AP of each data set and their mean

What was found is read from --results, or found now: with --weights or --model the pictures
are looked through with a prompt of the categories' names, the results go to --out, and a run
that was interrupted goes on there. Behind the reference's lines stand the categories one by
one, what was taken for what, and, where the data is the paper's, the published figures.
--bootstrap 1000 adds the middle 95 of 100 of what other pictures of the kind would give.
--out gets the drawings: precision over recall, and the pictures with most mistakes.`

// evalFlags are those that all kinds of evaluation have.
type evalFlags struct {
	truth, results, out string
	source              labelSource
	part                string // of the annotations
	json                bool
	bootstrap           int
	seed                uint64
	run                 evalRun
}

func newEval(open opener) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "measure detections against annotations, with the papers' numbers",
		Long:  evalHelp,
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return cli.Usage("say what to measure: glip eval coco, lvis, flickr or odinw")
		},
	}
	cmd.AddCommand(newEvalCOCO(open), newEvalLVIS(open), newEvalFlickr(open), newEvalODinW(open))
	return cmd
}

// define adds the flags to a command.
func (f *evalFlags) define(cmd *cobra.Command, truth, results string) {
	fl := cmd.Flags()
	fl.StringVar(&f.truth, "truth", "", truth)
	fl.StringVar(&f.results, "results", "", results)
	f.defineReport(cmd)
}

// defineLabels adds those about annotations that may have any format.
func (f *evalFlags) defineLabels(cmd *cobra.Command) {
	f.source.define(cmd, "--truth")
	cmd.Flags().StringVar(&f.part, "part", "", "part of --truth to measure on: train, val, test or all (default: val, where it has parts)")
}

// defineReport adds those about what comes out.
func (f *evalFlags) defineReport(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.out, "out", "", "folder for drawings and tables, and for the results of a run")
	fl.BoolVar(&f.json, "json", false, "print one object instead of tables")
	fl.IntVar(&f.bootstrap, "bootstrap", 0, "resamplings of the pictures for intervals, as 1000; 0 for none")
	fl.Uint64Var(&f.seed, "seed", 1, "of the resamplings")
	f.run.define(cmd)
}

// check refuses flags that do not go together.
func (f *evalFlags) check(cmd *cobra.Command) error {
	wanted := f.run.wanted(cmd)
	switch {
	case f.truth == "":
		return cli.Usage("--truth is not given: the annotations to measure against")
	case wanted && f.results != "":
		return cli.Usage("--results, and --weights or --model, exclude each other: read what was found, or find it now")
	case !wanted && f.results == "":
		return cli.Usage("nothing to measure: give --results FILE, or --weights to look through the pictures now")
	case wanted && f.out == "":
		return cli.Usage("--out is not given: the folder for the results of the run")
	case f.source.check() != nil:
		return f.source.check()
	case f.bootstrap < 0:
		return cli.Usage("--bootstrap %d: want 0 for none, or a number of resamplings", f.bootstrap)
	}
	return nil
}

// folder readies --out, in which nothing replaces what is read; nil without.
func (f *evalFlags) folder() (*folder, error) {
	if f.out == "" {
		return nil, nil
	}
	out, err := openFolder(f.out)
	if err != nil {
		return nil, err
	}
	out.keep("the annotations", f.truth)
	out.keep("the results", f.results)
	out.keep("the prompts", f.run.prompts)
	out.keepModel(f.run.weights)
	return out, nil
}

// input marks an error as bad input, but an interrupt.
func input(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return cli.Blame(err)
}

// resultsJSON writes results as COCO's evaluation reads them, one on a line.
func resultsJSON(w io.Writer, found []eval.Found) error {
	b := bufio.NewWriterSize(w, 1<<20)
	list := &jsonlist.List{W: b}
	for _, x := range found {
		err := list.Add(struct {
			Image    int64    `json:"image_id"`
			Category int64    `json:"category_id"`
			Box      eval.Box `json:"bbox"`
			Score    float64  `json:"score"`
		}{x.Picture, x.Category, x.Box, x.Score})
		if err != nil {
			return err
		}
	}
	if err := endJSON(list); err != nil {
		return err
	}
	return b.Flush()
}

// evalReport is what is printed behind the reference's lines, and what --json prints.
type evalReport struct {
	Measure    string                 `json:"measure"`
	Numbers    map[string]float64     `json:"numbers"`
	Intervals  map[string][2]float64  `json:"intervals,omitempty"`
	Pictures   int                    `json:"pictures"`
	Unread     int                    `json:"unread,omitempty"` // pictures that a run could not read
	Classes    []evalClass            `json:"classes,omitempty"`
	Score      float64                `json:"score,omitempty"` // that confusions and mistakes are counted from
	Confusions []evalConfusion        `json:"confusions,omitempty"`
	Worst      []evalWorst            `json:"worst,omitempty"`
	Published  []publishedFigure      `json:"published,omitempty"`
	Sets       map[string]*evalReport `json:"sets,omitempty"` // ODinW's

	intervalOrder []string
}

// evalClass is a category's row.
type evalClass struct {
	ID       int64       `json:"id"`
	Name     string      `json:"name"`
	Truths   int         `json:"truths"`
	AP       *float64    `json:"AP"` // none without truths
	AP50     *float64    `json:"AP50"`
	AR       *float64    `json:"AR"`
	Interval *[2]float64 `json:"interval,omitempty"`
}

type evalConfusion struct {
	Truth string `json:"truth"`
	Found string `json:"found"`
	Count int    `json:"count"`
}

type evalWorst struct {
	Picture                        int64 `json:"picture"`
	Missed, Confused, Wrong, Right int
	File                           string `json:"file,omitempty"`
	Drawn                          string `json:"drawn,omitempty"`
}

// known is a number, or nil where there are no truths.
func known(v float64) *float64 {
	if v < 0 {
		return nil
	}
	return &v
}

// note adds an interval.
func (r *evalReport) note(name string, i eval.Interval) {
	if r.Intervals == nil {
		r.Intervals = map[string][2]float64{}
	}
	r.Intervals[name] = [2]float64{i.Low, i.High}
	r.intervalOrder = append(r.intervalOrder, name)
}

// boxed is an evaluation of boxes under way: what COCO, LVIS and ODinW have in common.
type boxed struct {
	flags   *evalFlags
	truths  *eval.Truths
	found   []eval.Found
	images  string // folder of the pictures
	overlap float64
	score   float64 // below 0 for that of the best F1
	ask     func(picture, category int64) bool
	names   map[int64]string
	out     *folder
	prefix  string // of the names of files
}

// classes fills in rows, and intervals where they are asked for. groups are means that get one, beside AP, AP50 and AP75.
func (b *boxed) classes(ctx context.Context, r *evalReport, e *eval.Evaluation, groups []string, places [][]int) error {
	var resampled *eval.Resampled
	if b.flags.bootstrap > 0 {
		var err error
		if resampled, err = e.Resample(ctx, b.flags.bootstrap, b.flags.seed, places...); err != nil {
			return input(err)
		}
		r.note("AP", resampled.AP)
		r.note("AP50", resampled.AP50)
		r.note("AP75", resampled.AP75)
		for i, name := range groups {
			r.note(name, resampled.Group[i])
		}
	}
	for k, id := range e.Categories {
		ap, ap50 := e.CategoryAP(k)
		n, _ := e.CategoryCount(k)
		c := evalClass{ID: id, Name: b.names[id], Truths: n, AP: known(ap), AP50: known(ap50), AR: known(e.CategoryAR(k))}
		if resampled != nil && c.AP != nil {
			c.Interval = &[2]float64{resampled.Categories[k].Low, resampled.Categories[k].High}
		}
		r.Classes = append(r.Classes, c)
	}
	return nil
}

// Of what is said and drawn, the most.
const (
	mostConfusions = 10
	mostWorst      = 20
	mostCurves     = 100 // categories with a drawing of their own
)

// mistakes finds what was taken for what, and the worst pictures; with --out it draws.
func (b *boxed) mistakes(ctx context.Context, r *evalReport, e *eval.Evaluation, stderr io.Writer) error {
	if r.Score = b.score; b.score < 0 {
		r.Score, _ = e.BestScore()
	}
	c, err := eval.Confuse(ctx, b.truths, b.found, eval.ConfusionParams{Overlap: b.overlap, Score: r.Score, Ask: b.ask})
	if err != nil {
		return input(err)
	}
	r.Confusions = b.confusions(c)
	for _, m := range c.Worst(mostWorst) {
		w := evalWorst{Picture: m.Picture, Missed: m.Missed, Confused: m.Confused, Wrong: m.Wrong, Right: m.Right}
		if about := b.truths.About[m.Picture]; about != nil {
			w.File = about.File
		}
		r.Worst = append(r.Worst, w)
	}
	if b.out == nil {
		return nil
	}
	set := b.out.begin()
	err = errors.Join(b.tables(set, c), b.curves(set, e))
	if err == nil {
		err = b.drawWorst(ctx, set, r, stderr)
	}
	if err != nil {
		return errors.Join(err, set.discard())
	}
	_, err = set.commit()
	return err
}

// called is the name of a category, or its id where it has none.
func (b *boxed) called(id int64) string { return cmp.Or(b.names[id], fmt.Sprint(id)) }

// confusions are the commonest of things taken for others.
func (b *boxed) confusions(c *eval.Confusion) (list []evalConfusion) {
	for i, of := range c.Categories {
		for k, as := range c.Categories {
			if n := c.Counts[i][k]; i != k && n > 0 {
				list = append(list, evalConfusion{b.called(of), b.called(as), n})
			}
		}
	}
	sortByCount(list)
	return list[:min(len(list), mostConfusions)]
}

// curves draws precision over recall: of all, and of the categories with most truths.
func (b *boxed) curves(set *pending, e *eval.Evaluation) error {
	all := []viz.Line{{Name: "mean of all overlaps", Y: e.Curve(-1)}}
	for t, threshold := range e.Params.Thresholds {
		if threshold == 0.5 || threshold == 0.75 {
			all = append(all, viz.Line{Name: fmt.Sprintf("overlap %.2f", threshold), Y: e.Curve(t)})
		}
	}
	if err := addCurve(set, b.prefix+"precision-recall.png", "Precision over recall, mean of categories", all); err != nil {
		return err
	}
	for _, k := range mostTruths(e) {
		id := e.Categories[k]
		lines := []viz.Line{{Name: "mean of all overlaps", Y: e.Curve(-1, k)}, {Name: "lowest overlap", Y: e.Curve(0, k)}}
		if err := addCurve(set, filepath.Join(b.prefix+"precision-recall", fmt.Sprintf("%d-%s.png", id, plainName(b.names[id]))), b.called(id), lines); err != nil {
			return err
		}
	}
	return nil
}

// addCurve adds a drawing of lines that have a value at each of the recalls; without any it adds none.
func addCurve(set *pending, name, title string, lines []viz.Line) error {
	for i := range lines {
		if lines[i].Y == nil {
			return nil
		}
		for r := range lines[i].Y {
			lines[i].X = append(lines[i].X, float64(r)/float64(len(lines[i].Y)-1))
		}
	}
	img, err := viz.Chart{Title: title, Across: "recall", Top: 1, Lines: lines}.Draw(chartWide, chartHigh)
	if err != nil {
		return err
	}
	return set.add(name, func(w io.Writer) error { return png.Encode(w, img) })
}

// print writes the report: its object, or the reference's lines and the tables.
func (r *evalReport) print(w io.Writer, f *evalFlags, reference string) error {
	if f.json {
		return writeJSON(w, r)
	}
	if _, err := io.WriteString(w, reference); err != nil {
		return err
	}
	return r.tables(w)
}
