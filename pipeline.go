package glipvk

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/picture"
)

// onDevice is how many batches of a stream are submitted and not collected: one
// computes, the input of the other goes to the device.
const onDevice = 2

// stream is one [Model.Stream] under way. Elements go through its goroutines in this
// order:
//
//	feed   takes them from the caller's sequence, one for each free place in held
//	load   (several) loads them
//	gather joins neighbours into batches, in order, and submits these
//	land   waits for the batches, in order, and cuts them into results
//
// Channels between them have a place for every element there can be, so that only
// held, tickets and the caller hold anybody up, and a goroutine that gives up leaves
// nothing behind.
type stream struct {
	m        *Model
	o        StreamOptions
	programs *programs // the model's, or with taps the stream's own
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup
	once     sync.Once

	held    chan struct{} // a place for each element between the sequence and the caller
	work    chan *element
	order   chan *element
	flights chan flight
	tickets chan struct{} // batches on the device
	out     chan *element

	// Written by feed, read after stop.
	exhausted bool // the sequence came to its end
	taken     int  // elements taken from it
}

// element is one picture or tensor on its way.
type element struct {
	load   Load
	loaded chan struct{} // closed when result.Input or err is set
	result StreamResult
	err    error
}

// flight is a batch on its way, with the failed elements between its own.
type flight struct {
	elements []*element
	computed []*element // those without an error of their own
	ticket   ticket     // nil if there is nothing to wait for
	slot     *slot
	maps     Features // of the batch, with the taps behind
	began    time.Time
	ended    time.Time
	err      error
}

func (m *Model) newStream(ctx context.Context, o StreamOptions) *stream {
	places := 4*o.Batch + o.Loaders
	s := &stream{
		m: m, o: o, programs: m.programs,
		held: make(chan struct{}, places), work: make(chan *element, places), order: make(chan *element, places),
		flights: make(chan flight, places), tickets: make(chan struct{}, onDevice), out: make(chan *element, places),
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	if len(o.Taps) > 0 {
		s.programs = newPrograms(onDevice, s.compileTaps)
		m.adopt(s.programs)
	}
	return s
}

// compileTaps makes a program that keeps the values of the taps.
func (s *stream) compileTaps(ctx context.Context, e extent) (program, Features, error) {
	g, err := s.m.record(e)
	if err != nil {
		return nil, nil, err
	}
	ids, err := match(g, s.o.Taps)
	if err != nil {
		return nil, nil, blame(err)
	}
	p, err := s.m.executor.compile(ctx, g, ids)
	return p, append(s.m.outputs(g), tapped(g, ids)...), err
}

// tapped names values of a graph.
func tapped(g *graph.Graph, ids []graph.ID) Features {
	fed := fromInput(g)
	list := make(Features, len(ids))
	for i, id := range ids {
		n := g.Nodes[id]
		list[i] = Map{Name: n.Path, Shape: n.Shape, Shared: !fed[id]}
	}
	return list
}

func (s *stream) start(loads iter.Seq[Load]) {
	s.running.Go(func() { s.feed(loads) })
	for range s.o.Loaders {
		s.running.Go(s.load)
	}
	s.running.Go(s.gather)
	s.running.Go(s.land)
}

// stop calls everything off and waits. Calling it again does nothing.
func (s *stream) stop() {
	s.once.Do(func() {
		s.cancel()
		s.running.Wait()
		if s.programs != s.m.programs {
			s.m.drop(s.programs)
		}
	})
}

// feed takes elements while there is a place for them.
func (s *stream) feed(loads iter.Seq[Load]) {
	defer close(s.work)
	defer close(s.order)
	for load := range loads {
		select {
		case s.held <- struct{}{}:
		case <-s.ctx.Done():
			return
		}
		el := &element{load: load, loaded: make(chan struct{}), result: StreamResult{Index: s.taken}}
		s.taken++
		s.order <- el
		s.work <- el
	}
	s.exhausted = true
}

// load is one loader.
func (s *stream) load() {
	for el := range s.work {
		if el.err = s.ctx.Err(); el.err == nil {
			el.result.Input, el.err = el.load(s.ctx)
		}
		if el.err == nil {
			el.err = s.m.check(el.result.Input)
		}
		close(el.loaded)
	}
}

// gather joins elements into batches.
func (s *stream) gather() {
	defer close(s.flights)
	var f flight
	for el := range s.order {
		<-el.loaded
		if el.err == nil && len(f.computed) > 0 && !sameBatch(f.computed[0], el) {
			s.launch(&f)
		}
		f.elements = append(f.elements, el)
		if el.err == nil {
			f.computed = append(f.computed, el)
		}
		if n := len(f.computed); n == 0 || n == s.o.Batch || el.err == nil && el.result.Input.Batch > 1 {
			s.launch(&f)
		}
	}
	s.launch(&f)
}

// sameBatch says whether two elements may be computed together.
func sameBatch(a, b *element) bool {
	x, y := a.result.Input, b.result.Input
	return x.Batch == 1 && y.Batch == 1 && x.Height == y.Height && x.Width == y.Width
}

// launch sends a batch to the device and on its way, and leaves f empty.
func (s *stream) launch(f *flight) {
	if len(f.computed) > 0 {
		select {
		case s.tickets <- struct{}{}:
			s.submit(f)
			if f.ticket == nil {
				<-s.tickets
			}
		case <-s.ctx.Done():
			f.err = s.ctx.Err()
		}
	}
	if len(f.elements) > 0 {
		s.flights <- *f
	}
	*f = flight{}
}

// submit starts the batch of f; where the program cannot compute beside us it computes it.
func (s *stream) submit(f *flight) {
	if f.err = s.m.enter(); f.err != nil {
		return
	}
	t := joined(f.computed)
	var sl *slot
	if sl, f.err = s.programs.acquire(s.ctx, extent{batch: t.Batch, height: t.Height, width: t.Width}); f.err == nil {
		f.began, f.slot = time.Now(), sl
		f.maps = sl.room()
		if p, ok := sl.program.(submitter); ok {
			f.ticket, f.err = p.submit(s.ctx, t.Data)
		} else {
			f.err = runInto(s.ctx, sl.program, f.maps.data(), t.Data)
			f.ended = time.Now()
		}
	}
	if f.ticket == nil {
		s.settle(f)
	}
}

// settle gives back what submit took.
func (s *stream) settle(f *flight) {
	if f.slot != nil {
		s.programs.release(f.slot)
	}
	s.m.leave()
}

// joined is the tensor of a batch.
func joined(elements []*element) picture.Tensor {
	t := elements[0].result.Input
	if len(elements) == 1 {
		return t
	}
	t.Batch = len(elements)
	one := t.Data
	t.Data = make([]float32, 0, t.Batch*len(one))
	for _, el := range elements {
		t.Data = append(t.Data, el.result.Input.Data...)
	}
	return t
}

// land waits for batches and hands results on.
func (s *stream) land() {
	defer close(s.out)
	var last time.Time // when the batch before was done
	for f := range s.flights {
		if f.ticket != nil {
			f.err = f.ticket.collect(s.ctx, f.maps.data())
			f.ended = time.Now()
			s.settle(&f)
			<-s.tickets
		}
		if f.began.Before(last) {
			f.began = last
		}
		if len(f.computed) > 0 {
			last = f.ended
		}
		s.cut(f)
		for _, el := range f.elements {
			s.out <- el
		}
	}
}

// cut gives each element of a batch its share.
func (s *stream) cut(f flight) {
	n := len(f.computed)
	for i, el := range f.computed {
		if el.err = f.err; f.err != nil {
			continue
		}
		maps := f.maps.part(i, n)
		outputs := len(maps)
		if s.programs != s.m.programs {
			outputs = len(s.m.info.Config.OutIndices)
		}
		el.result.Features, el.result.Taps = maps[:outputs:outputs], maps[outputs:]
		el.result.Elapsed = f.ended.Sub(f.began) / time.Duration(n)
	}
}

// data lists the values of the maps.
func (f Features) data() [][]float32 {
	values := make([][]float32, len(f))
	for i, m := range f {
		values[i] = m.Data
	}
	return values
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
