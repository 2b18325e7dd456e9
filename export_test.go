package glipvk

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/picture"
)

// errUnknown is what making something anew ends with, for the tests.
var errUnknown = errors.New("nothing is kept")

// Known is where the detector keeps what it knows of pictures, nil where it knows nothing.
func (d *Detector) Known(in picture.Input) *executor.Value {
	it, err := d.seen.Get(context.Background(), Fingerprint(in), func(context.Context) (looked, error) { return looked{}, errUnknown })
	if err != nil {
		return nil
	}
	defer d.seen.Release(it)
	return &it.Value.maps[0]
}

// Heard is where the detector keeps the first caption of a query encoded, nil where it does not.
func (d *Detector) Heard(q Query) *float32 {
	prompts, err := d.prompts(context.Background(), q)
	if err != nil || len(prompts) == 0 {
		return nil
	}
	it, err := d.read.Get(context.Background(), prompts[0].key, func(context.Context) ([]float32, error) { return nil, errUnknown })
	if err != nil {
		return nil
	}
	defer d.read.Release(it)
	return &it.Value[0]
}

// CountPrograms says how many programs of the text encoder, the grounding and the alignment were made since.
// It is to be called before any is.
func (d *Detector) CountPrograms() func() int {
	var n atomic.Int32
	language, grounding, alignment := d.language.Recording, d.grounding.Recording, d.alignment.Recording
	d.language = executor.NewPart(d.exec, counting(language, &n))
	d.grounding = executor.NewPart(d.exec, counting(grounding, &n))
	d.alignment = executor.NewPart(d.exec, counting(alignment, &n))
	return func() int { return int(n.Load()) }
}

// counting counts how often a part is recorded.
func counting[K comparable](r executor.Recording[K], n *atomic.Int32) executor.Recording[K] {
	record := r.Record
	r.Record = func(size K) (*graph.Graph, error) {
		n.Add(1)
		return record(size)
	}
	return r
}

// Blind takes the part of the pictures away: who uses it panics.
func (d *Detector) Blind() { d.vision = nil }

// Same compares sights of a batch with the pictures that they are said to be of, as BatchExact does.
func (d *Detector) Same(in picture.Input, sights []*Sight, q Query) (bool, error) {
	prompts, err := d.prompts(context.Background(), q)
	if err != nil {
		return false, err
	}
	return d.same(context.Background(), in, sights, prompts[0])
}

// DetectorBounds are those of a value inside a detector.
var DetectorBounds = detectorBounds
