package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/jpeg"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/labels"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/viz"
	"golang.org/x/image/draw"
)

//go:embed label_review.html
var reviewHTML string

// reviewPage is the page that a person looks at before labels are used. It needs nothing beside it.
var reviewPage = template.Must(template.New("review").Parse(reviewHTML))

// review is what the page shows.
type review struct {
	Root, Model, Weights string
	MadeUp               bool
	Pictures, Labelled   int
	Empty, Skipped       int
	Boxes                int
	LeftOut, Nothing     string
	Classes              []reviewClass
	Groups               []reviewShown
	Failed               []skip
	More                 int // that were skipped and are not listed
}

// reviewClass is a row of the table of classes.
type reviewClass struct {
	Name, Prompts   string
	Threshold       float64
	Boxes, Pictures int
	Most            int // of a bar
	Mark            float64
	Bars            []reviewBar
}

// reviewBar is a bar of a histogram, in units of its drawing.
type reviewBar struct {
	X, Y, Width, Height float64
	Label               bool // of boxes that are labels
	Title               string
}

// Size of a histogram's drawing.
const (
	histogramWidth  = 300
	histogramHeight = 48
)

// reviewShown is a group of pictures.
type reviewShown struct {
	Title, About string
	Figures      []reviewFigure
}

// reviewFigure is one of them.
type reviewFigure struct {
	Name, Said    string
	Data          template.URL // empty where the picture cannot be read any more
	Width, Height int
}

// Of the page: the longer side of pictures in pixels, pictures listed as skipped, labels told of a picture.
const (
	shownPictureSide = 640
	mostListed       = 50
	mostSaid         = 10 // labels below a picture
	reviewQuality    = 80 // of JPEG
)

// writeReview writes the page.
func (j *labelling) writeReview(ctx context.Context, t *tally, path string) error {
	r := review{
		Root: j.root, Model: j.model, Weights: j.label(), MadeUp: j.made() != "", Pictures: t.pictures, Labelled: t.pictures - t.empty, Empty: t.empty,
		Skipped: len(j.skipped), Boxes: t.boxes, LeftOut: t.leftOut(), Nothing: t.nothing(),
	}
	r.Failed = j.skipped[:min(len(j.skipped), mostListed)]
	r.More = len(j.skipped) - len(r.Failed)
	for i := range t.classes {
		r.Classes = append(r.Classes, t.row(i))
	}
	for _, g := range t.groups(j.labelFlags.review) {
		shown := reviewShown{Title: g.Title, About: g.About}
		for _, p := range g.picks {
			f, err := j.figure(ctx, p)
			if err != nil {
				return err
			}
			shown.Figures = append(shown.Figures, f)
		}
		r.Groups = append(r.Groups, shown)
	}
	return file.Save(path, 0o644, func(w io.Writer) error { return reviewPage.Execute(w, r) })
}

// row is that of a class.
func (t *tally) row(i int) reviewClass {
	c, counts := t.rule.Classes[i], &t.classes[i]
	r := reviewClass{
		Name: c.Name, Threshold: t.rule.Thresholds[i], Boxes: counts.boxes, Pictures: counts.pictures, Mark: t.rule.Thresholds[i] * histogramWidth,
	}
	if !slices.Equal(c.Prompts, []string{c.Name}) {
		r.Prompts = strings.Join(c.Prompts, ", ")
	}
	for k := range scoreBins {
		r.Most = max(r.Most, counts.labelled[k]+counts.other[k])
	}
	const width = float64(histogramWidth) / scoreBins
	for k := range scoreBins {
		x, base := float64(k)*width, float64(histogramHeight)
		for _, part := range []struct {
			n     int
			label bool
			what  string
		}{{counts.labelled[k], true, "labelled"}, {counts.other[k], false, "not labelled"}} {
			if part.n == 0 {
				continue
			}
			high := max(float64(part.n)/float64(r.Most)*histogramHeight, 1)
			base -= high
			r.Bars = append(r.Bars, reviewBar{x, base, width - 0.5, high, part.label,
				fmt.Sprintf("%.2f to %.2f: %d %s", float64(k)/scoreBins, float64(k+1)/scoreBins, part.n, part.what)})
		}
	}
	return r
}

// figure draws the labels of a picture. One that is gone since is named without.
func (j *labelling) figure(ctx context.Context, p *pick) (f reviewFigure, err error) {
	f = reviewFigure{Name: p.Name, Said: j.said(p)}
	at := filepath.Join(j.root, filepath.FromSlash(p.Name))
	pic, _, err := readInput(ctx, item{path: at}, j.limits, picture.IgnoreOrientation(j.stored))
	switch {
	case ctx.Err() != nil:
		return f, ctx.Err()
	case err != nil || pic == nil:
		f.Said = "cannot be read any more"
		return f, nil
	}
	shown, scale := sided(pic.Image(), shownPictureSide)
	drawn, err := viz.Boxes(shown, append(j.note(shown), j.boxes(p, scale)...), j.letters.fonts)
	if err != nil {
		return f, err
	}
	var data bytes.Buffer
	if err := jpeg.Encode(&data, drawn, &jpeg.Options{Quality: reviewQuality}); err != nil {
		return f, err
	}
	f.Width, f.Height = drawn.Rect.Dx(), drawn.Rect.Dy()
	f.Data = template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(data.Bytes()))
	return f, nil
}

// sided is a picture whose longer side has so many pixels, so that what is written on it can be read, and its scale.
func sided(img image.Image, side int) (image.Image, float64) {
	size := img.Bounds().Size()
	scale := float64(side) / float64(max(size.X, size.Y))
	if scale == 1 {
		return img, 1
	}
	out := image.NewRGBA(image.Rect(0, 0, max(int(float64(size.X)*scale+0.5), 1), max(int(float64(size.Y)*scale+0.5), 1)))
	draw.ApproxBiLinear.Scale(out, out.Rect, img, img.Bounds(), draw.Src, nil)
	return out, scale
}

// boxes are the labels as they are drawn.
func (j *labelling) boxes(p *pick, scale float64) (list []viz.Box) {
	for _, b := range p.boxes {
		if b.fate != labelled {
			continue
		}
		name := j.rule.Classes[b.Class].Name
		j.letters.explain([]glipvk.Detection{{Phrase: name, Label: b.Class + 1}})
		at := inclusive(labels.Box{X1: b.Box.X1 * scale, Y1: b.Box.Y1 * scale, X2: b.Box.X2 * scale, Y2: b.Box.Y2 * scale})
		list = append(list, viz.Box{
			X1: at.X1, Y1: at.Y1, X2: at.X2, Y2: at.Y2, Label: b.Class + 1,
			Text: fmt.Sprintf("%s %.2f", name, b.Score), Short: fmt.Sprintf("#%d %.2f", b.Class+1, b.Score),
		})
	}
	return list
}

// said lists the labels of a picture, or where it has none the best box that is no label.
func (j *labelling) said(p *pick) string {
	prompts := promptsOf(j.rule.Classes)
	word := func(b judged) string {
		name := j.rule.Classes[b.Class].Name
		if prompt := prompts[b.prompt]; prompt != name {
			name += " (" + prompt + ")"
		}
		return fmt.Sprintf("%s %.2f", name, b.Score)
	}
	var words []string
	best := ""
	for _, b := range p.boxes {
		switch {
		case b.fate == labelled:
			words = append(words, word(b))
		case best == "":
			best = word(b)
		}
	}
	switch {
	case len(words) > 0:
		return strings.Join(words[:min(len(words), mostSaid)], ", ") + andMore(len(words)-mostSaid)
	case best != "":
		return "no label; the best box is " + best
	}
	return "no label, and no box"
}

// andMore counts what a list leaves out.
func andMore(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n)
}
