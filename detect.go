package glipvk

import (
	"context"
	"errors"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/picture"
)

// Detect finds the phrases of a query in pictures, which must have one size after
// preprocessing, and returns a list for each, by falling score. What is known of the pictures
// from an earlier query, or of the query from earlier pictures, is used again. Errors wrap
// [ErrInput], [ErrClosed], the context's error, or are those of package engine; no detections
// are none.
func (d *Detector) Detect(ctx context.Context, q Query, pictures ...picture.Picture) ([][]Detection, error) {
	if err := d.opened(); err != nil {
		return nil, err
	}
	in, err := d.preprocess(ctx, pictures...)
	if err != nil {
		return nil, err
	}
	return d.DetectInput(ctx, q, in)
}

// DetectInput is Detect for pictures that are preprocessed already. Their content is hashed to
// know them again; who asks often holds a [Sight].
func (d *Detector) DetectInput(ctx context.Context, q Query, in picture.Input) ([][]Detection, error) {
	found, _, err := d.DetectWith(ctx, q, in, CallOptions{})
	return found, err
}

// DetectWith is DetectInput with options of the call, and says what the call had to compute.
func (d *Detector) DetectWith(ctx context.Context, q Query, in picture.Input, o CallOptions) (found [][]Detection, r Report, err error) {
	a, err := d.ask(ctx, q, o)
	if err != nil {
		return nil, r, err
	}
	found, err = executor.Again(ctx, d.exec, func() (found [][]Detection, err error) {
		var s *Sight
		if s, r, err = d.remembered(ctx, in); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		return s.answer(ctx, a, &r)
	})
	return found, r, err
}

// AlignInput is [Sight.Align] for pictures that the detector remembers as [Detector.DetectInput] does.
func (d *Detector) AlignInput(ctx context.Context, q Query, in picture.Input) (list [][]Alignment, r Report, err error) {
	prompts, err := d.prompts(ctx, q)
	if err != nil {
		return nil, r, err
	}
	list, err = executor.Again(ctx, d.exec, func() (list [][]Alignment, err error) {
		var s *Sight
		if s, r, err = d.remembered(ctx, in); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		return s.align(ctx, prompts, &r)
	})
	return list, r, err
}
