package glipvk

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/picture"
)

// Recall gives a Sight of pictures that the detector remembers under a key of the caller's choice; where it does not, it
// looks at what load gives, and remembers that: the latest [DetectorOptions.Pictures], beside those in use. Callers that
// want one key at the same time share one look, with one load, which is called off when the last of them has left. A key
// stands for one input: for a file, a hash of its bytes. The report says how long it took to look, without the load, or to
// wait for somebody who did. Closing the Sight leaves the picture remembered.
//
// Errors are those of load, and of [Detector.Look]; they are not remembered.
func (d *Detector) Recall(ctx context.Context, key string, load Load) (*Sight, Report, error) {
	if err := d.opened(); err != nil {
		return nil, Report{}, err
	}
	if load == nil {
		return nil, Report{}, blame(errors.New("glipvk: pictures to recall without a function that loads them: give one"))
	}
	return d.recall(ctx, key, func(ctx context.Context) (picture.Input, error) {
		in, err := load(ctx)
		if err == nil {
			err = d.checkInput(in)
		}
		return in, err
	})
}

// recall does the work of Recall, with a load that checks.
func (d *Detector) recall(ctx context.Context, key string, load Load) (*Sight, Report, error) {
	r, begin := Report{PictureKnown: true}, time.Now()
	it, err := d.seen.Get(ctx, key, func(ctx context.Context) (looked, error) {
		in, err := load(ctx)
		if err != nil {
			return looked{}, err
		}
		r.PictureKnown, begin = false, time.Now() // this call waits for it, and reads that only then
		maps, err := d.look(ctx, SizeOf(in).vision(), in.Data)
		return looked{maps, view(in)}, err
	})
	if err != nil {
		return nil, Report{}, err
	}
	r.took(&r.Picture, begin)
	return d.recalled(it), r, nil
}

// recalled is a sight of what is remembered.
func (d *Detector) recalled(it *executor.Item[looked]) *Sight {
	return &Sight{d: d, maps: it.Value.maps, in: it.Value.in, release: func() { d.seen.Release(it) }}
}

// Remember hands over what a sight of [Detector.Look] or [Detector.LookEach] holds: the detector keeps it under a key as if
// [Detector.Recall] had looked, and gives the sight that Recall would. Where the key is known it keeps what it has. The old
// sight is closed by it, also after an error.
func (d *Detector) Remember(ctx context.Context, key string, s *Sight) (*Sight, error) {
	if err := d.opened(); err != nil {
		return nil, err
	}
	if err := s.ready(); err != nil {
		return nil, err
	}
	if s.d != d || s.release != nil {
		return nil, errors.Join(blame(errors.New("glipvk: a sight of another detector, or one that is remembered already: want one of Look or LookEach")), s.Close())
	}
	if s.closed.Swap(true) {
		return nil, forgotten()
	}
	var taken atomic.Bool // by the shelf, or by us who close it
	it, err := d.seen.Get(ctx, key, func(ctx context.Context) (looked, error) {
		if taken.Swap(true) {
			return looked{}, context.Canceled
		}
		return looked{s.maps, s.in}, nil
	})
	if !taken.Swap(true) {
		err = errors.Join(err, s.maps.close())
	}
	switch {
	case err != nil && it != nil:
		d.seen.Release(it)
		return nil, err
	case err != nil:
		return nil, err
	}
	return d.recalled(it), nil
}

// Knows says whether pictures are remembered under a key, or being looked at.
func (d *Detector) Knows(key string) bool { return d.opened() == nil && d.seen.Has(key) }

// Remembered is how many bytes the pictures take that are remembered.
func (d *Detector) Remembered() int64 {
	if d.opened() != nil {
		return 0
	}
	return d.seen.Sum(func(l looked) int64 { return l.maps.bytes() })
}

// ForgetPicture drops what is remembered under a key; who asks about it now is not disturbed.
func (d *Detector) ForgetPicture(key string) {
	if d.opened() == nil {
		d.seen.Drop(key)
	}
}

// Fingerprint is the key under which [Detector.DetectInput] remembers pictures: a hash of their values.
func Fingerprint(in picture.Input) string {
	h := sha256.New()
	for _, n := range []int{in.Batch, in.Height, in.Width} {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	}
	if len(in.Data) > 0 {
		h.Write(unsafe.Slice((*byte)(unsafe.Pointer(&in.Data[0])), 4*len(in.Data)))
	}
	return "values " + string(h.Sum(nil))
}

// remembered is a Sight of an input, which the detector may know by its values.
func (d *Detector) remembered(ctx context.Context, in picture.Input) (*Sight, Report, error) {
	if err := d.checkInput(in); err != nil {
		return nil, Report{}, err
	}
	begin := time.Now()
	s, r, err := d.recall(ctx, Fingerprint(in), func(context.Context) (picture.Input, error) { return in, nil })
	if err != nil {
		return nil, r, err
	}
	r.Picture = 0
	r.took(&r.Picture, begin) // with the hash
	s.in = view(in)           // the values may have been seen as part of another picture
	return s, r, nil
}
