package glipvk

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/graph"
	"github.com/glipvk/glipvk/picture"
)

// What is compared of the inside: the pyramid, the encoded caption, and the predictions.
var verifiedPaths = []string{
	"backbone.fpn.fpn_layer*", "backbone.fpn.top_blocks.p*", "language_backbone.body.model.encoder.layer.*.output.LayerNorm",
	"rpn.head.bbox.*", "rpn.head.centerness", "rpn.head.centerness#*", "rpn.head.dot.*",
}

// Detections of one list and of another that are taken for the same: of one label, corners
// no further apart than this many pixels of the picture.
const samePixels = 1

// What the detections may be off in f32. Where there are none the scale is 0, and the
// bound, which is relative, still has to be a number, as all that JSON can hold.
const (
	allowedScore  = 1e-4
	allowedPixel  = 0.05
	smallestScale = 1e-9
)

// VerifyInput computes on the CPU reference what the detector found and compares: the
// pyramid, the encoded caption and the predictions of the head as the detector's device
// computes them, then found, what [Detector.DetectInput] returned for in and q, with the
// detections of the reference. Every detection must be there in both, its score within
// 1e-4, its corners within 0.05 pixels. In f16, where a score near a threshold may fall
// on either side of it, detections are left out.
func (d *Detector) VerifyInput(ctx context.Context, in picture.DetectorInput, q Query, found []Detection) ([]Difference, error) {
	prompts, err := d.prepare(q)
	if err != nil {
		return nil, err
	}
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	var list []Difference
	var want []Detection
	for i, p := range prompts {
		differences, boxes, err := d.verifyPrompt(ctx, in, p)
		if err != nil {
			return nil, fmt.Errorf("glipvk: verifying: %w", err)
		}
		for _, x := range differences {
			if len(prompts) > 1 {
				x.Name = fmt.Sprintf("caption %d: %s", i+1, x.Name)
			}
			list = append(list, x)
		}
		want = append(want, boxes...)
	}
	if d.device.Precision == F16 {
		return list, nil
	}
	return append(list, sameDetections(found, want)...), nil
}

// verifyPrompt compares the inside for one caption, and returns the oracle's detections.
func (d *Detector) verifyPrompt(ctx context.Context, in picture.DetectorInput, p prompt) ([]Difference, []Detection, error) {
	match := func(g *graph.Graph) ([]graph.ID, error) { return someMatch(g, verifiedPaths, map[string]bool{}) }
	mine := tapping{d: d, match: match}
	got, err := mine.run(ctx, in, p)
	if err != nil {
		return nil, nil, err
	}
	oracle := tapping{d: d, match: match, oracle: true, progress: func(done, total int64) { d.options.base().progress("verify", done, total) }}
	want, err := oracle.run(ctx, in, p)
	if err != nil {
		return nil, nil, err
	}
	list := make([]Difference, len(want))
	for i := range want {
		list[i] = difference(want[i].Name, got[i].Data, want[i].Data)
		list[i].Allowed = detectorBounds(want[i].Name, d.device.Precision)
	}
	boxes, err := d.boxes(oracle.rows[:glip.Levels], in, p)
	return list, boxes, err
}

// detectorBounds are those of a value inside a detector: a precision's own before the
// tower, wider ones behind it. Its norms over maps of a few positions enlarge what rounding
// leaves: on the reference cases PyTorch's float32 predictions lie up to 1.1e-4 (relative
// L2) from its float64 ones, the largest difference is 2.8e-4 of their root mean square,
// and the bounds are four times that. A DyConv that upsamples without aligned corners is
// off by 4e-2, one with other groups in its norms by 2e-2 and more. In 16 bits GLIP-T with
// synthetic weights was seen at 5.6e-2, at a picture of 128x192 whose P6 is 2x3: the
// bounds let three times that pass, and still not offsets that are read from the wrong map
// (0.5 and more). What they hide the f32 run shows.
func detectorBounds(name string, p Precision) Bounds {
	switch {
	case !strings.HasPrefix(name, "rpn.head."):
		return p.Bounds()
	case p == F16:
		return Bounds{RelativeL2: 0.15, RelativeAbsolute: 0.2}
	}
	return Bounds{RelativeL2: 5e-4, RelativeAbsolute: 1e-3}
}

// sameDetections pairs detections and compares scores and corners. Those without a partner
// count as elements that are not finite in one of the two.
func sameDetections(got, want []Detection) []Difference {
	var scores, corners [2][]float32
	taken := make([]bool, len(got))
	alone := 0
	for _, w := range want {
		i := nearest(got, taken, w)
		if i < 0 {
			alone++
			continue
		}
		taken[i] = true
		scores[0], scores[1] = append(scores[0], float32(got[i].Score)), append(scores[1], float32(w.Score))
		corners[0], corners[1] = appendCorners(corners[0], got[i]), appendCorners(corners[1], w)
	}
	for _, t := range taken {
		if !t {
			alone++
		}
	}
	name := fmt.Sprintf("%d detections", len(want))
	list := []Difference{difference(name+", scores", scores[0], scores[1]), difference(name+", corners", corners[0], corners[1])}
	for i, allowed := range []float64{allowedScore, allowedPixel} {
		list[i].NonFinite += alone
		list[i].Allowed = Bounds{RelativeL2: math.MaxFloat64, RelativeAbsolute: allowed / max(list[i].AbsMax, smallestScale)}
	}
	return list
}

// nearest finds the detection of the same label whose corners are nearest, -1 if none is
// near enough.
func nearest(list []Detection, taken []bool, want Detection) int {
	best, distance := -1, float64(samePixels)
	for i, d := range list {
		if taken[i] || d.Label != want.Label {
			continue
		}
		var far float64
		for k, v := range d.Box.Corners() {
			far = max(far, math.Abs(v-want.Box.Corners()[k]))
		}
		if far <= distance {
			best, distance = i, far
		}
	}
	return best
}

func appendCorners(list []float32, d Detection) []float32 {
	for _, v := range d.Box.Corners() {
		list = append(list, float32(v))
	}
	return list
}
