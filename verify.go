package glipvk

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/internal/compare"
	"github.com/glipvk/glipvk/picture"
)

// Verify computes in on the CPU reference, whatever the backbone runs on, and compares
// f, the features that [Backbone.ExtractInput] gave for it, with the result.
func (b *Backbone) Verify(ctx context.Context, in picture.Input, f Features) ([]Difference, error) {
	if err := b.check(in); err != nil {
		return nil, err
	}
	if want := len(b.info.Backbone.OutIndices); len(f) != want {
		return nil, blame(fmt.Errorf("glipvk: %d maps to verify, the model has %d", len(f), want))
	}
	want, outputs, err := b.part.Oracle(ctx, SizeOf(in), nil, in.Data)
	if err != nil {
		return nil, fmt.Errorf("glipvk: verifying: %w", err)
	}
	list := make([]Difference, len(f))
	for i := range f {
		if len(f[i].Data) != len(want[i]) {
			return nil, blame(fmt.Errorf("glipvk: map %s has %d elements, the model's has %d for %v", f[i].Name, len(f[i].Data), len(want[i]), outputs[i].Shape))
		}
		list[i] = compare.Values(f[i].Name, f[i].Data, want[i]).Within(b.Device().Precision.Bounds())
	}
	return list, nil
}

// What is compared of the inside: the pyramid, the encoded caption, and the predictions.
var verifiedPaths = []string{
	"backbone.fpn.fpn_layer*", "backbone.fpn.top_blocks.p*", "language_backbone.body.model.encoder.layer.*.output.LayerNorm",
	"rpn.head.bbox.*", "rpn.head.centerness", "rpn.head.centerness#*", "rpn.head.dot.*",
}

// Verify computes on the CPU reference what the detector found and compares: the
// pyramid, the encoded caption and the predictions of the head as the detector's device
// computes them, then found, what [Detector.DetectInput] returned for q and in, with the
// detections of the reference, by the rule of the precision:
//
// In f32 every detection must be there in both, its score within 1e-4, its corners within
// 0.05 pixels.
//
// In f16 every detection whose score is more than 0.05 above the lowest of both lists, since
// one near a threshold may fall on either side of it, must be there in both, its score within
// 0.04, its corners within 2 pixels of the input or a fiftieth of the box's longer side. But for
// one in ten, of those whose suppression hangs by a hair: of two boxes of a label that cover
// each other either may have stayed, and one that overlaps a better one by the limit, within
// 0.05, may be there or not.
func (d *Detector) Verify(ctx context.Context, q Query, in picture.Input, found [][]Detection) ([]Difference, error) {
	prompts, err := d.exact(ctx, q)
	if err != nil {
		return nil, err
	}
	if err := d.checkInput(in); err != nil {
		return nil, err
	}
	if len(found) != in.Batch {
		return nil, blame(fmt.Errorf("glipvk: detections of %d pictures to verify, there are %d", len(found), in.Batch))
	}
	l, err := CallOptions{}.limits(d.options)
	if err != nil {
		return nil, err
	}
	var list []Difference
	want := make([][]Detection, in.Batch)
	for i, p := range prompts {
		differences, rows, err := d.verifyPrompt(ctx, in, p)
		if err == nil {
			err = d.collect(want, rows, in, p, l)
		}
		if err != nil {
			return nil, fmt.Errorf("glipvk: verifying: %w", err)
		}
		for _, x := range differences {
			if len(prompts) > 1 {
				x.Name = fmt.Sprintf("caption %d: %s", i+1, x.Name)
			}
			list = append(list, x)
		}
	}
	rule := sameInF32
	if d.Device().Precision == F16 {
		rule = sameInF16
	}
	for i := range sorted(want) {
		v := in.View(i)
		rule.scale = float64(v.Original.Width) / float64(v.Content.Width)
		rule.limit = cmp.Or(d.options.IoU, glip.DefaultIoU)
		for _, x := range rule.compare(found[i], want[i]) {
			if in.Batch > 1 {
				x.Name = fmt.Sprintf("picture %d: %s", i+1, x.Name)
			}
			list = append(list, x)
		}
	}
	return list, nil
}

// verifyPrompt compares the inside for one caption, and returns the oracle's candidates.
func (d *Detector) verifyPrompt(ctx context.Context, in picture.Input, p prompt) ([]Difference, [][]float32, error) {
	match := someMatch(verifiedPaths, map[string]bool{})
	got, _, err := d.inside(ctx, watch{match: match}, in, p)
	if err != nil {
		return nil, nil, err
	}
	want, rows, err := d.inside(ctx, watch{match: match, oracle: true}, in, p)
	if err != nil {
		return nil, nil, err
	}
	list := make([]Difference, len(want))
	for i := range want {
		list[i] = compare.Values(want[i].Name, got[i].Data, want[i].Data).Within(detectorBounds(want[i].Name, d.Device().Precision))
	}
	return list, rows, nil
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
	case p == executor.F16:
		return Bounds{RelativeL2: 0.15, RelativeAbsolute: 0.2}
	}
	return Bounds{RelativeL2: 5e-4, RelativeAbsolute: 1e-3}
}
