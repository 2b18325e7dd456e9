package glipvk

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/glipvk/glipvk/picture"
)

// Load supplies one element of a [Model.Stream]: it reads a picture and takes it
// through the model's pipeline, or reads a tensor of one or more pictures that are
// preprocessed already. It is called once, from a goroutine of the stream, at the
// same time as others, and should give up when ctx is done.
type Load func(ctx context.Context) (picture.Tensor, error)

// StreamOptions of [Model.Stream]; the zero value computes one picture at a time.
type StreamOptions struct {
	// Batch is how many pictures are computed together at most; 0 is 1. Neighbours share
	// a batch if they have one size. A batch waits until it is full, another size comes
	// or the elements end.
	Batch int

	// Loaders is the number of goroutines that load; 0 is GOMAXPROCS.
	Loaders int

	// Taps are globs of values inside the model that are wanted besides, as [Model.Taps]
	// takes them. Their programs live as long as the stream.
	Taps []string
}

// StreamResult is what became of one element.
type StreamResult struct {
	Index    int            // of the element, from 0
	Input    picture.Tensor // what Load gave
	Features Features       // of this element alone; the caller may keep them
	Taps     []Map          // in execution order

	// Elapsed is the element's share of the time its batch took once its program was
	// made and the batch before it was done.
	Elapsed time.Duration
}

// Stream computes the features of many pictures, in order: while a batch computes, the
// next one is uploaded and those after it are decoded and resized.
//
//	for r, err := range m.Stream(ctx, m.Files(paths...), glipvk.StreamOptions{Batch: 8}) {
//		if err != nil {
//			log.Printf("%s: %v", paths[r.Index], err)
//			continue
//		}
//		use(r.Features)
//	}
//
// Every element gives exactly one result. The error is that of its Load, or what
// [Model.ExtractTensor] would return; it concerns this element (and those that shared
// its batch, where the device failed) and the others go on. When ctx ends there is one
// last result with an error that wraps the context's, and no more.
//
// Memory is bounded: elements that are being loaded or computed, or whose result has
// not been asked for, are never more than four batches and one for each loader. The
// sequence loads runs on a goroutine of the stream. When the loop is left, by break or
// otherwise, everything is called off, and the loop ends once the goroutines have;
// work that the device has begun ends by itself, as after a cancelled call.
func (m *Model) Stream(ctx context.Context, loads iter.Seq[Load], o StreamOptions) iter.Seq2[StreamResult, error] {
	return func(yield func(StreamResult, error) bool) {
		if o.Batch < 0 || o.Loaders < 0 {
			yield(StreamResult{}, blame(fmt.Errorf("glipvk: stream of batches of %d with %d loaders: want at least 1 of each, or 0 for the default",
				o.Batch, o.Loaders)))
			return
		}
		o.Batch = max(o.Batch, 1)
		if o.Loaders == 0 {
			o.Loaders = runtime.GOMAXPROCS(0)
		}
		s := m.newStream(ctx, o)
		defer s.stop()
		s.start(loads)
		next := 0
		for el := range s.out {
			if ctx.Err() != nil {
				break
			}
			next++
			if !yield(el.result, el.err) {
				return
			}
			<-s.held
		}
		s.stop() // ended or cancelled: nothing changes any more
		if !s.exhausted || next < s.taken {
			yield(StreamResult{Index: next}, fmt.Errorf("glipvk: stream: %w", ctx.Err()))
		}
	}
}

// Files are the elements of a stream that reads pictures and .npy tensors. Their
// errors name the file and wrap [ErrInput].
func (m *Model) Files(paths ...string) iter.Seq[Load] {
	return func(yield func(Load) bool) {
		for _, path := range paths {
			if !yield(func(ctx context.Context) (picture.Tensor, error) { return m.loadFile(ctx, path) }) {
				return
			}
		}
	}
}

// Pictures are the elements of a stream of pictures that are decoded already.
func (m *Model) Pictures(pictures ...picture.Picture) iter.Seq[Load] {
	return func(yield func(Load) bool) {
		for i, p := range pictures {
			load := func(context.Context) (picture.Tensor, error) {
				t, err := m.tensor(p)
				if err != nil {
					err = fmt.Errorf("glipvk: picture %d: %w", i, err)
				}
				return t, err
			}
			if !yield(load) {
				return
			}
		}
	}
}

func (m *Model) loadFile(ctx context.Context, path string) (picture.Tensor, error) {
	if !strings.EqualFold(filepath.Ext(path), ".npy") {
		p, err := picture.Open(ctx, path, m.options.Limits)
		if err != nil {
			return picture.Tensor{}, blame(fmt.Errorf("glipvk: %s: %w", path, err))
		}
		return m.loaded(path, &p, nil)
	}
	p, t, err := picture.OpenNpy(ctx, path, m.options.Limits)
	if err != nil {
		return picture.Tensor{}, blame(fmt.Errorf("glipvk: %s: %w", path, err))
	}
	return m.loaded(path, p, t)
}

// loaded is the tensor of a file that holds one or a picture.
func (m *Model) loaded(path string, p *picture.Picture, t *picture.Tensor) (picture.Tensor, error) {
	if t != nil {
		return *t, nil
	}
	tensor, err := m.tensor(*p)
	if err != nil {
		err = fmt.Errorf("glipvk: %s: %w", path, err)
	}
	return tensor, err
}

// tensor takes a picture through the model's pipeline.
func (m *Model) tensor(p picture.Picture) (picture.Tensor, error) {
	in, err := m.Preprocess(p)
	if err != nil {
		return picture.Tensor{}, err
	}
	return picture.Tensor{Batch: 1, Height: in.Height, Width: in.Width, Data: in.Data}, nil
}
