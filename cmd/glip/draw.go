package main

import (
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"path/filepath"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/viz"
	"github.com/go-gl/mathgl/mgl32"
)

// draw adds STEM.viz.png: the picture beside the colours of each map.
func (j *job) draw(set *pending, r *result, s glipvk.StreamResult) error {
	panels := make([]viz.Map, len(s.Features))
	for i, f := range s.Features {
		panels[i] = viz.Map{Name: f.Name, C: f.Shape[1], H: f.Shape[2], W: f.Shape[3], Data: f.Data}
	}
	m := j.model
	img, err := viz.Render(r.picture.Image(), panels, viz.Options{
		Title: filepath.Base(r.path),
		Subtitle: fmt.Sprintf("%s · input %d × %d · weights %s · %s",
			m.Info().Name, s.Input.Height, s.Input.Width, filepath.Base(m.Weights()), m.Device().Name),
		Region: region(s.Input),
		Fonts:  j.letters.fonts,
	})
	if err != nil {
		return err
	}
	return set.add(r.stem+".viz.png", func(w io.Writer) error { return png.Encode(w, img) })
}

// region is the part of the picture that the model's input shows, in its pixels.
func region(in picture.Input) image.Rectangle {
	back := in.View(0).FromPicture.Inv()
	corner := func(x, y int) image.Point {
		v := back.Mul3x1(mgl32.Vec3{float32(x), float32(y), 1})
		return image.Pt(int(math.Round(float64(v[0]))), int(math.Round(float64(v[1]))))
	}
	return image.Rectangle{Min: corner(0, 0), Max: corner(in.Width, in.Height)}
}
