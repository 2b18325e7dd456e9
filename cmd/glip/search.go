package main

import (
	"context"
	"errors"
	"fmt"
	"image"
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
	out     *folder  // nil where no file is written
	letters *letters // nil where nothing is drawn
	meter   *meter.Meter
	open    func(context.Context) error // readies finder; nil where it is
	asked   string                      // hash of the question
	earlier earlier                     // results of a run before
	results []*sighting                 // of the inputs that have none there
}

// sighting is what was found in one input.
type sighting struct {
	*outcome
	size  picture.Extent // of the picture, or of a tensor
	found []glipvk.Detection
}

// run goes through all items and prints.
func (j *search) run(ctx context.Context, items []item, stdout, stderr io.Writer) error {
	if err := j.resume(ctx, stdout, stderr); err != nil {
		return err
	}
	var all []*sighting
	for _, i := range items {
		all = append(all, &sighting{outcome: &outcome{item: i}})
	}
	number := imageNumbers(all)
	j.results = j.earlier.left(all, number)
	before := len(all) - len(j.results)
	if before > 0 {
		fmt.Fprintf(stderr, "glip: %s in %s already\n", counted(before, "input is", "inputs are"), j.earlier.path)
	}
	p := j.printer(stdout, number)
	f := flow[glipvk.Found]{
		outcomes: outcomesOf(j.results), before: before, limits: j.flags.limits, stored: j.flags.stored, check: onePicture, meter: j.meter, stderr: stderr,
		open: j.open, begin: p.begin, show: func(i int) error { return p.show(j.results[i]) }, end: func(int) error { return p.end() },
		prepare: func(p ...picture.Picture) (picture.Input, error) { return j.finder.Preprocess(p...) },
		stream: func(ctx context.Context, loads iter.Seq[glipvk.Load]) iter.Seq2[glipvk.Found, error] {
			return j.finder.Stream(ctx, j.query, loads, glipvk.StreamOptions{Batch: j.flags.batch})
		},
		finish: func(ctx context.Context, i int, found glipvk.Found) error { return j.finish(ctx, j.results[i], found) },
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
	img := s.picture.Image()
	boxes := vizBoxes(s.found)
	if j.flags.draw {
		j.letters.explain(s.found)
		drawn, err := viz.Boxes(img, append(j.note(img), boxes...), j.letters.fonts)
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

// note is what a drawing says in its lower left corner of weights that were made up.
func (j *search) note(img image.Image) []viz.Box {
	if j.made() == "" {
		return nil
	}
	y := float64(img.Bounds().Dy() - 1)
	return []viz.Box{{Y1: y, Y2: y, Text: "weights " + j.made() + ", made up"}}
}

// label names the weights, as a model does once it is open.
func (j *search) label() string { return glipvk.Options{Weights: j.flags.weights.Path}.WeightsName() }

// made is the name of weights by formula, "" for others.
func (j *search) made() string {
	if cli.IsMadeUp(j.label()) {
		return j.label()
	}
	return ""
}

// vizBoxes are detections as they are drawn.
func vizBoxes(found []glipvk.Detection) []viz.Box {
	boxes := make([]viz.Box, len(found))
	for i, d := range found {
		boxes[i] = viz.Box{
			X1: d.Box.X1, Y1: d.Box.Y1, X2: d.Box.X2, Y2: d.Box.Y2,
			Label: d.Label, Text: fmt.Sprintf("%s %.2f", d.Phrase, d.Score), Short: fmt.Sprintf("#%d %.2f", d.Label, d.Score),
		}
	}
	return boxes
}
