package glipvk

import (
	"context"
	"errors"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/picture"
)

// errUnknown is what making something anew ends with, for the tests.
var errUnknown = errors.New("nothing is kept")

// Known is where the detector keeps what it knows of pictures, nil where it knows nothing.
func (d *Detector) Known(in picture.Input) *executor.Value {
	it, err := d.seen.Get(context.Background(), fingerprint(in), func(context.Context) (pyramid, error) { return nil, errUnknown })
	if err != nil {
		return nil
	}
	defer d.seen.Release(it)
	return &it.Value[0]
}

// Heard is where the detector keeps the first caption of a query encoded, nil where it does not.
func (d *Detector) Heard(q Query) *float32 {
	prompts, err := d.prompts(q)
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
