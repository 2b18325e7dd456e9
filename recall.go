package glipvk

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"
	"unsafe"

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
	give := func() error {
		d.seen.Release(it)
		return nil
	}
	return &Sight{d: d, maps: it.Value.maps, in: it.Value.in, give: give}, r, nil
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

// Fingerprint is the key under which [Detector.DetectInput] remembers pictures: a hash of their values, for 13 MB some 10 ms.
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
