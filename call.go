package glipvk

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/glipvk/glipvk/glip"
)

// CallOptions are what a call wants otherwise than its detector was opened for; nil is the detector's. All of it acts on
// the candidates that the model has found, so that no program is made for it and nothing is computed again.
//
//	found, report, err := d.DetectWith(ctx, q, in, glipvk.CallOptions{Threshold: new(0.3)})
type CallOptions struct {
	Threshold *float64 // that a score must exceed, 0 to 1
	IoU       *float64 // above which the lesser of two boxes of a label is suppressed, from 0; from 1 on none is
	Max       *int     // detections of a prompt, from 1; [All]
}

// Report says where the time of a call went, and what it had not to compute. A call measures it at no cost that counts.
type Report struct {
	Picture   time.Duration // until the encoded pictures were there
	Caption   time.Duration // until the encoded captions were there
	Grounding time.Duration // the rest: where the pictures show what the captions say

	// PictureKnown and CaptionKnown say that nothing was encoded for this call: it was remembered, or another call was
	// at it already. Of several captions, all.
	PictureKnown, CaptionKnown bool
}

// took adds the time since a phase began; with defer.
func (r *Report) took(phase *time.Duration, begin time.Time) { *phase += time.Since(begin) }

// limits are those of a call.
type limits struct {
	threshold float64
	glip.Limits
}

// limits completes and checks the options of a call to a detector that was opened with d.
func (o CallOptions) limits(d DetectorOptions) (limits, error) {
	l := limits{d.Threshold, glip.Limits{IoU: d.IoU, Count: d.Max}}
	var errs []error
	if o.Threshold != nil {
		l.threshold = *o.Threshold
		errs = append(errs, within("CallOptions.Threshold", l.threshold, 0, 1, "from 0 to 1"))
	}
	if o.IoU != nil {
		errs = append(errs, within("CallOptions.IoU", *o.IoU, 0, math.MaxFloat64, "from 0 on"))
		l.IoU = cmp.Or(*o.IoU, math.SmallestNonzeroFloat64) // 0 of package glip is the original's
	}
	if o.Max != nil {
		if l.Count = *o.Max; l.Count < 1 {
			errs = append(errs, fmt.Errorf("glipvk: CallOptions.Max is %d: want at least 1, or nil for the detector's", l.Count))
		}
	}
	return l, blame(errors.Join(errs...))
}
