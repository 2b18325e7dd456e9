package glipvk

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/glipvk/glipvk/picture"
)

// Sight is a batch of pictures that a detector has looked at: what it knows of them stays on
// the device, and a query computes only what concerns its words. It may be used from several
// goroutines; the caller closes it.
type Sight struct {
	d    *Detector
	maps pyramid
	in   picture.Input // without its data

	closed atomic.Bool
}

// Look encodes pictures, which [Sight.Detect] then asks about as often as you like.
func (d *Detector) Look(ctx context.Context, in picture.Input) (*Sight, error) {
	if err := d.checkInput(in); err != nil {
		return nil, err
	}
	maps, err := d.look(ctx, in)
	if err != nil {
		return nil, err
	}
	return &Sight{d: d, maps: maps, in: view(in)}, nil
}

// opened refuses a sight that was never had.
func (s *Sight) opened() error {
	if s == nil || s.d == nil {
		return unopened("Sight", "Detector.Look")
	}
	return nil
}

// Detect finds the phrases of a query, as [Detector.Detect] does.
func (s *Sight) Detect(ctx context.Context, q Query) ([][]Detection, error) {
	if err := s.opened(); err != nil {
		return nil, err
	}
	if s.closed.Load() {
		return nil, forgotten()
	}
	prompts, err := s.d.prompts(ctx, q)
	if err != nil {
		return nil, err
	}
	found, err := s.d.detect(ctx, s.maps, s.in, prompts)
	if err != nil && ctx.Err() == nil && s.closed.Load() {
		return nil, forgotten() // meanwhile
	}
	return found, err
}

func forgotten() error {
	return fmt.Errorf("glipvk: the pictures are forgotten (Sight.Close): %w", ErrClosed)
}

// Bytes is the memory that the sight holds.
func (s *Sight) Bytes() (n int64) {
	if s.opened() != nil {
		return 0
	}
	for _, v := range s.maps {
		n += v.Bytes()
	}
	return n
}

// Close gives the memory back; queries fail from then on. Closing again does nothing.
func (s *Sight) Close() error {
	if err := s.opened(); err != nil {
		return err
	}
	s.closed.Store(true)
	return s.maps.close()
}
