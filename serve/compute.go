package serve

import (
	"bytes"
	"context"
	"errors"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/serve/queue"
)

// result is what was found of one unit.
type result struct {
	found     []api.Detection
	alignment glipvk.Alignment
	report    glipvk.Report
}

// prepare decodes and resizes a picture, unless the detector remembers it.
func (s *Server) prepare(ctx context.Context, j job) (picture.Input, error) {
	d := s.detector()
	if d == nil {
		return picture.Input{}, s.unready()
	}
	if d.Knows(j.key) {
		return picture.Input{}, nil
	}
	return s.decode(ctx, d, j)
}

// decode decodes and resizes a picture, within the memory that all those being decoded may take.
func (s *Server) decode(ctx context.Context, d detector, j job) (picture.Input, error) {
	if err := s.decoding.Acquire(ctx, j.bytes); err != nil {
		return picture.Input{}, err
	}
	defer s.decoding.Release(j.bytes)
	p, err := picture.Decode(ctx, bytes.NewReader(j.data), "the picture", s.pictureLimits())
	if err != nil {
		return picture.Input{}, pictureRefusal(err)
	}
	in, err := d.Preprocess(p)
	return in, asRefusal(err)
}

// compute answers a batch.
func (s *Server) compute(ctx context.Context, _ int, batch []queue.Item[job, picture.Input]) ([]queue.Result[result], error) {
	d := s.detector()
	if d == nil {
		return nil, s.unready()
	}
	list, err := s.answered(ctx, d, batch)
	if errors.Is(err, engine.ErrOutOfMemory) {
		d.Forget() // what is remembered, and made ahead, gives way, once
		list, err = s.answered(ctx, d, batch)
	}
	if errors.Is(err, engine.ErrDeviceLost) {
		s.lose(d, err)
		return nil, api.Refuse(api.DeviceLost, "the device was lost: ask again in a moment")
	}
	return list, asRefusal(err)
}

// answered is compute without a second attempt.
func (s *Server) answered(ctx context.Context, d detector, batch []queue.Item[job, picture.Input]) ([]queue.Result[result], error) {
	if j := batch[0].Job; !j.align && j.extent.Captions == 1 {
		return s.found(ctx, d, batch)
	}
	out := make([]queue.Result[result], len(batch))
	for i := range batch { // which no run has together
		if batch[i].Job.align {
			r := &out[i].Value
			var err error
			if r.alignment, r.report, err = d.Align(ctx, s.ask(d, batch[i])); err != nil {
				return nil, err
			}
			s.metrics.saw(r.report)
			continue
		}
		one, err := s.found(ctx, d, batch[i:i+1])
		if err != nil {
			return nil, err
		}
		out[i] = one[0]
	}
	return out, nil
}

// found has boxes found, in one run.
func (s *Server) found(ctx context.Context, d detector, batch []queue.Item[job, picture.Input]) ([]queue.Result[result], error) {
	asks := make([]ask, len(batch))
	for i, item := range batch {
		asks[i] = s.ask(d, item)
	}
	lists, report, err := d.Detect(ctx, asks)
	if err != nil {
		return nil, err
	}
	s.metrics.pictures.Add(float64(len(batch)))
	s.metrics.saw(report)
	out := make([]queue.Result[result], len(batch))
	for i, list := range lists {
		out[i].Value = result{found: detections(list), report: report}
	}
	return out, nil
}

// ask is what the detector is asked for an item.
func (s *Server) ask(d detector, item queue.Item[job, picture.Input]) ask {
	return ask{item.Job.key, s.loaded(d, item), item.Job.query, item.Job.call}
}

// loaded gives what was prepared, or decodes where a picture that was remembered then is forgotten now.
func (s *Server) loaded(d detector, item queue.Item[job, picture.Input]) glipvk.Load {
	return func(ctx context.Context) (picture.Input, error) {
		if item.Prepared.Data != nil {
			return item.Prepared, nil
		}
		return s.decode(ctx, d, item.Job)
	}
}

// detections are the api's.
func detections(list []glipvk.Detection) []api.Detection {
	out := make([]api.Detection, len(list))
	for i, f := range list {
		out[i] = api.Detection{Box: f.Box.Corners(), Score: f.Score, Label: f.Label, Phrase: f.Phrase, Span: [2]int{f.Span.Begin, f.Span.End}}
	}
	return out
}
