package glipvk

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/picture"
)

// StreamOptions of [Backbone.Stream] and [Detector.Stream]; the zero value computes one
// picture at a time.
type StreamOptions struct {
	// Batch is how many pictures are computed together at most; 0 is 1. Neighbours share
	// a batch if they have one size. A batch waits until it is full, another size comes
	// or the elements end.
	Batch int

	// Loaders is the number of goroutines that load; 0 is GOMAXPROCS.
	Loaders int

	// Taps are globs of values inside a backbone that are wanted besides, as [Backbone.Taps]
	// takes them. Their programs live as long as the stream.
	Taps []string
}

// StreamResult is what became of one element of [Backbone.Stream].
type StreamResult struct {
	Index    int           // of the element, from 0
	Input    picture.Input // what Load gave
	Features Features      // of this element alone; the caller may keep them
	Taps     []Map         // in execution order

	// Elapsed is the element's share of the time its batch took once its programs were
	// made and the batch before it was done.
	Elapsed time.Duration
}

// Found is what became of one element of [Detector.Stream].
type Found struct {
	Index      int           // of the element, from 0
	Input      picture.Input // what Load gave
	Detections [][]Detection // of each picture of the element, by falling score
	Elapsed    time.Duration // as in [StreamResult]
}

// joins says whether two inputs may share a batch: single pictures of one size.
func joins(a, b picture.Input) bool {
	return a.Batch == 1 && b.Batch == 1 && a.Height == b.Height && a.Width == b.Width
}

// stacked is the size of a batch.
func stacked(batch []picture.Input) InputSize {
	size := SizeOf(batch[0])
	if len(batch) > 1 {
		size.Batch = len(batch)
	}
	return size
}

// Stream computes the features of many pictures, in order: while a batch computes, the
// next one is uploaded and those after it are decoded and resized. What a stream promises
// is in [executor.Streaming.Run].
//
//	for r, err := range b.Stream(ctx, b.Files(paths...), glipvk.StreamOptions{Batch: 8}) {
//		if err != nil {
//			log.Printf("%s: %v", paths[r.Index], err)
//			continue
//		}
//		use(r.Features)
//	}
//
// Every element gives exactly one result. The error is that of its Load, or what
// [Backbone.ExtractInput] would return; it concerns this element (and those that shared
// its batch, where the device failed) and the others go on.
func (b *Backbone) Stream(ctx context.Context, loads iter.Seq[Load], o StreamOptions) iter.Seq2[StreamResult, error] {
	return func(yield func(StreamResult, error) bool) {
		if err := b.opened(); err != nil {
			yield(StreamResult{}, err)
			return
		}
		part := b.part
		if len(o.Taps) > 0 {
			part = part.Keeping(matchAll(o.Taps))
			defer part.Close(ctx)
		}
		stages := len(b.info.Backbone.OutIndices)
		s := executor.Streaming[picture.Input, Features]{
			Batch: o.Batch, Loaders: o.Loaders, Check: b.check, Joins: joins,
			Ready: func(ctx context.Context, batch []picture.Input) error {
				_, err := part.Outputs(ctx, stacked(batch))
				return err
			},
			Compute: func(ctx context.Context, batch []picture.Input) ([]Features, error) {
				f, err := b.extract(ctx, part, picture.Stack(batch...))
				if err != nil {
					return nil, err
				}
				list := make([]Features, len(batch))
				for i := range list {
					list[i] = f.part(i, len(list))
				}
				return list, nil
			},
		}
		for r, err := range s.Run(ctx, loads) {
			result := StreamResult{Index: r.Index, Input: r.Input, Elapsed: r.Elapsed}
			if err == nil {
				result.Features, result.Taps = r.Output[:stages:stages], r.Output[stages:]
			}
			if !yield(result, err) {
				return
			}
		}
	}
}

// part is picture i of n in the maps of a batch.
func (f Features) part(i, n int) Features {
	if n == 1 {
		return f
	}
	parts := slices.Clone(f)
	for k := range parts {
		if m := &parts[k]; !m.Shared {
			size := len(m.Data) / n
			m.Data = m.Data[i*size : (i+1)*size : (i+1)*size]
			m.Shape = append([]int{m.Shape[0] / n}, m.Shape[1:]...)
		}
	}
	return parts
}

// Stream finds the phrases of a query in many pictures, in order, as [Backbone.Stream] does
// for features. Pictures are not kept encoded.
func (d *Detector) Stream(ctx context.Context, q Query, loads iter.Seq[Load], o StreamOptions) iter.Seq2[Found, error] {
	return func(yield func(Found, error) bool) {
		a, err := d.ask(ctx, q, CallOptions{})
		if err == nil && len(o.Taps) > 0 {
			err = blame(errors.New("glipvk: a stream of detections has no taps; ask Detector.Taps for each picture"))
		}
		if err != nil {
			yield(Found{}, err)
			return
		}
		s := executor.Streaming[picture.Input, [][]Detection]{
			Batch: o.Batch, Loaders: o.Loaders, Check: d.checkInput, Joins: joins,
			Ready: func(ctx context.Context, batch []picture.Input) error { return d.ready(ctx, stacked(batch), a.prompts) },
			Compute: func(ctx context.Context, batch []picture.Input) ([][][]Detection, error) {
				return d.detectBatch(ctx, batch, a)
			},
		}
		for r, err := range s.Run(ctx, loads) {
			if !yield(Found{Index: r.Index, Input: r.Input, Detections: r.Output, Elapsed: r.Elapsed}, err) {
				return
			}
		}
	}
}

// detectBatch computes the detections of elements that share a batch.
func (d *Detector) detectBatch(ctx context.Context, batch []picture.Input, a asked) ([][][]Detection, error) {
	return executor.Again(ctx, d.exec, func() ([][][]Detection, error) { return d.detectOnce(ctx, batch, a) })
}

// detectOnce is one attempt.
func (d *Detector) detectOnce(ctx context.Context, batch []picture.Input, a asked) (list [][][]Detection, err error) {
	in := picture.Stack(batch...)
	maps, err := d.look(ctx, SizeOf(in).vision(), in.Data)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, maps.close()) }()
	found, err := d.detect(ctx, maps, view(in), a, new(Report))
	if err != nil {
		return nil, err
	}
	for _, el := range batch {
		list = append(list, found[:el.Batch:el.Batch])
		found = found[el.Batch:]
	}
	return list, nil
}
