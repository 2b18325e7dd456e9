package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/eval"
	"github.com/glipvk/glipvk/executor"
	arch "github.com/glipvk/glipvk/glip" // its name is that of the program
	"github.com/glipvk/glipvk/internal/meter"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
	"github.com/spf13/cobra"
)

// evalRun are the flags of a run that finds now what is measured.
type evalRun struct {
	device  cli.Device
	weights cli.Weights
	limits  picture.Limits
	batch   int
	size    string
	vocab   string
	images  string
	prompts string
	stored  bool
}

// define adds the flags to a command.
func (f *evalRun) define(cmd *cobra.Command) {
	fl := cmd.Flags()
	f.weights.Define(cmd, "glip-t", detectorNames)
	f.device.Define(cmd)
	f.device.DefineLost(cmd)
	cli.Limits(cmd, &f.limits)
	fl.IntVar(&f.batch, "batch", 1, "neighbouring pictures of one size that are computed together, at most")
	fl.StringVar(&f.size, "size", "", "SHORT,LONG or SHORT in pixels, or original (default: what the model was trained at if its file says so, else 800,1333)")
	fl.StringVar(&f.vocab, "vocab", "", vocabBeside)
	fl.StringVar(&f.images, "images", "", "folder of the pictures (default: that of --truth)")
	fl.StringVar(&f.prompts, "prompts", "", "JSON file with other names of categories, what stands around them, or a caption with spans (default: the names of --truth)")
	fl.BoolVar(&f.stored, "ignore-orientation", false, "take pictures as they are stored, whatever way up the camera noted, as the original does")
}

// wanted says whether something is to be found now.
func (f *evalRun) wanted(cmd *cobra.Command) bool {
	given := cmd.Flags().Changed
	return given("weights") || given("model") || given("arch")
}

// lookout is a run under way.
type lookout struct {
	flags  *evalRun
	finder finder
	asked  asked // but for the query
	words  *text.Tokenizer
	ledger *ledger
	meter  *meter.Meter
	stderr io.Writer
}

// shot is a picture that something is looked for in; key tells it apart from all others of the run.
type shot struct {
	key, path     string
	width, height int // that the annotations say; 0 where they say none
}

// open readies the detector. Nothing is dropped for its score: a measure wants all, at most so many for a caption.
func (f *evalRun) open(cmd *cobra.Command, open opener, out string, most int) (*lookout, error) {
	ctx, stderr := cmd.Context(), cmd.ErrOrStderr()
	f.vocab = vocabularyOf(f.vocab, f.weights.Arch)
	if err := f.weights.Settle(cmd); err != nil {
		return nil, err
	}
	o := glipvk.DetectorOptions{Vocabulary: f.vocab, Max: most}
	var err error
	if o.Size, err = picture.ParseDetectorSize(f.size); err != nil {
		return nil, cli.Usage("--size: %w", err)
	}
	flags := runFlags{device: f.device, weights: f.weights, limits: f.limits, batch: f.batch, stored: f.stored}
	name, cfg, err := apply(cmd, flags, &o.Options, arch.ParseConfig)
	if err != nil {
		return nil, err
	}
	o.Arch = cfg
	d := &lookout{flags: f, meter: cli.Meter(stderr), stderr: stderr, words: text.BERT()}
	if _, t, err := glipvk.FindDetector(name, o); err == nil { // else opening it will say why
		d.words = t
	}
	d.meter.Say("pictures", "looking through picture %d of %d")
	d.asked = asked{Model: name, Arch: f.weights.Arch, Weights: o.WeightsName(), Entry: f.weights.Entry, Vocabulary: f.vocab, Size: f.size, Max: most, Stored: f.stored}
	if d.ledger, err = openLedger(ctx, filepath.Join(out, ledgerName)); err != nil {
		return nil, err
	}
	o.Progress = d.meter.Show
	if d.finder, err = executor.Apart(ctx, func() (finder, error) { return open(ctx, name, o) }); err != nil {
		return nil, errors.Join(err, d.ledger.close())
	}
	d.meter.Done()
	cli.Fell(stderr, "glip", d.finder.Device())
	cli.Notes(stderr, "glip", d.finder.Notes())
	return d, nil
}

// joinClose ends a run.
func joinClose(cmd *cobra.Command, d *lookout, err error) error {
	d.meter.Done()
	return errors.Join(err, d.ledger.close(), d.finder.CloseWithin(cmd.Context(), cli.Grace))
}

func (d *lookout) show(done, all int) { d.meter.Show("pictures", int64(done), int64(all)) }

// hash is that of what is asked with a query.
func (d *lookout) hash(q glipvk.Query) string {
	a := d.asked
	a.Query = q
	return a.hash()
}

// load reads a picture.
func (d *lookout) load(ctx context.Context, s shot) (picture.Input, error) {
	p, err := picture.Open(ctx, s.path, d.flags.limits, picture.IgnoreOrientation(d.flags.stored))
	if err != nil {
		return picture.Input{}, unread(err)
	}
	if s.width > 0 && (p.Width != s.width || p.Height != s.height) {
		return picture.Input{}, cli.Usage("%s: the picture is %d x %d, the annotations say %d x %d (width x height): another picture, or one that the camera turned (--ignore-orientation)", s.path, p.Width, p.Height, s.width, s.height)
	}
	return d.finder.Preprocess(p)
}

// failed says that a picture is left out, unless it is no picture's fault: then the run ends.
func (d *lookout) failed(err error) error {
	if cli.ExitCode(err) != cli.Input {
		return err
	}
	d.meter.Done()
	fmt.Fprintf(d.stderr, "glip: %s\n", cli.Words(err.Error()))
	return nil
}

// many looks for one query in many pictures and tells what was found in each; ok is false where a picture could not be read.
func (d *lookout) many(ctx context.Context, q glipvk.Query, shots []shot, tell func(s shot, rows []row, ok bool)) error {
	asked := d.hash(q)
	var left []shot
	done := 0
	for _, s := range shots {
		rows, ok, err := d.ledger.known(s.key, asked)
		switch {
		case err != nil:
			return err
		case ok:
			tell(s, rows, true)
			done++
		default:
			left = append(left, s)
		}
	}
	if done > 0 {
		fmt.Fprintf(d.stderr, "glip: %s looked through already\n", counted(done, "picture was", "pictures were"))
	}
	loads := func(yield func(glipvk.Load) bool) {
		for _, s := range left {
			if !yield(func(ctx context.Context) (picture.Input, error) { return d.load(ctx, s) }) {
				return
			}
		}
	}
	i := 0
	for found, err := range d.finder.Stream(ctx, q, loads, glipvk.StreamOptions{Batch: d.flags.batch}) {
		if ctx.Err() != nil || i == len(left) {
			break
		}
		s := left[i]
		i++
		d.show(done+i, len(shots))
		if err != nil {
			if err := d.failed(err); err != nil {
				return err
			}
			tell(s, nil, false)
			continue
		}
		rows := rowsOf(found.Detections[0])
		if err := d.ledger.add(s.key, asked, rows); err != nil {
			return err
		}
		tell(s, rows, true)
	}
	if i < len(left) && ctx.Err() != nil {
		return &cli.Interrupted{Rest: fmt.Sprintf("%d of %s looked through; the same command goes on there", done+i, counted(len(shots), "picture", "pictures"))}
	}
	return nil
}

// one looks for a query in one picture, whose neighbours have other queries.
func (d *lookout) one(ctx context.Context, q glipvk.Query, s shot) (rows []row, ok bool, err error) {
	asked := d.hash(q)
	if rows, ok, err = d.ledger.known(s.key, asked); ok || err != nil {
		return rows, ok, err
	}
	in, err := d.load(ctx, s)
	if err != nil {
		return nil, false, d.failed(err)
	}
	found, err := d.finder.DetectInput(ctx, q, in)
	if err != nil {
		if ctx.Err() != nil {
			err = &cli.Interrupted{Rest: "the same command goes on there"}
		}
		return nil, false, err
	}
	rows = rowsOf(found[0])
	return rows, true, d.ledger.add(s.key, asked, rows)
}

// row is a detection as a run keeps it: corners that belong to the box.
type row struct {
	Label int
	Box   [4]float64
	Score float64
}

func rowsOf(found []glipvk.Detection) []row {
	rows := make([]row, len(found))
	for i, x := range found {
		rows[i] = row{x.Label, [4]float64{x.Box.X1, x.Box.Y1, x.Box.X2, x.Box.Y2}, x.Score}
	}
	return rows
}

// find looks for all categories in the pictures of the annotations, and writes the results to --out.
func (b *boxed) find(cmd *cobra.Command, d *lookout, q glipvk.Query, plusOne bool) (unread int, err error) {
	asked, err := b.asked(cmd.Context(), q)
	if err != nil {
		return 0, err
	}
	prompts, err := asked.query.Prompts(d.words)
	if err != nil {
		return 0, err
	}
	if err := (queryFlags{}).remark(cmd, d.words, prompts); err != nil {
		return 0, err
	}
	var shots []shot
	of := map[string]int64{}
	for _, id := range slices.Sorted(slices.Values(b.truths.Pictures)) {
		s := shot{key: fmt.Sprintf("%s%d", b.prefix, id), path: b.path(id)}
		if s.path == "" {
			return 0, cli.Usage("--truth %s: picture %d has no file_name, so nothing can be found in it", b.flags.truth, id)
		}
		about := b.truths.About[id]
		s.width, s.height = about.Width, about.Height
		shots, of[s.key] = append(shots, s), id
	}
	err = d.many(cmd.Context(), asked.query, shots, func(s shot, rows []row, ok bool) {
		if !ok {
			unread++
		}
		for _, r := range rows {
			if r.Label < 1 || r.Label > len(asked.categories) {
				continue
			}
			b.found = append(b.found, eval.Found{Picture: of[s.key], Category: asked.categories[r.Label-1], Box: boxOf(r.Box, plusOne), Score: float64(float32(r.Score))})
		}
	})
	if err != nil {
		return unread, err
	}
	set := b.out.begin()
	if err := set.add(b.prefix+"bbox.json", func(w io.Writer) error { return resultsJSON(w, b.found) }); err != nil {
		return unread, errors.Join(err, set.discard())
	}
	_, err = set.commit()
	return unread, err
}

// boxOf is the box that GLIP writes, in float32 as it does: for COCO and ODinW with a pixel more.
func boxOf(c [4]float64, plusOne bool) eval.Box {
	x1, y1, x2, y2 := float32(c[0]), float32(c[1]), float32(c[2]), float32(c[3])
	if plusOne {
		return eval.FromCorners(x1, y1, x2, y2)
	}
	return eval.Box{float64(x1), float64(y1), float64(x2 - x1), float64(y2 - y1)}
}
