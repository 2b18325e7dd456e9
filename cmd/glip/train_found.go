package main

import (
	"fmt"
	"image"
	"image/png"
	"io"
	"path/filepath"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/viz"
	"golang.org/x/image/draw"
)

// What of a measurement is drawn.
const (
	shownPictures = 4   // of --val
	shownBoxes    = 6   // of a picture, the best
	shownScore    = 0.3 // at least
	shownSide     = 320 // pixels that a picture has at least
)

// found draws what a measurement finds in the first pictures beside what is annotated there.
func (s *show) found(p dataset.Picture, decoded picture.Picture, found []glipvk.Detection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.data.val
	shown := false
	for _, x := range set.Pictures[:min(len(set.Pictures), shownPictures)] {
		shown = shown || x.ID == p.ID
	}
	if !shown {
		return
	}
	img, scale := enlarged(decoded.Image())
	var wanted, got []viz.Box
	for _, o := range p.Objects {
		wanted = append(wanted, scaled(viz.Box{X1: o.Box.X1, Y1: o.Box.Y1, X2: o.Box.X2, Y2: o.Box.Y2, Label: o.Label, Text: set.Categories[o.Label-1].Name}, scale))
	}
	for _, b := range vizBoxes(found[:min(len(found), shownBoxes)]) {
		got = append(got, scaled(b, scale))
	}
	for i, d := range found[:len(got)] {
		if d.Score < shownScore {
			got = got[:i]
			break
		}
	}
	drawn, err := beside(img, wanted, got)
	if err == nil {
		stem := strings.TrimSuffix(filepath.Base(p.Path), filepath.Ext(p.Path))
		path := filepath.Join(s.plan.Out, "val", fmt.Sprintf("%06d-%s.png", s.step, stem))
		err = file.Save(path, 0o644, func(w io.Writer) error { return png.Encode(w, drawn) })
	}
	s.failure(err)
}

// enlarged is a picture with sides that labels can be read on.
func enlarged(img image.Image) (image.Image, int) {
	b := img.Bounds()
	scale := max((shownSide+min(b.Dx(), b.Dy())-1)/min(b.Dx(), b.Dy()), 1)
	if scale == 1 || max(b.Dx(), b.Dy())*scale > 4*shownSide {
		return img, 1
	}
	out := image.NewRGBA(image.Rect(0, 0, b.Dx()*scale, b.Dy()*scale))
	draw.NearestNeighbor.Scale(out, out.Rect, img, b, draw.Src, nil)
	return out, scale
}

// scaled is a box in a picture that is so many times as large.
func scaled(b viz.Box, scale int) viz.Box {
	k := float64(scale)
	b.X1, b.Y1, b.X2, b.Y2 = b.X1*k, b.Y1*k, b.X2*k+k-1, b.Y2*k+k-1
	return b
}

// beside draws two lists of boxes over a picture each, side by side.
func beside(img image.Image, left, right []viz.Box) (image.Image, error) {
	const gap = 8
	a, err := viz.Boxes(img, left, nil)
	if err != nil {
		return nil, err
	}
	b, err := viz.Boxes(img, right, nil)
	if err != nil {
		return nil, err
	}
	w, h := a.Rect.Dx(), a.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, 2*w+gap, h))
	draw.Draw(out, out.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(out, a.Rect, a, image.Point{}, draw.Src)
	draw.Draw(out, b.Rect.Add(image.Pt(w+gap, 0)), b, image.Point{}, draw.Src)
	return out, nil
}
