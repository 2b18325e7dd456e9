package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/dataset"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/viz"
	xdraw "golang.org/x/image/draw"
)

// How scenes are put side by side.
const (
	acrossSheet = 4
	large       = 3 * side / 2 // a side of a scene on a sheet, pixels
	gap         = 6
	certain     = 0.5 // the score of what is drawn, as glip detect has it
)

// sheet draws what glip-world finds in the scenes of sentences that the repository carries, side by side.
func sheet(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("world sheet", flag.ContinueOnError)
	flags.SetOutput(stderr)
	data := flags.String("data", "testdata/world", "`FOLDER` of the scenes")
	weights := flags.String("weights", "", "look with a `FILE` that train wrote instead of glip-world")
	out := flags.String("out", "docs/world.jpg", "`FILE` that is written, a JPEG")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("sheet takes no arguments; see -help")
	}
	s, err := set(ctx, *data, "sentences")
	if err != nil {
		return err
	}
	d, err := chosen(*weights, "cpu", glipvk.F32).open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	fonts, err := viz.NewFonts(false)
	if err != nil {
		return err
	}
	rows := (len(s.Pictures) + acrossSheet - 1) / acrossSheet
	img := image.NewRGBA(image.Rect(0, 0, acrossSheet*(large+gap)-gap, rows*(large+gap)-gap))
	draw.Draw(img, img.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
	for i, p := range s.Pictures {
		scene, err := looked(ctx, d, p, fonts)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Path, err)
		}
		at := image.Pt(i%acrossSheet, i/acrossSheet).Mul(large + gap)
		draw.Draw(img, scene.Rect.Add(at), scene, image.Point{}, draw.Src)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 88}); err != nil {
		return err
	}
	if err := file.Replace(*out, b.Bytes(), 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s: %d scenes\n", *out, len(s.Pictures))
	return err
}

// looked is a scene, enlarged, with what is found of the phrases of its caption.
func looked(ctx context.Context, d *glipvk.Detector, p dataset.Picture, fonts *viz.Fonts) (*image.RGBA, error) {
	decoded, err := picture.Open(ctx, p.Path, picture.Limits{})
	if err != nil {
		return nil, err
	}
	q, _ := phrases(p)
	found, err := d.Detect(ctx, q, decoded)
	if err != nil {
		return nil, err
	}
	small, scene := decoded.Image(), image.NewRGBA(image.Rect(0, 0, large, large))
	xdraw.CatmullRom.Scale(scene, scene.Rect, small, small.Rect, draw.Src, nil)
	var boxes []viz.Box
	wide, high := float64(large)/float64(decoded.Width), float64(large)/float64(decoded.Height)
	for _, f := range found[0] {
		if f.Score < certain {
			continue
		}
		boxes = append(boxes, viz.Box{X1: f.Box.X1 * wide, Y1: f.Box.Y1 * high, X2: f.Box.X2 * wide, Y2: f.Box.Y2 * high, Label: f.Label, Text: f.Phrase})
	}
	return viz.Boxes(scene, boxes, fonts)
}
