package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/executor"
	arch "github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/labels"
	"github.com/glipvk/glipvk/text"
	"github.com/spf13/cobra"
)

const labelHelp = `label looks for classes in many pictures and writes labels of them, in the formats that people
train and correct with: a folder of pictures becomes a data set. --format help lists them.

` + queryHelp + `

` + classHelp + `

Pictures are those of folders (with --recursive, of the folders in them too), files, the lines of
--list FILE, or those that --coco FILE names. Their names in the labels are paths from the
folder that holds all of them. A picture in which nothing is found is labelled as empty. One
that cannot be read is named with the reason in OUT/skipped.jsonl, the others are labelled,
and the exit status is 2.

--threshold 0.4 --threshold cat=0.3 labels what scores above 0.4, cats above 0.3. What is found
is kept in OUT/.found down to a score of 0.1, so that other thresholds, sizes, splits and
formats take no computing: the same command with other flags and --overwrite makes the labels
anew. A command that was interrupted or killed goes on where it was when it is given again.

--split train=80,val=20 parts pictures by a hash of their names and --seed: a picture
that is added moves no other. --pictures link, the default, brings pictures to the labels that are found by
where they lie (YOLO, image folders) by symbolic links; pictures themselves are never touched.

OUT/review.html shows some of the pictures with their boxes, the doubtful ones first, and how
the scores of each class are spread: a page in one file. The counts of the whole set are printed at the end.`

// labelFlags are the flags of "glip label". What is found, and how, is detect's.
type labelFlags struct {
	detectFlags
	list, coco, images string
	thresholds         []string
	sizes              sizeFilter
	iou                float64
	agnostic           bool
	formats            []string
	split              string
	seed               uint64
	place, voc         string
	studio             []string
	review             int
	overwrite          bool
}

func newLabel(open opener) *cobra.Command {
	var f labelFlags
	cmd := &cobra.Command{
		Use:   "label [flags] FOLDER|PICTURE...",
		Short: "label pictures: COCO, YOLO, Pascal VOC and other formats",
		Long:  labelHelp,
		Example: `  glip label --weights glip_tiny_model_o365_goldg_cc_sbu.pth --class "cat = cat, kitten" --class dog --format yolo --split train=80,val=20 --out pets photos/
  glip label --model glip-world --class cat --class dog --threshold 0.4 --threshold dog=0.3 --format coco --out labels scenes/
  glip label --weights glip_tiny_model_o365_goldg_cc_sbu.pth --classes names.txt --coco train.json --images train2017 --format coco --out relabelled
  find photos -name '*.jpg' | glip label --model glip-world --class cat --format cvat --list - --out cvat`,
		RunE: func(cmd *cobra.Command, args []string) error { return runLabel(cmd, f, open, args) },
	}
	f.queryFlags.define(cmd)
	f.runFlags.defineRun(cmd, "glip-t", detectorNames)
	f.defineSearch(cmd)
	f.define(cmd)
	cmd.Flags().Lookup("vocab").Usage = vocabBeside
	cmd.Flags().Lookup("class").Usage = "class to label, NAME or NAME = PROMPT, PROMPT; may be repeated"
	return cmd
}

// define adds the flags that no other command has.
func (f *labelFlags) define(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.list, "list", "", "file with the path of a picture or folder on each line, or - for standard input")
	fl.StringVar(&f.coco, "coco", "", "COCO's annotations: label the pictures that they name, whatever is annotated in them, with the same numbers")
	fl.StringVar(&f.images, "images", "", "folder of --coco's pictures (default: that of the file)")
	fl.StringVar(&f.out, "out", "labels", "folder for the labels: new, empty, or of an earlier run of the same")
	fl.StringArrayVar(&f.thresholds, "threshold", nil, "label what scores above this, NUMBER or CLASS=NUMBER; may be repeated (default 0.5)")
	f.sizes.define(cmd)
	fl.Float64Var(&f.iou, "iou", arch.DefaultIoU, "of two boxes that different prompts of a class find, one stays where they overlap by more than this, intersection over union")
	fl.BoolVar(&f.agnostic, "agnostic", false, "one box for a thing: as --iou, but for prompts of different classes too")
	fl.StringSliceVar(&f.formats, "format", nil, "of the labels: "+strings.Join(labelFormats(), ", ")+", or several with commas, in a folder of --out each; help explains them")
	fl.StringVar(&f.split, "split", "", "shares of the parts, as in train=80,val=20 or train=8,val=1,test=1 (default: one part)")
	fl.Uint64Var(&f.seed, "seed", 1, "of --split")
	fl.StringVar(&f.place, "pictures", "link", "how pictures come to labels that are found by where they lie: link, copy or leave")
	fl.StringVar(&f.voc, "voc", "one-based", "numbers of Pascal VOC's boxes: one-based (Pascal's own), zero-based, or shifted (one-based, with the last column and row beyond the box)")
	fl.StringArrayVar(&f.studio, "studio", nil, "KEY=TEXT for Label Studio: from, to, value (names in the project's configuration) or url (in front of a picture's name); may be repeated")
	fl.IntVar(&f.review, "review", 40, "pictures that OUT/review.html shows; 0 writes none")
	fl.BoolVar(&f.overwrite, "overwrite", false, "make labels anew where --out has others, of what was found there if it answers the same question")
	cli.Complete(cmd, "format", labelFormats)
	cli.Complete(cmd, "pictures", func() []string { return []string{"link", "copy", "leave"} })
	cli.Complete(cmd, "voc", func() []string { return []string{"one-based", "zero-based", "shifted"} })
}

// labelFormats are those that can be written.
func labelFormats() (names []string) {
	for _, f := range labels.Formats() {
		if f.Writes {
			names = append(names, f.Name)
		}
	}
	return names
}

// foundFloor is the score down to which boxes are kept, whatever the threshold is.
const foundFloor = 0.1

// rule reads the flags that decide what of the boxes becomes labels; the query then asks for the prompts of all classes.
func (f *labelFlags) rule(cmd *cobra.Command, t *text.Tokenizer) (rule labelRule, q glipvk.Query, places []int, err error) {
	if q, err = f.query(cmd); err != nil {
		return rule, q, nil, err
	}
	if len(q.Classes) > 0 {
		if rule.Classes, err = parseClasses(q.Classes); err != nil {
			return rule, q, nil, err
		}
		q.Classes = promptsOf(rule.Classes)
	}
	prompts, err := q.Prompts(t)
	if err != nil {
		return rule, q, nil, advise(err)
	}
	if rule.Classes == nil {
		rule.Classes = phraseClasses(prompts)
	}
	if places, err = promptPlaces(rule.Classes, prompts); err != nil {
		return rule, q, nil, err
	}
	if rule.Thresholds, err = parseThresholds(f.thresholds, rule.Classes); err != nil {
		return rule, q, nil, err
	}
	if !(f.iou > 0 && f.iou <= 1) {
		return rule, q, nil, cli.Usage("--iou %g: want a number above 0, up to 1", f.iou)
	}
	rule.Sizes, rule.IoU, rule.Agnostic, rule.classOf = f.sizes, f.iou, f.agnostic, classesOf(rule.Classes)
	return rule, q, places, errors.Join(f.sizes.check(), f.remark(cmd, t, prompts))
}

// ready checks --out and the files that are read, before anything is written.
func (f labelFlags) ready(cmd *cobra.Command, root string) error {
	out, err := filepath.Abs(f.out)
	if err != nil {
		return cli.Usage("--out: %w", err)
	}
	if !cmd.Flags().Changed("out") && within(root, out) {
		return cli.Usage("no --out is given, and %s would be in the folder of the pictures, %s: name a folder", out, root)
	}
	for _, read := range [][2]string{{"--classes", f.classesFile}, {"--coco", f.coco}, {"--list", f.list}, {"--vocab", f.vocab}, {"--arch", f.weights.Arch}} {
		if path := read[1]; path != "" && path != stdinPath && within(out, absolute(path)) {
			return cli.Usage("%s %s is in --out, where labels are written: choose another folder", read[0], path)
		}
	}
	if f.overwrite || exists(filepath.Join(out, foundFolder)) {
		return nil
	}
	entries, err := os.ReadDir(out)
	switch {
	case len(entries) > 0:
		return cli.Usage("--out %s holds other files, such as %s: choose a new folder, or let labels replace what has their names by --overwrite", f.out, entries[0].Name())
	case err != nil && exists(out):
		return cli.Usage("--out: %w; choose a folder that can be written", err)
	}
	return nil
}

func runLabel(cmd *cobra.Command, f labelFlags, open opener, args []string) (err error) {
	ctx, stderr := cmd.Context(), cmd.ErrOrStderr()
	if slices.Contains(f.formats, "help") {
		return printFormats(cmd.OutOrStdout())
	}
	options, err := f.writing()
	if err != nil {
		return err
	}
	f.vocab = vocabularyOf(f.vocab, f.weights.Arch)
	if err := f.weights.Settle(cmd); err != nil {
		return err
	}
	f.format = "jsonl" // of detect's flags, which prints nothing here
	j := &labelling{labelFlags: f, search: search{meter: cli.Meter(stderr)}, stdout: cmd.OutOrStdout(), stderr: stderr}
	defer j.meter.Done()
	name, o, err := f.detectFlags.options(cmd)
	if err != nil {
		return err
	}
	list, err := j.plan(cmd, name, &o, args)
	if err != nil {
		return err
	}
	j.flags = j.labelFlags.detectFlags
	o.Progress = j.meter.Show
	j.open = func(ctx context.Context) (err error) {
		if j.finder != nil {
			return nil
		}
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
	a := j.flags.asked(name, j.query, o)
	j.model = modelName(a)
	if j.set, err = j.openSet(list, j.rule, a, options, func() error { return j.open(ctx) }); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.set.close()) }()
	return j.run(ctx, list)
}

// plan finds out what is looked for in which pictures, and what of it becomes labels, before anything large is loaded or anything is written.
func (j *labelling) plan(cmd *cobra.Command, name string, o *glipvk.DetectorOptions, args []string) (list pictureList, err error) {
	f := &j.labelFlags
	t, size, err := f.tokenizer(name, *o)
	if err != nil {
		return list, err
	}
	if j.rule, j.query, j.places, err = f.rule(cmd, t); err != nil {
		return list, err
	}
	o.Size, o.Threshold = size, foundFloor
	if slices.Min(j.rule.Thresholds) < foundFloor {
		o.Threshold = 0
	}
	if f.without, err = filepath.Abs(f.out); err != nil {
		return list, cli.Usage("--out: %w", err)
	}
	if list, err = f.pictures(cmd, args); err != nil {
		return list, err
	}
	if err = f.ready(cmd, list.root); err == nil && f.review > 0 {
		j.letters, err = f.letters(cmd.Context(), &folder{}, j.stderr)
	}
	return list, err
}

// printFormats lists the formats.
func printFormats(w io.Writer) error {
	for _, f := range labels.Formats() {
		if !f.Writes {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: %s\n    %s\n", f.Name, f.About, f.Files); err != nil {
			return err
		}
	}
	return nil
}
