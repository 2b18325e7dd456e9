package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/synthetic"
	"github.com/spf13/cobra"
)

// The cases of a detector, in the order of a round: each finds known what the one before
// has left.
const (
	nothingKnown = iota // pictures and a caption
	captionKnown        // other pictures, the same caption: no text encoder
	pictureKnown        // another caption on a Sight: no backbone, no pyramid
	detectorCases
)

// detector is GLIP as a whole as it is measured.
type detector struct {
	*glipvk.Detector
	height, width int // of the pictures, before padding
	inputs        [2]picture.Input
	captions      [2]caption
	counts        glipvk.Counts
	found         detections    // by the last run with nothing known
	sight         *glipvk.Sight // of the second input
}

// detections are a result of a detector, of each picture.
type detections [][]glipvk.Detection

// openDetector checks the flags of a detector and returns what opens it.
func (f flags) openDetector(cmd *cobra.Command, o *glipvk.Options) (func(context.Context, glipvk.Options) (model, error), error) {
	name, arch, err := cli.Architecture(cmd, f.weights, o, glip.ParseConfig)
	return func(ctx context.Context, o glipvk.Options) (model, error) {
		d, err := glipvk.OpenDetector(ctx, name, glipvk.DetectorOptions{
			Options: o, Arch: arch, NoAbsorb: f.noAbsorb, Vocabulary: f.vocab,
			Size: picture.DetectorSize{Original: true}, // they are made in the size
		})
		if err != nil {
			return nil, err
		}
		return &detector{Detector: d}, nil
	}, err
}

// ready makes two batches of pictures and two captions of the same sizes.
func (d *detector) ready(f flags, height, width int) (err error) {
	d.height, d.width = cmp.Or(height, 800), cmp.Or(width, 1333)
	if err := f.fits(d.height, d.width); err != nil {
		return err
	}
	for i := range d.inputs {
		var pictures []picture.Picture
		for n := range f.batch {
			seed := 7 + uint64(i) + uint64(2*n)
			pictures = append(pictures, picture.Picture{Height: d.height, Width: d.width, Pixels: synthetic.Picture(d.height, d.width, seed)})
		}
		if d.inputs[i], err = d.Preprocess(pictures...); err != nil {
			return err
		}
	}
	if most := d.Info().Detector.MaxTokens; f.tokens > most {
		return cli.Usage("--tokens %d: the model reads at most %d", f.tokens, most)
	}
	if d.captions, err = f.captions(d.Tokenizer()); err != nil {
		return err
	}
	d.counts, err = d.Counts(glipvk.SizeOf(d.inputs[0]), d.captions[0].query)
	return err
}

func (d *detector) cases() []testCase {
	c := d.counts
	return []testCase{
		nothingKnown: {
			Name: "nothing known", Line: "nothing", MultiplyAdds: c.Vision + c.Language + c.Grounding,
			before: func(context.Context) error {
				d.Forget()
				return nil
			},
			run: func(ctx context.Context) (_ result, err error) {
				d.found, err = d.DetectInput(ctx, d.captions[0].query, d.inputs[0])
				return d.found, err
			},
		},
		captionKnown: {
			Name: "caption known", Line: "caption", MultiplyAdds: c.Vision + c.Grounding, parts: []string{"vision", "grounding"},
			run: func(ctx context.Context) (result, error) {
				found, err := d.DetectInput(ctx, d.captions[0].query, d.inputs[1])
				return detections(found), err
			},
		},
		pictureKnown: {
			Name: "picture known", Line: "picture", MultiplyAdds: c.Language + c.Grounding, parts: []string{"language", "grounding"},
			before: func(ctx context.Context) (err error) {
				if d.sight == nil {
					d.sight, err = d.Look(ctx, d.inputs[1])
				}
				return err
			},
			run: func(ctx context.Context) (result, error) {
				found, err := d.sight.Detect(ctx, d.captions[1].query)
				return detections(found), err
			},
		},
	}
}

func (d *detector) stats(ctx context.Context) (glipvk.Stats, error) {
	return d.Stats(ctx, glipvk.SizeOf(d.inputs[0]), d.captions[0].query)
}

func (d *detector) profile(ctx context.Context) ([]glipvk.Timing, error) {
	return d.Profile(ctx, d.captions[0].query, d.inputs[0])
}

func (d *detector) compare(ctx context.Context) ([]glipvk.Difference, error) {
	return d.Verify(ctx, d.captions[0].query, d.inputs[0], d.found)
}

func (d *detector) plain() int64 { return d.counts.Vision + d.counts.Language + d.counts.Direct }

func (d *detector) describe(r *report) {
	in, c := d.inputs[0], d.counts
	r.Arch, r.Height, r.Width, r.Detector = d.Info().Backbone, d.height, d.width, d.Info().Detector
	r.Captions, r.Counts = d.captions[:], &c
	r.heading = fmt.Sprintf("%dx%d padded to %dx%d, batch %d, %d tokens, %d phrases",
		d.height, d.width, in.Height, in.Width, in.Batch, d.captions[0].Tokens, d.captions[0].Labels)
	r.line = fmt.Sprintf("Detect/model=%s/size=%dx%d/tokens=%d/batch=%d", r.Model, d.height, d.width, d.captions[0].Tokens, in.Batch)
	giga := func(n int64) string { return fmt.Sprintf("%.2f", float64(n)/1e9) }
	r.notes = append(r.notes,
		[2]string{"caption", fmt.Sprintf("%.90q", d.captions[0].Text)},
		[2]string{"found", fmt.Sprintf("%d detections", len(slices.Concat(d.found...)))},
		[2]string{"multiply-adds", fmt.Sprintf("%s GMAC as executed: picture %s, caption %s, grounding %s",
			giga(r.MultiplyAdds), giga(c.Vision), giga(c.Language), giga(c.Grounding))},
		[2]string{"direct form", fmt.Sprintf("%s GMAC with the cross attention as the original computes it: grounding %s", giga(d.plain()), giga(c.Direct))})
}

func (f detections) finite() error {
	for i, d := range slices.Concat(f...) {
		c := d.Box.Corners()
		for _, v := range append(c[:], d.Score) {
			if v-v != 0 {
				return fmt.Errorf("detection %d is %+v", i, d)
			}
		}
	}
	return nil
}

func (f detections) same(first result) error {
	if want := first.(detections); !slices.EqualFunc(f, want, slices.Equal) {
		return fmt.Errorf("%d detections in one run and other %d in the next", len(slices.Concat(want...)), len(slices.Concat(f...)))
	}
	return nil
}

func (f detections) keep() result { return f }
