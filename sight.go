package glipvk

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
)

// Sight is a batch of pictures that a detector has looked at: what it knows of them stays on
// the device, and a query computes only what concerns its words. It may be used from several
// goroutines; the caller closes it.
type Sight struct {
	d       *Detector
	maps    pyramid
	in      picture.Input // without its data
	release func()        // gives remembered maps back, once; nil where they are the sight's own

	closed atomic.Bool
}

// Look encodes pictures, which [Sight.Detect] then asks about as often as you like.
func (d *Detector) Look(ctx context.Context, in picture.Input) (*Sight, error) {
	if err := d.checkInput(in); err != nil {
		return nil, err
	}
	maps, err := d.look(ctx, SizeOf(in).vision(), in.Data)
	if err != nil {
		return nil, err
	}
	return &Sight{d: d, maps: maps, in: view(in)}, nil
}

// LookEach encodes a batch of pictures together, and gives a Sight of each.
func (d *Detector) LookEach(ctx context.Context, in picture.Input) ([]*Sight, error) {
	if err := d.checkInput(in); err != nil {
		return nil, err
	}
	size := SizeOf(in).vision()
	size.Apart = size.Batch > 1
	maps, err := d.look(ctx, size, in.Data)
	if err != nil {
		return nil, err
	}
	list := make([]*Sight, in.Batch)
	for i, own := range slices.Collect(slices.Chunk(maps, glip.Levels)) {
		one := picture.Input{Batch: 1, Height: in.Height, Width: in.Width}
		if len(in.Views) > 0 {
			one.Views = in.Views[i : i+1 : i+1]
		}
		list[i] = &Sight{d: d, maps: own, in: one}
	}
	return list, nil
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
	found, _, err := s.DetectWith(ctx, q, CallOptions{})
	return found, err
}

// DetectWith is Detect with options of the call, and says what the call had to compute: the pictures are known.
func (s *Sight) DetectWith(ctx context.Context, q Query, o CallOptions) (found [][]Detection, r Report, err error) {
	if err := s.ready(); err != nil {
		return nil, r, err
	}
	a, err := s.d.ask(ctx, q, o)
	if err != nil {
		return nil, r, err
	}
	r.PictureKnown = true
	found, err = s.answer(ctx, a, &r)
	return found, r, err
}

// answer computes what is asked.
func (s *Sight) answer(ctx context.Context, a asked, r *Report) ([][]Detection, error) {
	found, err := s.d.detect(ctx, s.maps, s.in, a, r)
	return found, s.why(ctx, err)
}

// ready refuses a sight that nothing can be asked of.
func (s *Sight) ready() error {
	if err := s.opened(); err != nil {
		return err
	}
	if s.closed.Load() {
		return forgotten()
	}
	return nil
}

// why says of an error of a call whether closing the sight meanwhile did it.
func (s *Sight) why(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == nil && s.closed.Load() {
		return forgotten()
	}
	return err
}

func forgotten() error {
	return fmt.Errorf("glipvk: the pictures are forgotten (Sight.Close): %w", ErrClosed)
}

// Size is that of the pictures, with their padding.
func (s *Sight) Size() InputSize {
	if s.opened() != nil {
		return InputSize{}
	}
	return SizeOf(s.in)
}

// Bytes is the memory that the sight holds.
func (s *Sight) Bytes() int64 {
	if s.opened() != nil {
		return 0
	}
	return s.maps.bytes()
}

// Close gives the memory back, or leaves it to the detector that remembers the pictures ([Detector.Recall]); queries
// fail from then on. Closing again does nothing.
func (s *Sight) Close() error {
	if err := s.opened(); err != nil {
		return err
	}
	if s.closed.Swap(true) {
		return nil
	}
	if s.release != nil {
		s.release()
		return nil
	}
	return s.maps.close()
}
