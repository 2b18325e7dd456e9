package glipvk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"github.com/go-gl/mathgl/mgl64"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
)

// Query says what to look for in a picture.
type Query = text.Query

// Detection is a box in which a picture shows a phrase.
type Detection struct {
	Box    glip.Box  `json:"box"`    // in pixels of the picture as it was given, corners inclusive
	Score  float64   `json:"score"`  // 0 to 1
	Label  int       `json:"label"`  // from 1: which phrase of the query
	Phrase string    `json:"phrase"` // by the name that the query gave it
	Span   text.Span `json:"span"`   // of the phrase in its caption, in code points
}

// Detect finds the phrases of a query in a picture and returns them by falling score.
// What is known of the picture from an earlier query, or of the query from an earlier
// picture, is used again. Errors wrap [ErrInput], [ErrClosed], the context's error, or
// are those of package engine; no detections are none.
func (d *Detector) Detect(ctx context.Context, p picture.Picture, q Query) ([]Detection, error) {
	in, err := d.Preprocess(p)
	if err != nil {
		return nil, err
	}
	return d.DetectInput(ctx, in, q)
}

// Preprocess brings a picture to the size and the values that the detector takes.
func (d *Detector) Preprocess(p picture.Picture) (picture.DetectorInput, error) {
	in, err := picture.Detector{Size: d.options.Size, Limits: d.options.Limits}.Apply(context.Background(), p)
	return in, blame(err)
}

// Tokenizer is that of the detector's vocabulary.
func (d *Detector) Tokenizer() *text.Tokenizer { return d.tokenizer }

// DetectInput is Detect for a picture that is preprocessed already.
func (d *Detector) DetectInput(ctx context.Context, in picture.DetectorInput, q Query) ([]Detection, error) {
	prompts, err := d.prepare(q)
	if err != nil {
		return nil, err
	}
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	return d.detect(ctx, runner{d: d}, in, prompts)
}

// prompt is one caption ready for the graphs.
type prompt struct {
	text.Prompt
	key    string
	ids    []float32 // [1, T], whole numbers
	mask   []float32 // [1, T]
	owned  []float32 // [L, T], 1 where a token stands for a label
	labels int
}

// prepare tokenises the captions of a query.
func (d *Detector) prepare(q Query) ([]prompt, error) {
	list, err := q.Prompts(d.tokenizer)
	if err != nil {
		return nil, blame(err)
	}
	prompts := make([]prompt, len(list))
	for i, p := range list {
		whole, err := d.tokenizer.Encode(p.Text)
		if err != nil {
			return nil, blame(err)
		}
		positive, err := whole.Positive(p.Spans())
		if err != nil {
			return nil, blame(err)
		}
		ids := whole.Truncated(d.config.MaxTokens).IDs()
		out := prompt{Prompt: p, key: fmt.Sprint(ids), ids: make([]float32, len(ids)), mask: make([]float32, len(ids)), labels: len(positive)}
		for t, id := range ids {
			out.ids[t] = float32(id)
		}
		out.owned = make([]float32, len(positive)*len(ids))
		for l, tokens := range positive {
			for _, t := range tokens {
				if t < len(ids)-1 { // what was cut off stands for nothing
					out.owned[l*len(ids)+t] = 1
				}
			}
		}
		prompts[i] = out
	}
	return prompts, nil
}

// runner runs the parts of a detector: under a clock where it has a list for what that shows.
type runner struct {
	d       *Detector
	timings *[]Timing
}

// run computes a part for inputs.
func (r runner) run(ctx context.Context, e extent, inputs ...[]float32) ([][]float32, error) {
	s, err := r.d.programs.acquire(ctx, e)
	if err != nil {
		return nil, err
	}
	defer r.d.programs.release(s)
	if r.timings == nil {
		return s.run(ctx, inputs...)
	}
	values, times, err := s.profile(ctx, inputs...)
	*r.timings = append(*r.timings, times...)
	return values, err
}

// maps are P3..P7 of a picture.
func (r runner) maps(ctx context.Context, in picture.DetectorInput) ([][]float32, error) {
	maps, _, err := r.d.seen.get(ctx, fingerprint(in), func() ([][]float32, error) {
		maps, err := r.run(ctx, extent{part: vision, height: in.Height, width: in.Width}, in.Data)
		if err != nil {
			return nil, err
		}
		return maps[:glip.Levels], r.d.checkFinite("the picture's features", maps)
	})
	return maps, err
}

// hidden is the encoded caption of a prompt.
func (r runner) hidden(ctx context.Context, p prompt) ([]float32, error) {
	hidden, _, err := r.d.read.get(ctx, p.key, func() ([]float32, error) {
		values, err := r.run(ctx, extent{part: language, tokens: len(p.ids)}, p.ids, p.mask)
		if err != nil {
			return nil, err
		}
		return values[0], r.d.checkFinite("the encoded caption", values)
	})
	return hidden, err
}

// checkFinite refuses values that weights or a picture without numbers brought about:
// nothing would pass a threshold, and nobody would know why.
func (d *Detector) checkFinite(what string, values [][]float32) error {
	for _, v := range values {
		if !finite(v) {
			return blame(fmt.Errorf("glipvk: %s of %s with weights %s: not all numbers are finite; the weights are damaged, or their training diverged",
				what, d.name, d.label))
		}
	}
	return nil
}

// checkInput refuses a picture that is none.
func checkInput(in picture.DetectorInput) error {
	r := in.Resized
	switch {
	case len(in.Data) != 3*in.Height*in.Width:
		return blame(fmt.Errorf("glipvk: a picture of %d values for 3 x %d x %d", len(in.Data), in.Height, in.Width))
	case r.Height < 1 || r.Height > in.Height || r.Width < 1 || r.Width > in.Width:
		return blame(fmt.Errorf("glipvk: a picture of %d x %d with the padding, and of %d x %d without: want from 1 x 1 to that size",
			in.Height, in.Width, r.Height, r.Width))
	case !finite(in.Data):
		return blame(errors.New("glipvk: the picture's values must be finite, and not all are"))
	}
	return nil
}

// fingerprint tells pictures apart.
func fingerprint(in picture.DetectorInput) [sha256.Size]byte {
	h := sha256.New()
	size := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(in.Height)), uint64(in.Width))
	h.Write(size)
	if len(in.Data) > 0 {
		h.Write(unsafe.Slice((*byte)(unsafe.Pointer(&in.Data[0])), 4*len(in.Data)))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// detect computes a picture's detections for all prompts.
func (d *Detector) detect(ctx context.Context, r runner, in picture.DetectorInput, prompts []prompt) ([]Detection, error) {
	if err := checkInput(in); err != nil {
		return nil, err
	}
	maps, err := r.maps(ctx, in)
	if err != nil {
		return nil, err
	}
	var all []Detection
	for _, p := range prompts {
		hidden, err := r.hidden(ctx, p)
		if err != nil {
			return nil, err
		}
		e := extent{part: grounding, height: in.Height, width: in.Width, tokens: len(p.ids), labels: p.labels}
		rows, err := r.run(ctx, e, append(slices.Clone(maps), hidden, p.mask, p.owned)...)
		if err != nil {
			return nil, err
		}
		found, err := d.boxes(rows[:glip.Levels], in, p)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortStableFunc(all, func(a, b Detection) int { return cmp.Compare(b.Score, a.Score) })
	return all, nil
}

// boxes turns a prompt's candidates into detections in the picture as it was given.
func (d *Detector) boxes(rows [][]float32, in picture.DetectorInput, p prompt) ([]Detection, error) {
	frame := glip.Frame{PaddedHeight: in.Height, PaddedWidth: in.Width, Height: in.Resized.Height, Width: in.Resized.Width}
	found, err := glip.Detections(d.config, rows, frame, glip.Limits{IoU: d.options.IoU, Count: d.options.Max})
	if err != nil {
		return nil, blame(fmt.Errorf("glipvk: %s with weights %s: %w", d.name, d.label, err))
	}
	var list []Detection
	for _, f := range found {
		if !(f.Score > d.options.Threshold) {
			continue
		}
		label := p.Labels[f.Label-1]
		low := in.ToPicture.Mul3x1(mgl64.Vec3{f.Box.X1, f.Box.Y1, 1})
		high := in.ToPicture.Mul3x1(mgl64.Vec3{f.Box.X2, f.Box.Y2, 1})
		list = append(list, Detection{
			Box: glip.Box{X1: low[0], Y1: low[1], X2: high[0], Y2: high[1]}, Score: f.Score,
			Label: p.First + f.Label, Phrase: label.Name, Span: label.Span,
		})
	}
	return list, nil
}
