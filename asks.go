package glipvk

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/synthetic"
)

// Ask is a query about one picture.
type Ask struct {
	Sight   *Sight // of one picture
	Query   Query
	Options CallOptions
}

// Extent is what programs are made for. Asks of one extent may be computed together, if their queries make one caption each.
type Extent struct {
	Height, Width  int // of the padded picture, in pixels
	Tokens, Labels int // of the padded captions
	Captions       int // of the query
}

// Extent is that of a query about a picture. Errors are those of a query that is none.
func (d *Detector) Extent(ctx context.Context, size InputSize, q Query) (Extent, error) {
	prompts, err := d.prompts(ctx, q)
	if err != nil {
		return Extent{}, err
	}
	return extent(size, prompts), nil
}

func extent(size InputSize, prompts []prompt) Extent {
	e := Extent{Height: size.Height, Width: size.Width, Captions: len(prompts)}
	if len(prompts) > 0 { // one size for all
		e.Tokens, e.Labels = len(prompts[0].mask), prompts[0].labels
	}
	return e
}

// DetectBatch answers asks of one [Extent] and one caption each in one run, and returns a list for each, as [Sight.Detect]
// does for it alone: to the last bit where [Detector.BatchExact] says so. Several asks about one picture share its maps.
// Each number of asks has a program of its own. Errors wrap [ErrInput] and name the ask that does not fit.
func (d *Detector) DetectBatch(ctx context.Context, asks []Ask) (found [][]Detection, r Report, err error) {
	list, err := d.asks(ctx, asks)
	if err != nil {
		return nil, r, err
	}
	r.PictureKnown, r.CaptionKnown = true, true
	pairs, sights := make([]prompt, len(list)), make([]*Sight, len(list))
	for i, a := range list {
		pairs[i], sights[i] = a.prompts[0], asks[i].Sight
	}
	rows, err := d.together(ctx, sights, pairs, &r)
	for _, s := range sights {
		err = s.why(ctx, err)
	}
	if err != nil {
		return nil, r, err
	}
	for i, a := range list {
		boxes, err := d.boxes(picked(rows, i, len(list)), sights[i].in, 0, pairs[i], a.limits)
		if err != nil {
			return nil, r, err
		}
		found = append(found, boxes)
	}
	return sorted(found), r, nil
}

// asks readies asks and refuses those that cannot share a batch.
func (d *Detector) asks(ctx context.Context, asks []Ask) ([]asked, error) {
	if err := d.opened(); err != nil {
		return nil, err
	}
	if len(asks) == 0 {
		return nil, blame(errors.New("glipvk: a batch of no asks: give one at least"))
	}
	var list []asked
	var first Extent
	for i, ask := range asks {
		a, err := d.askOne(ctx, ask)
		if err != nil {
			return nil, fmt.Errorf("glipvk: ask %d: %w", i, err)
		}
		e := extent(ask.Sight.Size(), a.prompts)
		if i == 0 {
			first = e
		}
		if e != first || e.Captions != 1 {
			return nil, blame(fmt.Errorf("glipvk: ask %d has the extent %+v, ask 0 %+v: want the same, and one caption (Detector.Extent)", i, e, first))
		}
		list = append(list, a)
	}
	return list, nil
}

// askOne readies one of several.
func (d *Detector) askOne(ctx context.Context, ask Ask) (a asked, err error) {
	if err := ask.Sight.ready(); err != nil {
		return a, err
	}
	if ask.Sight.d != d || ask.Sight.in.Batch != 1 {
		return a, blame(fmt.Errorf("glipvk: a sight of %d pictures, by this detector %v: want one of one picture, by it (Detector.LookEach)", ask.Sight.in.Batch, ask.Sight.d == d))
	}
	return d.ask(ctx, ask.Query, ask.Options)
}

// together runs the grounding once for pictures with a prompt each, which all have one size.
func (d *Detector) together(ctx context.Context, sights []*Sight, pairs []prompt, r *Report) ([][]float32, error) {
	hidden, err := d.encoded(ctx, r, pairs...)
	if err != nil {
		return nil, err
	}
	of := sights[0].Size()
	of.Batch = len(sights)
	size := d.size(of, pairs[0])
	other := slices.ContainsFunc(sights, func(s *Sight) bool { return &s.maps[0] != &sights[0].maps[0] })
	size.Shared, size.Apart = !other && of.Batch > 1, other
	maps := sights[0].maps
	if other {
		maps = nil
		for _, s := range sights {
			maps = append(maps, s.maps...)
		}
	}
	return ground(ctx, d, d.grounding, size, maps, inputs(pairs, hidden), r)
}

// BatchExact says whether this device gives the same bits for pictures of a size that are computed together, size.Batch
// of them, as for each alone: whoever must not have an answer depend on its company computes no batches where it does not.
// It computes both, with made-up pictures, once for encoding and twice for the grounding of the query, about several
// pictures and about one: what decides is in which order a device adds up, which goes by sizes, not by values. On the CPU
// it is so for every size that was tried, on Vulkan devices by what tiles a size gets. The programs stay made. The query
// makes one caption.
func (d *Detector) BatchExact(ctx context.Context, size InputSize, q Query) (same bool, err error) {
	a, err := d.ask(ctx, q, CallOptions{})
	if err != nil {
		return false, err
	}
	if len(a.prompts) != 1 || size.Batch < 1 {
		return false, blame(fmt.Errorf("glipvk: %d captions, %d pictures: want a query that makes one caption, and a batch of at least 1", len(a.prompts), size.Batch))
	}
	in := picture.Input{Batch: size.Batch, Height: size.Height, Width: size.Width, Data: synthetic.Input(size.Batch, size.Height, size.Width, 1)}
	sights, err := d.LookEach(ctx, in)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, closeAll(sights)) }()
	return d.same(ctx, in, sights, a.prompts[0])
}

// same compares sights of a batch, and what is found in them together, with what the pictures give alone.
func (d *Detector) same(ctx context.Context, in picture.Input, sights []*Sight, p prompt) (bool, error) {
	n := len(sights)
	var alone [][][]float32 // candidates, by picture
	for i, s := range sights {
		one := picture.Input{Batch: 1, Height: in.Height, Width: in.Width, Data: in.Data[i*len(in.Data)/n:][:len(in.Data)/n]}
		own, err := d.Look(ctx, one)
		if err != nil {
			return false, err
		}
		rows, err := d.together(ctx, []*Sight{own}, []prompt{p}, new(Report))
		same := false
		if err == nil {
			same, err = s.sees(ctx, own)
		}
		if err := errors.Join(err, own.Close()); err != nil || !same {
			return false, err
		}
		alone = append(alone, rows[:glip.Levels])
	}
	for _, of := range [][]*Sight{sights, slices.Repeat(sights[:1], n)} {
		rows, err := d.together(ctx, of, slices.Repeat([]prompt{p}, n), new(Report))
		if err != nil {
			return false, err
		}
		for i, s := range of {
			if !slices.EqualFunc(picked(rows, i, n), alone[slices.Index(sights, s)], sameBits) {
				return false, nil
			}
		}
	}
	return true, nil
}

// sees says whether another sight has the same bits.
func (s *Sight) sees(ctx context.Context, other *Sight) (bool, error) {
	for l, v := range s.maps {
		got, err := v.Read(ctx)
		if err != nil {
			return false, err
		}
		want, err := other.maps[l].Read(ctx)
		if err != nil || !sameBits(got, want) {
			return false, err
		}
	}
	return true, nil
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

func closeAll(sights []*Sight) error {
	var errs []error
	for _, s := range sights {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
