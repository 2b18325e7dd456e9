package executor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"time"
)

// Load supplies one element of a stream. It is called once, from a goroutine of the stream,
// at the same time as others, and should give up when ctx is done.
type Load[L any] func(ctx context.Context) (L, error)

// Streaming says what a stream does with its elements.
type Streaming[L, R any] struct {
	Batch   int // elements that are computed together, at most; 0 is 1
	Loaders int // goroutines that load; 0 is GOMAXPROCS

	Check   func(L) error                                     // refuses an element
	Joins   func(a, b L) bool                                 // whether two may be computed together; an element that does not join itself is a batch of its own
	Ready   func(ctx context.Context, batch []L) error        // makes what Compute needs, on no one's clock
	Compute func(ctx context.Context, batch []L) ([]R, error) // results in the order of the batch
}

// Result is what became of one element.
type Result[L, R any] struct {
	Index  int // of the element, from 0
	Input  L   // what Load gave
	Output R

	// Elapsed is the element's share of the time its batch took once it could be computed
	// and the batch before it was done.
	Elapsed time.Duration
}

// inFlight is how many batches of a stream are being computed: one computes, the input of the
// other goes to the device.
const inFlight = 2

// Run computes elements, in order: while a batch computes, the next one is uploaded and those
// after it are loaded.
//
// Every element gives exactly one result. The error is that of its load, or of its batch; it
// concerns this element (and those that shared its batch) and the others go on. When ctx ends
// there is one last result with an error that wraps the context's, and no more.
//
// Memory is bounded: elements that are being loaded or computed, or whose result has
// not been asked for, are never more than four batches and one for each loader. The
// sequence loads runs on a goroutine of the stream. When the loop is left, by break or
// otherwise, everything is called off, and the loop ends once the goroutines have;
// work that the device has begun ends by itself, as after a cancelled call.
func (o Streaming[L, R]) Run(ctx context.Context, loads iter.Seq[Load[L]]) iter.Seq2[Result[L, R], error] {
	return func(yield func(Result[L, R], error) bool) {
		if err := o.check(loads); err != nil {
			yield(Result[L, R]{}, Blame(err))
			return
		}
		o.Batch = max(o.Batch, 1)
		if o.Loaders == 0 {
			o.Loaders = runtime.GOMAXPROCS(0)
		}
		s := newStream(ctx, o)
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
			yield(Result[L, R]{Index: next}, fmt.Errorf("glipvk: stream: %w", ctx.Err()))
		}
	}
}

// check refuses a stream that could not run.
func (o Streaming[L, R]) check(loads iter.Seq[Load[L]]) error {
	switch {
	case o.Check == nil, o.Joins == nil, o.Ready == nil, o.Compute == nil:
		return errors.New("glipvk: a stream without Check, Joins, Ready or Compute: say what it does with its elements")
	case loads == nil:
		return errors.New("glipvk: a stream of no sequence of elements: give one, of which there may be none")
	case o.Batch < 0, o.Loaders < 0, o.Batch > mostBatch, o.Loaders > mostBatch:
		return fmt.Errorf("glipvk: stream of batches of %d with %d loaders: want 1 to %d of each, or 0 for the default", o.Batch, o.Loaders, mostBatch)
	}
	return nil
}

// mostBatch bounds batches and loaders: room is made for all elements that may be under way.
const mostBatch = 1 << 16

// stream is one run under way. Elements go through its goroutines in this order:
//
//	feed    takes them from the caller's sequence, one for each free place in held
//	load    (several) loads them
//	gather  joins neighbours into batches, in order
//	compute (one for each batch, inFlight at a time) computes these
//	land    waits for the batches, in order, and cuts them into results
//
// Channels between them have a place for every element there can be, so that only
// held, tickets and the caller hold anybody up, and a goroutine that gives up leaves
// nothing behind.
type stream[L, R any] struct {
	o       Streaming[L, R]
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	once    sync.Once

	held    chan struct{} // a place for each element between the sequence and the caller
	work    chan *element[L, R]
	order   chan *element[L, R]
	flights chan *flight[L, R]
	tickets chan struct{} // batches being computed
	out     chan *element[L, R]

	// Written by feed, read after stop.
	exhausted bool // the sequence came to its end
	taken     int  // elements taken from it
}

// element is one on its way.
type element[L, R any] struct {
	load   Load[L]
	loaded chan struct{} // closed when result.Input or err is set
	result Result[L, R]
	err    error
}

// flight is a batch on its way, with the failed elements between its own.
type flight[L, R any] struct {
	elements []*element[L, R]
	computed []*element[L, R] // those without an error of their own
	done     chan struct{}    // closed when what follows is set
	outputs  []R
	began    time.Time
	ended    time.Time
	err      error
}

func newStream[L, R any](ctx context.Context, o Streaming[L, R]) *stream[L, R] {
	places := 4*o.Batch + o.Loaders
	s := &stream[L, R]{
		o: o, held: make(chan struct{}, places), work: make(chan *element[L, R], places), order: make(chan *element[L, R], places),
		flights: make(chan *flight[L, R], places), tickets: make(chan struct{}, inFlight), out: make(chan *element[L, R], places),
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s
}

func (s *stream[L, R]) start(loads iter.Seq[Load[L]]) {
	s.running.Go(func() { s.feed(loads) })
	for range s.o.Loaders {
		s.running.Go(s.load)
	}
	s.running.Go(s.gather)
	s.running.Go(s.land)
}

// stop calls everything off and waits. Calling it again does nothing.
func (s *stream[L, R]) stop() {
	s.once.Do(func() {
		s.cancel()
		s.running.Wait()
	})
}

// feed takes elements while there is a place for them.
func (s *stream[L, R]) feed(loads iter.Seq[Load[L]]) {
	defer close(s.work)
	defer close(s.order)
	for load := range loads {
		select {
		case s.held <- struct{}{}:
		case <-s.ctx.Done():
			return
		}
		el := &element[L, R]{load: load, loaded: make(chan struct{}), result: Result[L, R]{Index: s.taken}}
		s.taken++
		s.order <- el
		s.work <- el
	}
	s.exhausted = true
}

// load is one loader.
func (s *stream[L, R]) load() {
	for el := range s.work {
		el.err = s.ctx.Err()
		if el.load == nil && el.err == nil {
			el.err = Blame(errors.New("glipvk: an element of the stream is nil: want a function that loads it"))
		}
		if el.err == nil {
			el.result.Input, el.err = guarded(func() (L, error) { return el.load(s.ctx) })
		}
		if el.err == nil {
			el.err = s.o.Check(el.result.Input)
		}
		close(el.loaded)
	}
}

// gather joins elements into batches.
func (s *stream[L, R]) gather() {
	defer close(s.flights)
	f := &flight[L, R]{}
	launch := func() {
		s.launch(f)
		f = &flight[L, R]{}
	}
	for el := range s.order {
		<-el.loaded
		if el.err == nil && len(f.computed) > 0 && !s.o.Joins(f.computed[0].result.Input, el.result.Input) {
			launch()
		}
		f.elements = append(f.elements, el)
		if el.err == nil {
			f.computed = append(f.computed, el)
		}
		if n := len(f.computed); n == 0 || n == s.o.Batch || el.err == nil && !s.o.Joins(el.result.Input, el.result.Input) {
			launch()
		}
	}
	launch()
}

// launch sends a batch on its way.
func (s *stream[L, R]) launch(f *flight[L, R]) {
	if len(f.elements) == 0 {
		return
	}
	f.done = make(chan struct{})
	s.flights <- f
	if len(f.computed) == 0 {
		close(f.done)
		return
	}
	select {
	case s.tickets <- struct{}{}:
		s.running.Go(func() {
			defer func() { <-s.tickets }()
			s.compute(f)
		})
	case <-s.ctx.Done():
		f.err = s.ctx.Err()
		close(f.done)
	}
}

// compute computes a batch.
func (s *stream[L, R]) compute(f *flight[L, R]) {
	defer close(f.done)
	batch := make([]L, len(f.computed))
	for i, el := range f.computed {
		batch[i] = el.result.Input
	}
	f.outputs, f.err = guarded(func() ([]R, error) {
		if err := s.o.Ready(s.ctx, batch); err != nil {
			return nil, err
		}
		f.began = time.Now()
		return s.o.Compute(s.ctx, batch)
	})
	f.ended = time.Now()
}

// land waits for batches and hands results on.
func (s *stream[L, R]) land() {
	defer close(s.out)
	var last time.Time // when the batch before was done
	for f := range s.flights {
		<-f.done
		if f.began.Before(last) {
			f.began = last
		}
		if f.ended.After(last) {
			last = f.ended
		}
		for i, el := range f.computed {
			if el.err = f.err; f.err == nil {
				el.result.Output = f.outputs[i]
				el.result.Elapsed = max(f.ended.Sub(f.began), 0) / time.Duration(len(f.computed))
			}
		}
		for _, el := range f.elements {
			s.out <- el
		}
	}
}
