package glipvk

import (
	"context"
	"errors"
	"sync"
)

// extent is the size of an input: what a program is made for.
type extent struct {
	part                 part // of a detector
	batch, height, width int
	tokens, labels       int // of a detector's query
}

// programs keeps a bounded number of compiled programs by input size. Callers
// that want the same size at the same time share one compilation.
type programs struct {
	limit   int
	memory  int64 // of all programs in bytes, 0 for no bound
	atLeast int   // programs that stay whatever they take
	compile func(context.Context, extent) (program, Features, error)

	mu      sync.Mutex
	held    map[extent]*slot
	clock   int64 // counts acquisitions
	errs    []error
	working sync.WaitGroup // compilations
}

// slot is one program, perhaps still being compiled.
type slot struct {
	extent
	program
	maps   Features // names and shapes of what a run gives, without data
	bytes  int64    // that the program works in
	err    error
	ready  chan struct{} // closed when program or err is set
	cancel context.CancelFunc
	users  int   // callers that hold it or wait for it
	used   int64 // clock of the last acquisition
}

func newPrograms(limit int, compile func(context.Context, extent) (program, Features, error)) *programs {
	return &programs{limit: limit, compile: compile, held: map[extent]*slot{}}
}

// acquire returns the program for a size; the caller releases it. A compilation
// stops when nobody waits for it any more.
func (p *programs) acquire(ctx context.Context, e extent) (*slot, error) {
	p.mu.Lock()
	s := p.held[e]
	if s == nil {
		s = p.start(ctx, e)
	}
	p.clock++
	s.users, s.used = s.users+1, p.clock
	p.mu.Unlock()

	select {
	case <-s.ready:
	case <-ctx.Done():
		p.release(s)
		return nil, ctx.Err()
	}
	if s.err != nil {
		err := s.err
		p.release(s)
		return nil, err
	}
	return s, nil
}

// start begins to compile. The lock is held.
func (p *programs) start(ctx context.Context, e extent) *slot {
	// Others may wait for the result after this caller has gone.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &slot{extent: e, ready: make(chan struct{}), cancel: cancel}
	p.held[e] = s
	p.working.Add(1)
	go func() {
		defer p.working.Done()
		compiled, maps, err := p.compile(ctx, e)
		var bytes int64
		if p.memory > 0 && err == nil {
			stats := compiled.stats()
			bytes = stats.ArenaBytes + stats.StagingBytes
		}
		p.mu.Lock()
		s.program, s.maps, s.bytes, s.err = compiled, maps, bytes, err
		if err != nil {
			p.forget(s)
		}
		close(s.ready)
		doomed := p.surplus(s)
		p.mu.Unlock()
		p.dispose(doomed)
	}()
	return s
}

// release gives a program back.
func (p *programs) release(s *slot) {
	p.mu.Lock()
	s.users--
	if s.users == 0 && !s.done() {
		p.forget(s) // a newcomer must not wait for a compilation that was called off
		s.cancel()
	}
	doomed := p.surplus(s)
	p.mu.Unlock()
	p.dispose(doomed)
}

func (s *slot) done() bool {
	select {
	case <-s.ready:
		return true
	default:
		return false
	}
}

// forget takes a slot out of the map, if it is still there. The lock is held.
func (p *programs) forget(s *slot) {
	if p.held[s.extent] == s {
		delete(p.held, s.extent)
	}
}

// surplus takes out the least recently used programs beyond the limits, and s
// itself if it was forgotten while somebody compiled it. The lock is held.
func (p *programs) surplus(s *slot) []*slot {
	var doomed []*slot
	if s.done() && s.users == 0 && s.program != nil && p.held[s.extent] != s {
		doomed = append(doomed, s)
	}
	for p.crowded() {
		var oldest *slot
		for _, h := range p.held {
			if h.users == 0 && h.done() && (oldest == nil || h.used < oldest.used) {
				oldest = h
			}
		}
		if oldest == nil {
			break // all are in use
		}
		p.forget(oldest)
		doomed = append(doomed, oldest)
	}
	return doomed
}

// crowded says whether more is held than there may be. The lock is held.
func (p *programs) crowded() bool {
	if len(p.held) > p.limit {
		return true
	}
	if p.memory == 0 || len(p.held) <= p.atLeast {
		return false
	}
	var bytes int64
	for _, s := range p.held {
		bytes += s.bytes
	}
	return bytes > p.memory
}

// dispose closes programs that nobody can reach any more.
func (p *programs) dispose(doomed []*slot) {
	for _, s := range doomed {
		s.cancel()
		p.note(s.program.close())
	}
}

// note keeps an error for close to return.
func (p *programs) note(err error) {
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.errs = append(p.errs, err)
	}
}

// count is the number of programs held.
func (p *programs) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.held)
}

// close closes all programs. Nobody uses one or asks for one any more.
func (p *programs) close() error {
	p.working.Wait()
	p.mu.Lock()
	p.limit = 0
	doomed := p.surplus(&slot{ready: make(chan struct{})})
	p.mu.Unlock()
	p.dispose(doomed)
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.errs...)
}
