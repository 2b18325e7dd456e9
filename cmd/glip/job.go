package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/internal/meter"
	"github.com/glipvk/glipvk/picture"
)

// job computes features of many inputs.
type job struct {
	model   *glipvk.Backbone
	flags   featuresFlags
	out     *folder
	letters *letters
	meter   *meter.Meter
	open    func(context.Context) error // readies model; nil where it is
	results []*result
}

// result is what became of one input.
type result struct {
	*outcome
	shape [4]int // of the model's input
	maps  []mapDocument
}

// run computes all items and prints.
func (j *job) run(ctx context.Context, items []item, stdout, stderr io.Writer) error {
	for _, i := range items {
		j.results = append(j.results, &result{outcome: &outcome{item: i}})
	}
	f := flow[glipvk.StreamResult]{
		outcomes: outcomesOf(j.results), limits: j.flags.limits, stored: j.flags.stored, meter: j.meter, stderr: stderr,
		open: j.open, begin: func() error { return j.head(stdout) },
		prepare: func(p ...picture.Picture) (picture.Input, error) { return j.model.Preprocess(p...) },
		stream: func(ctx context.Context, loads iter.Seq[glipvk.Load]) iter.Seq2[glipvk.StreamResult, error] {
			return j.model.Stream(ctx, loads, glipvk.StreamOptions{Batch: j.flags.batch, Taps: j.flags.taps})
		},
		finish: func(ctx context.Context, i int, s glipvk.StreamResult) error { return j.finish(ctx, j.results[i], s) },
		show:   func(i int) error { return j.results[i].print(stdout) },
		end:    func(int) error { return nil },
	}
	if j.flags.json {
		f.begin, f.show = func() error { return nil }, func(int) error { return nil }
		f.end = func(done int) error { return writeJSON(stdout, j.document(done)) }
	}
	return f.run(ctx)
}

// finish compares and writes what the stream computed for one input.
func (j *job) finish(ctx context.Context, r *result, s glipvk.StreamResult) (err error) {
	if j.flags.verify {
		if r.checks, err = j.model.Verify(ctx, s.Input, s.Features); err != nil {
			return err
		}
	}
	r.seconds = s.Elapsed.Seconds()
	r.shape = [4]int{s.Input.Batch, 3, s.Input.Height, s.Input.Width}
	for _, m := range s.Features {
		r.maps = append(r.maps, mapDocument{m.Name, m.Shape, summarise(m.Data)})
	}
	r.files, err = j.write(r, s)
	return cli.Blame(err)
}

// write puts the files of one input in place, all of them or none.
func (j *job) write(r *result, s glipvk.StreamResult) ([]string, error) {
	set := j.out.begin()
	err := save(set, j.flags.format, r.stem, slices.Concat(s.Features, s.Taps), map[string]string{
		"input": r.path, "model": j.model.Info().Name, "weights": weightsText(j.model.Weights()),
	})
	if err == nil && j.flags.viz && r.picture != nil {
		err = j.draw(set, r, s)
	}
	if err != nil {
		return nil, errors.Join(err, set.discard())
	}
	return set.commit()
}
