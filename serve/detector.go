package serve

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/internal/clock"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/serve/api"
	"github.com/glipvk/glipvk/text"
)

// detector is what the server needs of one. Tests have one that answers at once.
type detector interface {
	Tokenizer() *text.Tokenizer
	MaxTokens() int
	SizeFor(picture.Extent) (glipvk.InputSize, error)
	Extent(context.Context, glipvk.InputSize, text.Query) (glipvk.Extent, error)
	Preprocess(...picture.Picture) (picture.Input, error)

	Knows(key string) bool
	Detect(context.Context, []ask) ([][]glipvk.Detection, glipvk.Report, error) // of one extent
	Align(context.Context, ask) (glipvk.Alignment, glipvk.Report, error)
	Warm(ctx context.Context, size glipvk.InputSize, q text.Query) error
	Batch(ctx context.Context, size glipvk.InputSize, q text.Query) (exact bool, took time.Duration, err error)
	Forget()
	ForgetPicture(key string)
	Memory() memory
	CloseWithin(context.Context) error
}

// ask is a question about a picture, which is loaded where the detector does not remember it.
type ask struct {
	key   string
	load  glipvk.Load
	query text.Query
	call  glipvk.CallOptions
}

// memory is what a detector holds on its device, in bytes, and the programs that it made.
type memory struct{ weights, pictures, programs int64 }

// real is a detector.
type real struct{ *glipvk.Detector }

// MaxTokens is how many tokens of a caption are read.
func (d real) MaxTokens() int { return d.Info().Detector.MaxTokens }

// Detect answers asks, several in one run.
func (d real) Detect(ctx context.Context, asks []ask) (list [][]glipvk.Detection, r glipvk.Report, err error) {
	r.PictureKnown, r.CaptionKnown = true, true
	together := make([]glipvk.Ask, len(asks))
	for i, a := range asks {
		sight, looked, err := d.Recall(ctx, a.key, a.load)
		if err != nil {
			return nil, r, err
		}
		defer func() { _ = sight.Close() }() // which only gives it back
		r.Picture += looked.Picture
		r.PictureKnown = r.PictureKnown && looked.PictureKnown
		together[i] = glipvk.Ask{Sight: sight, Query: a.query, Options: a.call}
	}
	var own glipvk.Report
	if len(asks) == 1 {
		found, report, err := together[0].Sight.DetectWith(ctx, asks[0].query, asks[0].call)
		if err != nil {
			return nil, r, err
		}
		list, own = found[:1], report
	} else if list, own, err = d.DetectBatch(ctx, together); err != nil {
		return nil, r, err
	}
	r.Caption, r.CaptionKnown, r.Grounding = own.Caption, own.CaptionKnown, own.Grounding
	return list, r, nil
}

// Align says where the words of the one caption of a question show.
func (d real) Align(ctx context.Context, a ask) (glipvk.Alignment, glipvk.Report, error) {
	sight, r, err := d.Recall(ctx, a.key, a.load)
	if err != nil {
		return glipvk.Alignment{}, r, err
	}
	defer func() { _ = sight.Close() }()
	list, own, err := sight.Align(ctx, a.query)
	if err != nil {
		return glipvk.Alignment{}, r, err
	}
	r.Caption, r.CaptionKnown, r.Grounding = own.Caption, own.CaptionKnown, own.Grounding
	if len(list) != 1 || len(list[0]) != 1 {
		return glipvk.Alignment{}, r, api.Refuse(api.BadQuery, "no token stands for anything that is looked for")
	}
	return list[0][0], r, nil
}

// Warm asks a question about a made-up picture of a size, so that all that takes is there.
func (d real) Warm(ctx context.Context, size glipvk.InputSize, q text.Query) (err error) {
	sight, err := d.Look(ctx, picture.Input{Batch: 1, Height: size.Height, Width: size.Width, Data: make([]float32, 3*size.Height*size.Width)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sight.Close()) }()
	if _, _, err = sight.DetectWith(ctx, q, glipvk.CallOptions{}); err != nil {
		return err
	}
	_, _, err = sight.Align(ctx, q)
	return err
}

// Batch says whether pictures that are computed together have the bits that each has alone, and how long it took to ground them.
func (d real) Batch(ctx context.Context, size glipvk.InputSize, q text.Query) (exact bool, took time.Duration, err error) {
	if exact, err = d.BatchExact(ctx, size, q); err != nil || !exact {
		return false, 0, err
	}
	sights, err := d.LookEach(ctx, picture.Input{Batch: size.Batch, Height: size.Height, Width: size.Width, Data: make([]float32, size.Batch*3*size.Height*size.Width)})
	if err != nil {
		return false, 0, err
	}
	asks := make([]glipvk.Ask, len(sights))
	for i, s := range sights {
		defer func() { err = errors.Join(err, s.Close()) }()
		asks[i] = glipvk.Ask{Sight: s, Query: q}
	}
	for range 2 { // the second time nothing is made
		began := clock.Now()
		if _, _, err = d.DetectBatch(ctx, asks); err != nil {
			return false, 0, err
		}
		took = clock.Since(began)
	}
	return true, took, nil
}

// Forget gives up what is remembered, and the programs.
func (d real) Forget() {
	d.Detector.Forget()
	d.Executor().DropPrograms()
}

// Memory is what it holds.
func (d real) Memory() memory {
	bytes := int64(4)
	if d.Device().Precision == glipvk.F16 {
		bytes = 2
	}
	return memory{bytes * d.Info().Parameters, d.Remembered(), d.Executor().Made()}
}

// CloseWithin gives everything back.
func (d real) CloseWithin(ctx context.Context) error { return d.Detector.CloseWithin(ctx, closes) }

// asRefusal is an error of the library as a refusal, where the question is at fault.
func asRefusal(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*api.Refusal](err); ok {
		return err
	}
	if errors.Is(err, text.ErrCaption) {
		return api.Refuse(api.BadQuery, "%s", said(err))
	}
	if errors.Is(err, engine.ErrOutOfMemory) {
		refusal := api.Refuse(api.DeviceLost, "the device has no memory left for this picture: send a smaller one, or ask again later")
		refusal.Cause = err
		return refusal
	}
	if errors.Is(err, glipvk.ErrInput) {
		return api.Refuse(api.BadQuery, "%s", said(err))
	}
	return err
}

// said is what the library says, without the names of packages.
func said(err error) string {
	text := err.Error()
	for _, prefix := range []string{"glipvk: ", "picture: ", "text: ", "glip: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return api.CutTo(text, 400)
}
