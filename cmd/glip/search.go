package main

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"iter"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/meter"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/viz"
)

// search looks for one query in many inputs.
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
	*outcome
	size  picture.Extent // of the picture, or of a tensor
	found []glipvk.Detection
}

// run goes through all items and prints.
func (j *search) run(ctx context.Context, items []item, stdout, stderr io.Writer) error {
	outcomes := outcomesOf(items)
	for _, o := range outcomes {
		j.results = append(j.results, &sighting{outcome: o})
	}
	show, end, err := j.printer(stdout)
	if err != nil {
		return err
	}
	f := flow[glipvk.Found]{
		outcomes: outcomes, limits: j.flags.limits, prepare: j.finder.Preprocess, check: onePicture, meter: j.meter, stderr: stderr,
		stream: func(ctx context.Context, loads iter.Seq[glipvk.Load]) iter.Seq2[glipvk.Found, error] {
			return j.finder.Stream(ctx, j.query, loads, glipvk.StreamOptions{Batch: j.flags.batch})
		},
		finish: func(ctx context.Context, i int, found glipvk.Found) error { return j.finish(ctx, j.results[i], found) },
		show:   func(i int) error { return show(j.results[i]) },
		end:    func(int) error { return end() },
	}
	return f.run(ctx)
}

// onePicture refuses a tensor that is not one picture as GLIP pads it.
func onePicture(t picture.Input) error {
	if t.Batch != 1 || t.Height%32 != 0 || t.Width%32 != 0 {
		return fmt.Errorf("a tensor of [%d, 3, %d, %d]: want [1, 3, H, W] with sides that are multiples of 32, as GLIP pads them",
			t.Batch, t.Height, t.Width)
	}
	return nil
}

// finish compares what was found in an input and writes the files that are asked for.
func (j *search) finish(ctx context.Context, s *sighting, found glipvk.Found) (err error) {
	s.size = found.Input.View(0).Original
	s.found, s.seconds = found.Detections[0], found.Elapsed.Seconds()
	if j.flags.verify {
		if s.checks, err = j.finder.Verify(ctx, j.query, found.Input, found.Detections); err != nil {
			return err
		}
	}
	var taps []glipvk.Map
	if len(j.flags.taps) > 0 {
		if taps, err = j.finder.Taps(ctx, j.query, found.Input, j.flags.taps...); err != nil {
			return err
		}
	}
	if j.out == nil {
		return nil
	}
	s.files, err = j.write(s, taps)
	return cli.Blame(err)
}

// write puts the files of one input in place, all of them or none. A tensor has no
// picture to draw on or to cut from.
func (j *search) write(s *sighting, taps []glipvk.Map) ([]string, error) {
	set := j.out.begin()
	err := j.add(set, s, taps)
	if err != nil {
		return nil, errors.Join(err, set.discard())
	}
	return set.commit()
}

func (j *search) add(set *pending, s *sighting, taps []glipvk.Map) error {
	if len(taps) > 0 {
		if err := set.add(s.stem+".taps.npz", func(w io.Writer) error { return writeNpz(w, taps) }); err != nil {
			return err
		}
	}
	if s.picture == nil || !j.flags.draw && !j.flags.crop {
		return nil
	}
	img := photo(*s.picture)
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
