package glipvk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-gl/mathgl/mgl64"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
)

// view is what is kept of an input once it is on the device.
func view(in picture.Input) picture.Input {
	in.Data = nil
	return in
}

// checkInput refuses what no detector takes.
func (d *Detector) checkInput(in picture.Input) error {
	if err := d.opened(); err != nil {
		return err
	}
	if err := d.check(in); err != nil {
		return err
	}
	if in.Height%glip.Divisor != 0 || in.Width%glip.Divisor != 0 {
		return blame(fmt.Errorf("glipvk: a padded picture of %d x %d, want multiples of %d", in.Height, in.Width, glip.Divisor))
	}
	return nil
}

// SizeFor is the size of the input that a picture of a size becomes. Errors are those of [Detector.Preprocess].
func (d *Detector) SizeFor(e picture.Extent) (InputSize, error) {
	if err := d.opened(); err != nil {
		return InputSize{}, err
	}
	padded, err := picture.Detector{Size: d.options.Size, Limits: d.options.Limits}.Pipeline().Becomes(e)
	return InputSize{Batch: 1, Height: padded.Height, Width: padded.Width}, blame(err)
}

// look encodes pictures, and gives the maps of all together, or of each picture apart.
func (d *Detector) look(ctx context.Context, size glip.Vision, data []float32) (pyramid, error) {
	values, err := d.vision.Run(ctx, size, executor.Host(data))
	if err != nil {
		return nil, err
	}
	n := glip.Levels
	if size.Apart {
		n *= size.Batch
	}
	maps, health := pyramid(values[:n:n]), pyramid(values[n:])
	for i, v := range health {
		means, err := v.Read(ctx)
		if err == nil {
			err = d.checkFinite(fmt.Sprintf("map P%d of a picture", i+3), means)
		}
		if err != nil {
			return nil, errors.Join(err, pyramid(values).close())
		}
	}
	return maps, health.close()
}

// asked is a query as the graphs take it, and what is wanted of its candidates.
type asked struct {
	prompts []prompt
	limits  limits
}

// ask readies a query and the options of a call.
func (d *Detector) ask(ctx context.Context, q Query, o CallOptions) (a asked, err error) {
	if a.prompts, err = d.prompts(ctx, q); err != nil {
		return a, err
	}
	a.limits, err = o.limits(d.options)
	return a, err
}

// encoded are the captions of prompts as the text encoder has them.
func (d *Detector) encoded(ctx context.Context, r *Report, list ...prompt) ([][]float32, error) {
	defer r.took(&r.Caption, time.Now())
	hidden := make([][]float32, len(list))
	for i, p := range list {
		h, known, err := d.hidden(ctx, p)
		if err != nil {
			return nil, err
		}
		hidden[i], r.CaptionKnown = h, r.CaptionKnown && known
	}
	return hidden, nil
}

// ground runs a graph of the grounding or the alignment, with maps and what is known of captions, and times it.
func ground[K comparable](ctx context.Context, d *Detector, part *executor.Part[K], size K, maps []executor.Value, words [][]float32, r *Report) ([][]float32, error) {
	defer r.took(&r.Grounding, time.Now())
	rows, outputs, err := part.Host(ctx, size, append(slices.Clone(maps), executor.Hosts(words)...)...)
	if err != nil {
		return nil, err
	}
	return rows, d.checkHealth(rows, outputs)
}

// detect computes the detections of pictures for all prompts.
func (d *Detector) detect(ctx context.Context, maps pyramid, in picture.Input, a asked, r *Report) ([][]Detection, error) {
	all := make([][]Detection, in.Batch)
	r.CaptionKnown = true
	for _, p := range a.prompts {
		hidden, err := d.encoded(ctx, r, p)
		if err != nil {
			return nil, err
		}
		rows, err := ground(ctx, d, d.grounding, d.size(SizeOf(in), p), maps, p.alike(hidden[0], in.Batch), r)
		if err != nil {
			return nil, err
		}
		if err := d.collect(all, rows, in, p, a.limits); err != nil {
			return nil, err
		}
	}
	return sorted(all), nil
}

// checkHealth refuses predictions that are no numbers: nothing would pass a threshold, and nobody would know why.
func (d *Detector) checkHealth(rows [][]float32, outputs []executor.Output) error {
	for i, o := range outputs {
		if of, ok := glip.Health(o.Path); ok {
			if err := d.checkFinite("value "+of, rows[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// sorted orders the detections of each picture by falling score.
func sorted(all [][]Detection) [][]Detection {
	for _, list := range all {
		slices.SortStableFunc(list, func(a, b Detection) int { return cmp.Compare(b.Score, a.Score) })
	}
	return all
}

// picked are the rows of picture i of a batch, level by level.
func picked(rows [][]float32, i, batch int) [][]float32 {
	one := make([][]float32, glip.Levels)
	for l := range one {
		n := len(rows[l]) / batch
		one[l] = rows[l][i*n:][:n]
	}
	return one
}

// collect adds a prompt's detections, of candidates [B, PerLevel, 8] for each level, to those of each picture.
func (d *Detector) collect(all [][]Detection, rows [][]float32, in picture.Input, p prompt, l limits) error {
	for i := range all {
		found, err := d.boxes(picked(rows, i, in.Batch), in, i, p, l)
		if err != nil {
			return err
		}
		all[i] = append(all[i], found...)
	}
	return nil
}

// frame is what picture i of an input is in.
func frame(in picture.Input, i int) glip.Frame {
	c := in.View(i).Content
	return glip.Frame{PaddedHeight: in.Height, PaddedWidth: in.Width, Height: c.Height, Width: c.Width}
}

// boxes turns the candidates of picture i into detections in the picture as it was given.
func (d *Detector) boxes(rows [][]float32, in picture.Input, i int, p prompt, l limits) ([]Detection, error) {
	found, err := glip.Detections(d.config, rows, frame(in, i), l.Limits)
	if err != nil {
		return nil, blame(fmt.Errorf("glipvk: %s with weights %s: %w", d.info.Name, d.weights(), err))
	}
	back := in.View(i).ToPicture()
	var list []Detection
	for _, f := range found {
		if !(f.Score > l.threshold) {
			continue
		}
		if f.Label > len(p.heard) {
			return nil, errors.New("glipvk: a defect of ours, please report it: a detection of a label that nobody asked for")
		}
		of := p.heard[f.Label-1]
		label := p.Labels[of]
		low := back.Mul3x1(mgl64.Vec3{f.Box.X1, f.Box.Y1, 1})
		high := back.Mul3x1(mgl64.Vec3{f.Box.X2, f.Box.Y2, 1})
		list = append(list, Detection{
			Box: glip.Box{X1: low[0], Y1: low[1], X2: high[0], Y2: high[1]}, Score: f.Score,
			Label: p.First + of + 1, Phrase: label.Name, Span: label.Span,
		})
	}
	return list, nil
}
