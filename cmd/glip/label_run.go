package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/internal/jsonlist"
	"github.com/glipvk/glipvk/labels"
	"github.com/glipvk/glipvk/picture"
)

// labelling makes labels of many pictures.
type labelling struct {
	search
	labelFlags
	stdout, stderr io.Writer
	rule           labelRule
	places         []int // of each label of the query, its prompt's
	set            *labelSet
	left           []*looked // that nothing was found out about before
	root, model    string    // the pictures' folder; the detector's name
	skipped        []skip
	began          time.Time
	seconds        float64 // that looking took
	looked         int     // pictures, by this run
}

// looked is a picture that was looked at.
type looked struct {
	*outcome
	name  string
	id    int64
	found glipvk.Found
}

// skip is a picture without labels, and why.
type skip struct {
	Picture string `json:"picture"`
	Reason  string `json:"reason"`
}

// skippedName is the file in --out that names the pictures that were skipped.
const skippedName = "skipped.jsonl"

// run looks at the pictures that are left, writes all labels, and tells what there is.
func (j *labelling) run(ctx context.Context, list pictureList) error {
	j.root = list.root
	if list.twice > 0 {
		fmt.Fprintf(j.stderr, "glip: %s named more than once, and labelled once\n", counted(list.twice, "picture is", "pictures are"))
	}
	for _, p := range list.pictures {
		if !j.set.found.Has(p.name) {
			j.left = append(j.left, &looked{outcome: &outcome{item: p.item}, name: p.name, id: p.id})
		}
	}
	before := len(list.pictures) - len(j.left)
	if before > 0 {
		fmt.Fprintf(j.stderr, "glip: %s in %s already\n", counted(before, "picture is", "pictures are"), j.labelFlags.out)
	}
	if err := j.set.catchUp(ctx, j.refuse); err != nil {
		return j.kept(err)
	}
	whole := false
	f := j.flow(before, &whole)
	err := f.run(ctx)
	var told *cli.Interrupted
	switch {
	case errors.As(err, &told):
		told.Rest += "; the same command goes on"
		return err
	case !whole, ctx.Err() != nil:
		return j.kept(err)
	}
	if failed := j.conclude(ctx); failed != nil {
		return j.kept(failed)
	}
	if err == nil || cli.ExitCode(err) == cli.Input {
		err = j.skips(len(list.pictures))
	}
	return err
}

// skips says that some of the pictures have no labels, if so.
func (j *labelling) skips(all int) error {
	where := filepath.Join(j.labelFlags.out, skippedName)
	switch n := len(j.skipped); n {
	case 0:
		return nil
	case all:
		return cli.Usage("no picture could be labelled; %s says why", where)
	default:
		return cli.Usage("%d of %s skipped, as %s says; the others are labelled, and the same command tries again what was skipped", n, counted(all, "picture was", "pictures were"), where)
	}
}

// kept adds to an error that ends the work what becomes of what is done.
func (j *labelling) kept(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || !j.set.any() {
		return err
	}
	return fmt.Errorf("%w; what was found is kept in %s, and the same command goes on", err, j.labelFlags.out)
}

// flow is the stream of pictures to labels; whole becomes true at its end, if it comes there.
func (j *labelling) flow(before int, whole *bool) *flow[glipvk.Found] {
	return &flow[glipvk.Found]{
		outcomes: outcomesOf(j.left), before: before, limits: j.limits, stored: j.stored, meter: j.meter, stderr: j.stderr, open: j.open,
		check: func(picture.Input) error { return errors.New("an array of numbers is no picture, and has no labels") },
		begin: func() error {
			j.began = time.Now()
			return j.head(j.stdout)
		},
		prepare: func(p ...picture.Picture) (picture.Input, error) { return j.finder.Preprocess(p...) },
		stream: func(ctx context.Context, loads iter.Seq[glipvk.Load]) iter.Seq2[glipvk.Found, error] {
			return j.finder.Stream(ctx, j.query, loads, glipvk.StreamOptions{Batch: j.batch})
		},
		finish: func(_ context.Context, i int, found glipvk.Found) error {
			found.Input.Data = nil
			j.left[i].found = found
			return nil
		},
		show: func(i int) error { return j.show(j.left[i]) },
		end: func(done int) error {
			*whole = done == len(j.left)
			j.seconds, j.looked = time.Since(j.began).Seconds(), done
			return nil
		},
	}
}

// show puts down what was found in a picture. It does so after an interrupt too: what is computed is not lost.
func (j *labelling) show(o *looked) error {
	if o.err != nil {
		j.skipped = append(j.skipped, skip{o.path, cli.Words(o.err.Error())})
		return nil
	}
	err := j.set.add(context.Background(), j.picture(o))
	o.found = glipvk.Found{}
	if errors.Is(err, labels.ErrPicture) {
		o.err = cli.Blame(err)
		j.refuse(o.name, err)
		return nil
	}
	return err
}

// picture is what was found in one, by prompt, the best first.
func (j *labelling) picture(o *looked) labels.Picture {
	size := o.found.Input.View(0).Original
	p := labels.Picture{Name: o.name, ID: o.id, Width: size.Width, Height: size.Height}
	for _, d := range o.found.Detections[0] {
		p.Objects = append(p.Objects, labels.Object{
			Class: j.places[d.Label-1], Box: labels.Inclusive(d.Box.X1, d.Box.Y1, d.Box.X2, d.Box.Y2), Score: d.Score, Scored: true,
		})
	}
	return p
}

// refuse notes a picture that labels cannot have.
func (j *labelling) refuse(name string, err error) {
	fmt.Fprintf(j.stderr, "glip: %v\n", err)
	j.skipped = append(j.skipped, skip{filepath.Join(j.root, filepath.FromSlash(name)), err.Error()})
}

// conclude writes what is of the whole set, and prints what is in it.
func (j *labelling) conclude(ctx context.Context) error {
	summaries, err := j.set.finish(ctx)
	if err != nil {
		return err
	}
	if err := j.writeSkipped(); err != nil {
		return err
	}
	t := newTally(j.rule, j.review)
	if err := j.set.found.Walk(ctx, func(p labels.Picture) error { t.add(p); return nil }); err != nil {
		return err
	}
	page := ""
	if j.review > 0 && t.pictures > 0 {
		page = filepath.Join(j.labelFlags.out, "review.html")
		if err := j.writeReview(ctx, t, page); err != nil {
			return err
		}
	}
	return j.report(t, summaries, page)
}

// writeSkipped names the pictures that this run skipped; where there are none, there is no such file.
func (j *labelling) writeSkipped() error {
	path := filepath.Join(j.labelFlags.out, skippedName)
	if len(j.skipped) == 0 {
		return file.Clear(path)
	}
	return file.Save(path, 0o644, func(w io.Writer) error {
		e := jsonlist.Encoder(w)
		for _, s := range j.skipped {
			if err := e.Encode(s); err != nil {
				return err
			}
		}
		return nil
	})
}
