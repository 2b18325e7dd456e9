package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/eval"
	"github.com/glipvk/glipvk/text"
	"github.com/spf13/cobra"
)

// newEvalFlickr measures recall of phrases.
func newEvalFlickr(open opener) *cobra.Command {
	var f evalFlags
	var split string
	var merged bool
	cmd := &cobra.Command{
		Use:   "flickr [flags]",
		Short: "recall of phrases, for Flickr30k Entities",
		Long: `eval flickr prints the table of recall at 1, 5, 10 and any rank that MDETR's and GLIP's evaluator
prints, of all phrases and by their types. A phrase is found by a box that overlaps one of its
boxes by a half (ANY-BOX) or, with --merged, the hull of them (MERGED-BOXES).

--truth is the folder of Flickr30k Entities (SPLIT.txt, Annotations, Sentences) or MDETR's file
(final_flickr_separateGT_test.json), which knows no types and joined boxes that are nearly
equal. --results is a list of image_id, sentence_id and boxes: for each phrase of the sentence
that has boxes a list of corners [x1, y1, x2, y2], by falling score.`,
		Example: `  glip eval flickr --truth flickr30k --split test --results predictions.json
  glip eval flickr --truth flickr30k --images flickr30k_images/test --model glip-t --weights glip_tiny_model_o365_goldg_cc_sbu.pth --out runs/flickr`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			if f.run.prompts != "" {
				return cli.Usage("--prompts is for categories; the sentences of Flickr30k Entities are their own captions")
			}
			return f.flickr(cmd, open, split, merged)
		},
	}
	f.define(cmd, "folder of Flickr30k Entities, or MDETR's file", "what was found for each sentence")
	cmd.Flags().StringVar(&split, "split", "test", "list of pictures in the folder: test, val or train")
	cmd.Flags().BoolVar(&merged, "merged", false, "take the hull of a phrase's boxes for its one box (MERGED-BOXES)")
	cli.Complete(cmd, "split", func() []string { return []string{"test", "val", "train"} })
	return cmd
}

func (f *evalFlags) flickr(cmd *cobra.Command, open opener, split string, merged bool) error {
	ctx, stderr := cmd.Context(), cmd.ErrOrStderr()
	out, err := f.folder()
	if err != nil {
		return err
	}
	truth, images, err := f.sentences(ctx, split)
	if err != nil {
		return input(err)
	}
	var found []eval.Grounding
	unread := 0
	if f.run.wanted(cmd) {
		if found, unread, err = f.ground(cmd, open, truth, images, out); err != nil {
			return err
		}
	} else if found, err = eval.ReadGroundings(ctx, f.results); err != nil {
		return input(err)
	}
	recall, err := truth.Recall(ctx, found, eval.FlickrParams{Merged: merged})
	if err != nil {
		return input(err)
	}
	if n := recall.Unexpected + recall.Duplicate; n > 0 {
		fmt.Fprintf(stderr, "glip: %s passed over: %d of sentences without boxes or unknown, %d of sentences that had one\n", counted(n, "result is", "results are"), recall.Unexpected, recall.Duplicate)
	}
	r := &evalReport{Measure: "flickr, any box", Unread: unread, Published: publishedFlickr(split, merged), Numbers: map[string]float64{}}
	if merged {
		r.Measure = "flickr, merged boxes"
	}
	for _, rank := range eval.Ranks() {
		for kind, v := range recall.ByRank[rank] {
			r.Numbers[rankName(rank)+" "+kind] = v
		}
	}
	if f.bootstrap > 0 {
		intervals, err := recall.Resample(ctx, f.bootstrap, f.seed)
		if err != nil {
			return input(err)
		}
		for _, rank := range eval.Ranks() {
			r.note(rankName(rank)+" "+eval.AllPhrases, intervals[rank])
		}
	}
	return errors.Join(r.print(cmd.OutOrStdout(), f, recall.String()), unreadError(unread, len(truth.Sentences)))
}

// rankName names a recall as the reference's table does.
func rankName(rank int) string {
	if rank < 0 {
		return "Upper_bound"
	}
	return fmt.Sprintf("Recall@%d", rank)
}

// sentences reads --truth, a folder or MDETR's file, and says where its pictures are.
func (f *evalFlags) sentences(ctx context.Context, split string) (*eval.Flickr, string, error) {
	if filepath.Base(split) != split {
		return nil, "", cli.Usage("--split %q: want the name of a list, such as test", split)
	}
	images := f.run.images
	if info, err := os.Stat(f.truth); err != nil || !info.IsDir() {
		if images == "" {
			images = filepath.Dir(f.truth)
		}
		truth, err := eval.ReadMDETR(ctx, f.truth)
		return truth, images, err
	}
	if images == "" {
		images = filepath.Join(f.truth, "flickr30k_images")
	}
	truth, err := eval.ReadFlickr(ctx, f.truth, split)
	return truth, images, err
}

// ground finds the phrases of each sentence, each a caption of its own, and writes the results to --out.
func (f *evalFlags) ground(cmd *cobra.Command, open opener, truth *eval.Flickr, images string, out *folder) (list []eval.Grounding, unread int, err error) {
	d, err := f.run.open(cmd, open, f.out, 100)
	if err != nil {
		return nil, 0, err
	}
	for _, s := range truth.Sentences {
		q := glipvk.Query{Caption: s.Caption}
		for _, p := range s.Phrases {
			first, last := p.Spans[0], p.Spans[len(p.Spans)-1]
			q.Spans = append(q.Spans, text.Span{Begin: first[0], End: last[1]})
		}
		key := fmt.Sprintf("%s/%d", s.Picture, s.Index)
		rows, ok, err := d.one(cmd.Context(), q, shot{key: key, path: filepath.Join(images, filepath.FromSlash(s.File))})
		if err != nil {
			return nil, 0, joinClose(cmd, d, err)
		}
		if !ok {
			unread++
		}
		g := eval.Grounding{Picture: s.Picture, Index: s.Index, Boxes: make([][][4]float64, len(s.Phrases))}
		for _, row := range rows {
			if k := int(row.Label) - 1; k >= 0 && k < len(g.Boxes) {
				g.Boxes[k] = append(g.Boxes[k], row.Box)
			}
		}
		for k := range g.Boxes {
			g.Boxes[k] = append(g.Boxes[k], [4]float64{}) // as the original does, so that no list is empty
		}
		list = append(list, g)
		d.show(len(list), len(truth.Sentences))
	}
	set := out.begin()
	if err = set.add("predictions.json", func(w io.Writer) error { return groundingsJSON(w, list) }); err == nil {
		_, err = set.commit()
	} else {
		err = errors.Join(err, set.discard())
	}
	return list, unread, joinClose(cmd, d, err)
}

// groundingsJSON writes what was found for sentences as the reference reads it.
func groundingsJSON(w io.Writer, list []eval.Grounding) error {
	rows := make([]any, len(list))
	for i, g := range list {
		rows[i] = struct {
			Picture string         `json:"image_id"`
			Index   int            `json:"sentence_id"`
			Boxes   [][][4]float64 `json:"boxes"`
		}{g.Picture, g.Index, g.Boxes}
	}
	return json.NewEncoder(w).Encode(rows)
}
