package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/eval"
	"github.com/spf13/cobra"
)

const evalLVISHelp = `eval lvis prints the thirteen numbers that lvis-api prints, of the best 300 results of each
picture. With --fixed it is instead the best 10,000 of each category over all pictures, which
is what GLIP and MDETR report ("fixed" AP); then results of unknown pictures are passed over.

--truth needs neg_category_ids and not_exhaustive_category_ids of each picture: results of
categories that are neither annotated nor known to be absent there are not judged.`

func newEvalLVIS(open opener) *cobra.Command {
	var f evalFlags
	var fixed bool
	var score float64
	cmd := &cobra.Command{
		Use:   "lvis [flags]",
		Short: "lvis-api's thirteen numbers, or GLIP's fixed AP",
		Long:  evalLVISHelp,
		Example: `  glip eval lvis --truth lvis_v1_minival.json --results bbox.json --fixed
  glip eval lvis --truth lvis_v1_minival.json --images coco --model glip-t --weights glip_tiny_model_o365_goldg_cc_sbu.pth --fixed --out runs/lvis`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			return f.lvis(cmd, open, fixed, score)
		},
	}
	f.define(cmd, "annotations, as LVIS' JSON", "results, as COCO's JSON")
	cmd.Flags().BoolVar(&fixed, "fixed", false, "the best 10,000 results of each category instead of the best 300 of each picture, as GLIP reports it")
	defineScore(cmd, &score)
	return cmd
}

func (f *evalFlags) lvis(cmd *cobra.Command, open opener, fixed bool, score float64) error {
	ctx := cmd.Context()
	out, err := f.folder()
	if err != nil {
		return err
	}
	truths, err := eval.ReadLVISTruths(ctx, f.truth)
	if err != nil {
		return input(err)
	}
	b := f.boxed(truths, cmp.Or(f.run.images, filepath.Dir(f.truth)), out, score)
	unread, err := b.results(cmd, open, glipvk.Query{}, false, 300)
	if err != nil {
		return err
	}
	p := eval.LVISParams{}
	if fixed {
		p.Fixed = eval.LVISFixed
	}
	e, err := eval.LVIS(ctx, truths, b.found, p)
	if err != nil {
		return input(b.about(err))
	}
	if e.Few > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "glip: %d of %d categories have fewer than %d results: more would raise the figure\n", e.Few, len(e.Categories), p.Fixed)
	}
	s := e.Stats
	r := &evalReport{Measure: "lvis", Pictures: len(e.Params.Pictures), Unread: unread, Published: publishedLVIS(truths, fixed), Numbers: map[string]float64{
		"AP": s.AP, "AP50": s.AP50, "AP75": s.AP75, "APs": s.APs, "APm": s.APm, "APl": s.APl, "APr": s.APr, "APc": s.APc, "APf": s.APf,
		"AR": s.AR, "ARs": s.ARs, "ARm": s.ARm, "ARl": s.ARl,
	}}
	if fixed {
		r.Measure = "lvis, fixed"
	}
	if err := b.classes(ctx, r, e.Evaluation, []string{"APr", "APc", "APf"}, e.Group[:]); err != nil {
		return err
	}
	b.judged()
	if err := b.mistakes(ctx, r, e.Evaluation, cmd.ErrOrStderr()); err != nil {
		return err
	}
	return errors.Join(r.print(cmd.OutOrStdout(), f, e.String()), unreadError(unread, len(truths.Pictures)))
}

// judged lets confusions count only what LVIS judges in a picture, and all of what is annotated there.
func (b *boxed) judged() {
	present := map[[2]int64]bool{}
	for _, t := range b.truths.List {
		present[[2]int64{t.Picture, t.Category}] = true
	}
	b.ask = func(picture, category int64) bool {
		about := b.truths.About[picture]
		return about != nil && (present[[2]int64{picture, category}] || slices.Contains(about.Absent, category))
	}
}
