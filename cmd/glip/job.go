package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/internal/meter"
	"github.com/glipvk/glipvk/picture"
)

// job computes features of many inputs, some at a time.
type job struct {
	model   *glipvk.Model
	flags   featuresFlags
	out     *folder
	meter   *meter.Meter
	results []*result
}

// result is what became of one input.
type result struct {
	item
	prepared *prepared // from when it is loaded until its files are written
	shape    [4]int    // of the model's input, this input's share
	seconds  float64
	maps     []mapDocument
	checks   []glipvk.Difference
	files    []string
	err      error
}

func (r *result) failure() error { return r.err }

// verified is false if a map was compared and found wrong.
func (r *result) verified() bool { return allOK(r.checks) }

// run computes all items: while some are computed the next are read and resized. Its
// error ends the work; what is wrong with one input goes to its result and the others
// go on.
func (j *job) run(ctx context.Context, items []item) error {
	for _, i := range items {
		j.results = append(j.results, &result{item: i})
	}
	o := glipvk.StreamOptions{Batch: j.flags.batch, Taps: j.flags.taps}
	j.meter.Show("inputs", 0, int64(len(items)))
	for s, err := range j.model.Stream(ctx, j.loads(), o) {
		if interrupted(ctx) {
			return ctx.Err()
		}
		r := j.results[s.Index]
		if r.err == nil { // else it could not be read
			r.err = j.finish(ctx, r, s, err)
		}
		r.prepared = nil
		if interrupted(ctx) {
			return ctx.Err()
		}
		j.meter.Show("inputs", int64(s.Index+1), int64(len(items)))
	}
	return nil
}

// loads are the inputs as a stream takes them. What goes wrong is noted in the results.
func (j *job) loads() iter.Seq[glipvk.Load] {
	return func(yield func(glipvk.Load) bool) {
		for _, r := range j.results {
			load := func(ctx context.Context) (picture.Tensor, error) {
				p, err := prepare(ctx, j.model, r.item, j.flags.limits)
				r.prepared, r.err = &p, err
				return p.tensor, err
			}
			if !yield(load) {
				return
			}
		}
	}
}

// finish checks and writes what the stream computed for one input.
func (j *job) finish(ctx context.Context, r *result, s glipvk.StreamResult, err error) error {
	if err == nil && j.flags.verify {
		r.checks, err = j.model.Verify(ctx, s.Input, s.Features)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.path, err)
	}
	r.seconds = s.Elapsed.Seconds()
	r.shape = [4]int{s.Input.Batch, 3, s.Input.Height, s.Input.Width}
	for _, m := range s.Features {
		r.maps = append(r.maps, mapDocument{m.Name, m.Shape, summarise(m.Data)})
	}
	if r.files, err = j.write(*r.prepared, s.Features, s.Taps); err != nil {
		return usageError{fmt.Errorf("%s: %w", r.path, err)}
	}
	return nil
}

// write puts the files of one input in place, all of them or none.
func (j *job) write(p prepared, maps, taps []glipvk.Map) ([]string, error) {
	set := j.out.begin()
	err := save(set, j.flags.format, p.stem, slices.Concat(maps, taps))
	if err == nil && j.flags.viz && p.picture != nil {
		err = drawFeatures(set, p, maps, j.model)
	}
	if err != nil {
		return nil, errors.Join(err, set.discard())
	}
	return set.commit()
}
