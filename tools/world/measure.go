package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/eval"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
	"github.com/glipvk/glipvk/train"
)

// measure writes how well a detector does in scenes, as a table.
func measure(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("world measure", flag.ContinueOnError)
	flags.SetOutput(stderr)
	data := flags.String("data", "out/world", "`FOLDER` that world has written")
	weights := flags.String("weights", "", "measure a `FILE` that train wrote instead of glip-world")
	device := flags.String("device", "cpu", "`DEVICE` to compute on")
	precision := flags.String("precision", "f32", "f32 or f16")
	markdown := flags.Bool("markdown", false, "write the table as Markdown")
	figures := flags.String("figures", "", "write what was reached into a `FILE` too, KEY=NUMBER a line, as glip convert takes it for --about")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("measure takes no arguments; see -help")
	}
	t, err := tabulate(ctx, chosen(*weights, *device, glipvk.Precision(*precision)), *data, stderr)
	if err != nil {
		return err
	}
	if *figures != "" {
		if err := file.Replace(*figures, []byte(t.figures()), 0o644); err != nil {
			return err
		}
	}
	return t.write(stdout, *markdown)
}

// figures are what was reached, KEY=NUMBER a line.
func (t table) figures() string {
	var b strings.Builder
	for _, r := range t {
		fmt.Fprintf(&b, "%s=%.3f\n", r.key, r.reached)
	}
	return b.String()
}

// ours is the model that scenes are drawn for.
const ours = "glip-world"

// detector says which detector is measured.
type detector struct {
	model     string // "" where the weights are a file that says it
	weights   string // "" for those that the program has
	device    string
	precision glipvk.Precision
}

// chosen is the detector of a file of weights, or glip-world where none is named.
func chosen(weights, device string, precision glipvk.Precision) detector {
	d := detector{weights: weights, device: device, precision: precision}
	if weights == "" {
		d.model = ours
	}
	return d
}

// load finds it. It takes scenes as they are, of the size that it has learned from.
func (d detector) load() (*glipvk.Loaded, error) {
	o := glipvk.DetectorOptions{Options: glipvk.Options{Weights: d.weights, Device: d.device, Precision: d.precision}, Size: picture.DetectorSize{Original: true}}
	return glipvk.LoadDetector(d.model, o)
}

// open loads it onto its device.
func (d detector) open(ctx context.Context) (*glipvk.Detector, error) {
	l, err := d.load()
	if err != nil {
		return nil, err
	}
	return l.Open(ctx)
}

// table is how well a detector does.
type table []row

// row is one measure of it.
type row struct {
	goal
	pictures int
	reached  float64
	remark   string
}

// goal is what is asked of a measure.
type goal struct {
	file  string // of the annotations, without its ending
	key   string // in what a checkpoint says of itself
	what  string
	asked float64 // of the 500 scenes of new seeds
	least float64 // of the few scenes of the sample, where chance decides more
}

// goals are what is asked of glip-world.
func goals() []goal {
	return []goal{
		{"names", "ap50.names", "trained names, AP50", 0.80, 0.75},
		{"pairs", "ap50.pairs", "trained pairs of colour and name, AP50", 0.80, 0.85},
		{"zeroshot", "ap50.zeroshot", "pairs never trained, AP50", 0.55, 0.85},
		{"sentences", "recall.sentences", "phrases of sentences, recall at 1", 0.75, 0.85},
		{novelty, "gain.novel", "names never trained, AP50 gained by prompt tuning from five shots", 0.20, 0.45},
	}
}

// novelty are the scenes of few-shot training, novelty+"-val" those that it is measured on.
const novelty = "novel"

// tabulate measures a detector in the scenes of a folder, and says what it begins with.
func tabulate(ctx context.Context, of detector, folder string, say io.Writer) (t table, err error) {
	d, err := of.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	for _, g := range goals() {
		fmt.Fprintf(say, "%s: %s\n", filepath.Join(folder, g.file+".json"), g.what)
		r := row{goal: g}
		switch g.file {
		case novelty:
			err = r.tune(ctx, of, folder)
		case "sentences":
			err = r.ground(ctx, d, folder)
		default:
			err = r.find(ctx, d, folder)
		}
		if err != nil {
			return nil, err
		}
		t = append(t, r)
	}
	return t, nil
}

// set reads annotations; nothing of them may be wrong.
func set(ctx context.Context, folder, name string) (*dataset.Set, error) {
	return dataset.Open(ctx, filepath.Join(folder, name+".json"), dataset.Options{Strict: true})
}

// find measures detection.
func (r *row) find(ctx context.Context, d *glipvk.Detector, folder string) error {
	s, err := set(ctx, folder, r.file)
	if err != nil {
		return err
	}
	r.pictures = len(s.Pictures)
	r.reached, err = precision(train.Evaluate(ctx, d, s, picture.Limits{}))
	return err
}

// phrases asks for those of a picture's caption; what each names lies in the boxes.
func phrases(p dataset.Picture) (q glipvk.Query, boxes map[text.Span][]glip.Box) {
	q.Caption, boxes = p.Caption, map[text.Span][]glip.Box{}
	for _, o := range p.Objects {
		for _, span := range o.Spans {
			if boxes[span] == nil {
				q.Spans = append(q.Spans, span)
			}
			boxes[span] = append(boxes[span], o.Box)
		}
	}
	return q, boxes
}

// ground measures in how many cases the best box of a phrase is one of what it names.
func (r *row) ground(ctx context.Context, d *glipvk.Detector, folder string) error {
	s, err := set(ctx, folder, r.file)
	if err != nil {
		return err
	}
	all, right := 0, 0
	for _, p := range s.Pictures {
		q, boxes := phrases(p)
		decoded, err := picture.Open(ctx, p.Path, picture.Limits{})
		if err != nil {
			return err
		}
		found, err := d.Detect(ctx, q, decoded)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Path, err)
		}
		told := map[text.Span]bool{}
		for _, f := range found[0] {
			span := q.Spans[f.Label-1]
			if told[span] {
				continue // by falling score
			}
			told[span] = true
			for _, box := range boxes[span] {
				if glip.IoU(f.Box, box) >= 0.5 {
					right++
					break
				}
			}
		}
		all += len(q.Spans)
	}
	r.pictures, r.reached = len(s.Pictures), float64(right)/float64(all)
	r.remark = fmt.Sprintf("%d of %d phrases", right, all)
	return nil
}

// How names that were never trained are taught: from so many pictures of each, in so many steps, by the paper's recipe of prompt tuning.
const (
	shots = 5
	steps = 60
)

// tune teaches names that were never trained, and measures before and after.
func (r *row) tune(ctx context.Context, of detector, folder string) (err error) {
	lessons, err := set(ctx, folder, novelty)
	if err != nil {
		return err
	}
	lessons.Shots(shots)
	exam, err := set(ctx, folder, novelty+"-val")
	if err != nil {
		return err
	}
	l, err := of.load()
	if err != nil {
		return err
	}
	o, c := train.Defaults(train.Prompt, shots)
	t, err := train.New(ctx, l, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	before, err := precision(t.Evaluate(ctx, exam, picture.Limits{}))
	if err != nil {
		return err
	}
	if c.Out, err = os.MkdirTemp("", "world"); err != nil {
		return err
	}
	defer os.RemoveAll(c.Out)
	c.Train, c.Steps, c.Validate, c.Shorts = lessons, steps, steps, []int{side}
	if err := t.Run(ctx, c); err != nil {
		return err
	}
	after, err := precision(t.Evaluate(ctx, exam, picture.Limits{}))
	r.pictures, r.reached = len(exam.Pictures), after-before
	r.remark = fmt.Sprintf("from %.3f to %.3f", before, after)
	return err
}

// precision is the AP50 of an evaluation, all of whose pictures can be read.
func precision(e *eval.Evaluation, passed []string, err error) (float64, error) {
	if err == nil && len(passed) > 0 {
		err = fmt.Errorf("%d pictures cannot be read: %s", len(passed), passed[0])
	}
	if err != nil {
		return 0, err
	}
	return e.Stats().AP50, nil
}

// write writes the table, as Markdown or as columns.
func (t table) write(w io.Writer, markdown bool) error {
	lines := [][]string{{"measure", "scenes", "asked", "reached", ""}}
	for _, r := range t {
		lines = append(lines, []string{r.what, fmt.Sprint(r.pictures), fmt.Sprintf("%.2f", r.asked), fmt.Sprintf("%.3f", r.reached), r.remark})
	}
	if markdown {
		lines = append(lines[:1], append([][]string{{"---", "---", "---", "---", "---"}}, lines[1:]...)...)
		for _, l := range lines {
			if _, err := fmt.Fprintf(w, "| %s |\n", strings.Join(l, " | ")); err != nil {
				return err
			}
		}
		return nil
	}
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, l := range lines {
		fmt.Fprintln(columns, strings.Join(l, "\t"))
	}
	return columns.Flush()
}
