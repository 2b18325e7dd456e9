package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/eval"
	"github.com/spf13/cobra"
)

const evalCOCOHelp = `eval coco prints the twelve numbers that pycocotools prints. --truth is COCO's JSON of any set,
--results the list of image_id, category_id, bbox and score that detectors write (glip detect
--format coco, too). Both may be labels of another format (glip help label): YOLO, Pascal VOC,
CVAT, LabelMe, Label Studio, JSON Lines, Parquet; of results, such as have scores. Their
pictures and classes are known by their names.

Files are read as pycocotools reads them: results of a picture that the annotations do not
have are an error, those of an unknown category are passed over, iscrowd and area must be
there, and an annotation whose id is 0 can be found by nobody.`

func newEvalCOCO(open opener) *cobra.Command {
	var f evalFlags
	var score float64
	cmd := &cobra.Command{
		Use:   "coco [flags]",
		Short: "pycocotools' twelve numbers, for COCO and sets of its kind",
		Long:  evalCOCOHelp,
		Example: `  glip eval coco --truth instances_val2017.json --results bbox.json --bootstrap 1000 --out report --images val2017
  glip eval coco --truth instances_val2017.json --images val2017 --model glip-t --weights glip_tiny_model_o365_goldg_cc_sbu.pth --out runs/coco`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			return f.coco(cmd, open, score)
		},
	}
	f.define(cmd, "annotations: COCO's JSON, or labels in another format, a file or a folder", "results: COCO's JSON, or labels with scores")
	f.defineLabels(cmd)
	defineScore(cmd, &score)
	return cmd
}

func defineScore(cmd *cobra.Command, score *float64) {
	cmd.Flags().Float64Var(score, "score", -1, "confusions and worst pictures count results from this score on (default: that of the highest F1)")
}

func (f *evalFlags) coco(cmd *cobra.Command, open opener, score float64) error {
	ctx, stderr := cmd.Context(), cmd.ErrOrStderr()
	out, err := f.folder()
	if err != nil {
		return err
	}
	truths, images, err := f.truths(ctx, f.truth, f.run.images, stderr)
	if err != nil {
		return err
	}
	b := f.boxed(truths, images, out, score)
	unread, err := b.results(cmd, open, glipvk.Query{}, true, 100)
	if err != nil {
		return err
	}
	e, r, err := b.measureCOCO(cmd)
	if err != nil {
		return err
	}
	r.Unread = unread
	r.Published = publishedCOCO(truths)
	if err := b.mistakes(ctx, r, e, stderr); err != nil {
		return err
	}
	if err := b.writeCSV(e); err != nil {
		return err
	}
	return errors.Join(r.print(cmd.OutOrStdout(), f, e.String()), unreadError(unread, len(truths.Pictures)))
}

// boxed is what an evaluation of boxes begins with.
func (f *evalFlags) boxed(truths *eval.Truths, images string, out *folder, score float64) *boxed {
	b := &boxed{flags: f, truths: truths, out: out, score: score, names: map[int64]string{}, images: images}
	for _, c := range truths.Categories {
		b.names[c.ID] = c.Name
	}
	return b
}

// results reads them, or finds them now; a query that asks for nothing is one of all categories. plusOne says how GLIP writes widths, most is how many detections a caption may have. unread are the
// pictures that could not be read.
func (b *boxed) results(cmd *cobra.Command, open opener, q glipvk.Query, plusOne bool, most int) (unread int, err error) {
	if !b.flags.run.wanted(cmd) {
		b.found, err = b.resultsOf(cmd.Context(), b.flags.results, cmd.ErrOrStderr())
		return 0, err
	}
	d, err := b.flags.run.open(cmd, open, b.flags.out, most)
	if err != nil {
		return 0, err
	}
	unread, err = b.find(cmd, d, q, plusOne)
	return unread, joinClose(cmd, d, err)
}

// about adds to an error of measuring which file has what was found.
func (b *boxed) about(err error) error {
	if b.flags.results == "" {
		return err
	}
	return fmt.Errorf("%s: %w", b.flags.results, err)
}

// measureCOCO evaluates as pycocotools does.
func (b *boxed) measureCOCO(cmd *cobra.Command) (*eval.Evaluation, *evalReport, error) {
	e, err := eval.COCO(cmd.Context(), b.truths, b.found, eval.Params{})
	if err != nil {
		return nil, nil, input(b.about(err))
	}
	s := e.Stats()
	r := &evalReport{Measure: "coco", Pictures: len(e.Params.Pictures), Numbers: map[string]float64{
		"AP": s.AP, "AP50": s.AP50, "AP75": s.AP75, "APs": s.APs, "APm": s.APm, "APl": s.APl,
		"AR1": s.AR1, "AR10": s.AR10, "AR100": s.AR100, "ARs": s.ARs, "ARm": s.ARm, "ARl": s.ARl,
	}}
	return e, r, b.classes(cmd.Context(), r, e, nil, nil)
}

// writeCSV writes GLIP's table of categories to --out.
func (b *boxed) writeCSV(e *eval.Evaluation) error {
	if b.out == nil {
		return nil
	}
	set := b.out.begin()
	if err := set.add(b.prefix+"bbox.csv", func(w io.Writer) error { return e.WriteCSV(w, b.names) }); err != nil {
		return errors.Join(err, set.discard())
	}
	_, err := set.commit()
	return err
}

// unreadError is what a run ends with when pictures could not be read.
func unreadError(unread, all int) error {
	if unread == 0 {
		return nil
	}
	return cli.Blame(fmt.Errorf("%d of %d pictures could not be read: what is in them counts as not found", unread, all))
}
