package main

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/internal/meter"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/viz"
	"github.com/go-gl/mathgl/mgl64"
)

// search looks for one query in many inputs, one after the other.
type search struct {
	finder  finder
	flags   detectFlags
	query   glipvk.Query
	out     *folder // nil where no file is written
	meter   *meter.Meter
	results []*sighting
}

// sighting is what was found in one input.
type sighting struct {
	item
	size    picture.Extent // of the picture, or of a tensor
	found   []glipvk.Detection
	checks  []glipvk.Difference
	seconds float64
	files   []string
	err     error
}

func (s *sighting) failure() error { return s.err }

// verified is false if something was compared and found wrong.
func (s *sighting) verified() bool { return allOK(s.checks) }

// run goes through all items. Its error ends the work; what is wrong with one input goes
// to its result and the others go on.
func (j *search) run(ctx context.Context, items []item) error {
	for i, item := range items {
		j.meter.Show("inputs", int64(i), int64(len(items)))
		s := &sighting{item: item}
		j.results = append(j.results, s)
		if s.err = j.look(ctx, s); interrupted(ctx) {
			return ctx.Err()
		}
	}
	return nil
}

// look finds the query in one input and writes the files that are asked for.
func (j *search) look(ctx context.Context, s *sighting) error {
	pic, tensor, err := readInput(ctx, s.item, j.flags.limits)
	if err != nil {
		return err
	}
	var in picture.DetectorInput
	if tensor != nil {
		in, err = tensorInput(*tensor)
	} else {
		in, err = j.finder.Preprocess(*pic)
	}
	if err != nil {
		return explain(fmt.Errorf("%s: %w", s.path, err))
	}
	s.size = in.Original
	began := time.Now()
	if s.found, err = j.finder.DetectInput(ctx, in, j.query); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	s.seconds = time.Since(began).Seconds()
	if s.checks, err = j.compare(ctx, in, s.found); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	taps, err := j.tap(ctx, in)
	if err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	if j.out == nil {
		return nil
	}
	if s.files, err = j.write(s, pic, taps); err != nil {
		return usageError{fmt.Errorf("%s: %w", s.path, err)}
	}
	return nil
}

// tensorInput takes a tensor for a picture of its own size that is prepared already.
func tensorInput(t picture.Tensor) (picture.DetectorInput, error) {
	if t.Batch != 1 || t.Height%32 != 0 || t.Width%32 != 0 {
		return picture.DetectorInput{}, fmt.Errorf("a tensor of [%d, 3, %d, %d]: want [1, 3, H, W] with sides that are multiples of 32, as GLIP pads them",
			t.Batch, t.Height, t.Width)
	}
	extent := picture.Extent{Height: t.Height, Width: t.Width}
	return picture.DetectorInput{
		Height: t.Height, Width: t.Width, Data: t.Data, Resized: extent, Original: extent, ToPicture: mgl64.Ident3(),
	}, nil
}

// compare holds what was found against the CPU reference, where that is asked for.
func (j *search) compare(ctx context.Context, in picture.DetectorInput, found []glipvk.Detection) ([]glipvk.Difference, error) {
	if !j.flags.verify {
		return nil, nil
	}
	v, ok := j.finder.(verifier)
	if !ok {
		return nil, usage("--verify: this detector has nothing to compare with")
	}
	return v.VerifyInput(ctx, in, j.query, found)
}

// tap returns the values of --taps.
func (j *search) tap(ctx context.Context, in picture.DetectorInput) ([]glipvk.Map, error) {
	if len(j.flags.taps) == 0 {
		return nil, nil
	}
	t, ok := j.finder.(tapper)
	if !ok {
		return nil, usage("--taps: this detector shows no values")
	}
	return t.TapInput(ctx, in, j.query, j.flags.taps)
}

// write puts the files of one input in place, all of them or none. A tensor has no
// picture to draw on or to cut from.
func (j *search) write(s *sighting, pic *picture.Picture, taps []glipvk.Map) ([]string, error) {
	set := j.out.begin()
	err := j.add(set, s, pic, taps)
	if err != nil {
		return nil, errors.Join(err, set.discard())
	}
	return set.commit()
}

func (j *search) add(set *pending, s *sighting, pic *picture.Picture, taps []glipvk.Map) error {
	if len(taps) > 0 {
		if err := set.add(s.stem+".taps.npz", func(w io.Writer) error { return writeNpz(w, taps) }); err != nil {
			return err
		}
	}
	if pic == nil {
		return nil
	}
	img := photo(*pic)
	boxes := vizBoxes(s.found)
	if j.flags.draw {
		drawn, err := viz.Boxes(img, boxes)
		if err != nil {
			return err
		}
		if err := set.add(s.stem+".boxes.png", func(w io.Writer) error { return png.Encode(w, drawn) }); err != nil {
			return err
		}
	}
	if !j.flags.crop {
		return nil
	}
	for i, box := range boxes {
		cut, err := viz.Crop(img, box)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%s.crop%03d.png", s.stem, i+1)
		if err := set.add(name, func(w io.Writer) error { return png.Encode(w, cut) }); err != nil {
			return err
		}
	}
	return nil
}

// vizBoxes are detections as they are drawn.
func vizBoxes(found []glipvk.Detection) []viz.Box {
	boxes := make([]viz.Box, len(found))
	for i, d := range found {
		boxes[i] = viz.Box{
			X1: d.Box.X1, Y1: d.Box.Y1, X2: d.Box.X2, Y2: d.Box.Y2,
			Label: d.Label, Text: fmt.Sprintf("%s %.2f", d.Phrase, d.Score),
		}
	}
	return boxes
}
