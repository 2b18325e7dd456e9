package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/picture"
)

// job computes features of many inputs, some at a time.
type job struct {
	model   *glipvk.Model
	flags   featuresFlags
	out     *folder
	meter   *meter
	group   []prepared // pictures of one size that wait to be computed
	results []*result
}

// result is what became of one input.
type result struct {
	item
	shape   [4]int // of the model's input, this input's share
	seconds float64
	maps    []mapDocument
	checks  []glipvk.Difference
	files   []string
	err     error
}

// verified is false if a map was compared and found wrong.
func (r *result) verified() bool {
	for _, d := range r.checks {
		if !d.OK() {
			return false
		}
	}
	return true
}

// run computes all items. Its error ends the work; what is wrong with one input
// goes to its result and the others go on.
func (j *job) run(ctx context.Context, items []item) error {
	for n, i := range items {
		j.meter.show("inputs", int64(n), int64(len(items)))
		j.results = append(j.results, &result{item: i})
		p, err := prepare(j.model, i, j.flags.limits)
		switch {
		case err != nil:
			j.results[n].err = err
			continue
		case p.picture == nil:
			err = j.compute(ctx, p.tensor, []prepared{p})
		default:
			if len(j.group) > 0 && j.group[0].extent() != p.extent() {
				err = j.flush(ctx)
			}
			j.group = append(j.group, p)
			if err == nil && len(j.group) == j.flags.batch {
				err = j.flush(ctx)
			}
		}
		if err != nil {
			return err
		}
	}
	return j.flush(ctx)
}

// flush computes the pictures that wait.
func (j *job) flush(ctx context.Context) error {
	if len(j.group) == 0 {
		return nil
	}
	inputs := make([]picture.Input, len(j.group))
	for i, p := range j.group {
		inputs[i] = p.input
	}
	group := j.group
	j.group = nil
	return j.compute(ctx, picture.Stack(inputs...), group)
}

// compute runs one batch and writes the results of each of its inputs.
func (j *job) compute(ctx context.Context, t picture.Tensor, batch []prepared) error {
	features, taps, seconds, err := j.extract(ctx, t)
	var checks []glipvk.Difference
	if err == nil && j.flags.verify {
		checks, err = j.model.Verify(ctx, t, features)
	}
	if interrupted(ctx) {
		return ctx.Err()
	}
	for i, p := range batch {
		r := j.result(p.item)
		if err != nil {
			r.err = fmt.Errorf("%s: %w", p.path, err)
			continue
		}
		r.seconds, r.checks = seconds/float64(len(batch)), checks
		r.shape = [4]int{t.Batch / len(batch), 3, t.Height, t.Width}
		maps := share(features, i, len(batch))
		for _, m := range maps {
			r.maps = append(r.maps, mapDocument{m.Name, m.Shape, summarise(m.Data)})
		}
		files, failure := j.write(p, maps, share(taps, i, len(batch)))
		if failure != nil {
			r.err = usageError{fmt.Errorf("%s: %w", p.path, failure)}
		}
		r.files = files
	}
	return nil
}

// extract computes the values asked for. The time is that of the computation, not of making its program, unless
// there are taps, which have a program of their own.
func (j *job) extract(ctx context.Context, t picture.Tensor) (f glipvk.Features, taps []glipvk.Map, seconds float64, err error) {
	start := time.Now()
	if len(j.flags.taps) > 0 {
		f, taps, err = j.model.Taps(ctx, t, j.flags.taps...)
		return f, taps, time.Since(start).Seconds(), err
	}
	if err := j.model.Prepare(ctx, t.Batch, t.Height, t.Width); err != nil {
		return nil, nil, 0, err
	}
	start = time.Now()
	f, err = j.model.ExtractTensor(ctx, t)
	return f, nil, time.Since(start).Seconds(), err
}

func (j *job) result(i item) *result {
	for _, r := range j.results {
		if r.item == i {
			return r
		}
	}
	panic("an input without a result") // run makes one for each before it computes
}

// share cuts input i of n out of the values of a batch.
func share(maps []glipvk.Map, i, n int) []glipvk.Map {
	if n == 1 {
		return maps
	}
	parts := make([]glipvk.Map, len(maps))
	for k, m := range maps {
		if !m.Shared {
			size := len(m.Data) / n
			m.Data = m.Data[i*size : (i+1)*size]
			m.Shape = append([]int{m.Shape[0] / n}, m.Shape[1:]...)
		}
		parts[k] = m
	}
	return parts
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
