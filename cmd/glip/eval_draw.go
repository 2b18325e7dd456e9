package main

import (
	"context"
	"fmt"
	"image/png"
	"io"
	"path/filepath"
	"strings"

	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/viz"
)

// drawWorst adds the pictures with most mistakes, what is annotated beside what was found. A picture that cannot be read is said and left out.
func (b *boxed) drawWorst(ctx context.Context, set *pending, r *evalReport, stderr io.Writer) error {
	label := map[int64]int{}
	for i, c := range b.truths.Categories {
		label[c.ID] = i + 1
	}
	missing := 0
	for i := range r.Worst {
		p := &r.Worst[i]
		path := b.path(p.Picture)
		if path == "" {
			missing++
			continue
		}
		decoded, err := picture.Open(ctx, path, b.flags.run.limits, picture.IgnoreOrientation(b.flags.run.stored))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			missing++
			continue
		}
		img, scale := enlarged(decoded.Image())
		var wanted, got []viz.Box
		for _, t := range b.truths.List {
			if t.Picture == p.Picture {
				text := b.called(t.Category)
				if t.Crowd {
					text += " (crowd)"
				}
				wanted = append(wanted, scaled(vizBox(t.Box, label[t.Category], text), scale))
			}
		}
		for _, f := range b.found {
			if f.Picture == p.Picture && f.Score >= r.Score && label[f.Category] > 0 {
				got = append(got, scaled(vizBox(f.Box, label[f.Category], fmt.Sprintf("%s %.2f", b.called(f.Category), f.Score)), scale))
			}
		}
		drawn, err := beside(img, wanted, got)
		if err != nil {
			return err
		}
		stem := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		name := filepath.Join(b.prefix+"worst", fmt.Sprintf("%02d-%s.png", i+1, stem))
		if err := set.add(name, func(w io.Writer) error { return png.Encode(w, drawn) }); err != nil {
			return err
		}
		p.Drawn = filepath.Join(b.out.path, name)
	}
	if missing > 0 {
		fmt.Fprintf(stderr, "glip: %s of %d not drawn, for the files are not in %s: --images names their folder\n", counted(missing, "picture is", "pictures are"), len(r.Worst), b.images)
	}
	return nil
}

// path is where a picture lies, "" where nobody knows.
func (b *boxed) path(picture int64) string {
	about := b.truths.About[picture]
	if about == nil || about.File == "" {
		return ""
	}
	name := filepath.FromSlash(about.File)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(b.images, name)
}

// vizBox is a box of the evaluation as it is drawn: its corners belong to it.
func vizBox(b [4]float64, label int, text string) viz.Box {
	return viz.Box{X1: b[0], Y1: b[1], X2: b[0] + b[2] - 1, Y2: b[1] + b[3] - 1, Label: label, Text: text}
}
