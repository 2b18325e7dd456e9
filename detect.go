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

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
)

// Detect finds the phrases of a query in pictures, which must have one size after
// preprocessing, and returns a list for each, by falling score. What is known of the pictures
// from an earlier query, or of the query from earlier pictures, is used again. Errors wrap
// [ErrInput], [ErrClosed], the context's error, or are those of package engine; no detections
// are none.
func (d *Detector) Detect(ctx context.Context, q Query, pictures ...picture.Picture) ([][]Detection, error) {
	if err := d.opened(); err != nil {
		return nil, err
	}
	in, err := d.preprocess(ctx, pictures...)
	if err != nil {
		return nil, err
	}
	return d.DetectInput(ctx, q, in)
}

// DetectInput is Detect for pictures that are preprocessed already. Their content is hashed to
// know them again; who asks often holds a [Sight].
func (d *Detector) DetectInput(ctx context.Context, q Query, in picture.Input) ([][]Detection, error) {
	prompts, err := d.prompts(ctx, q)
	if err != nil {
		return nil, err
	}
	if err := d.checkInput(in); err != nil {
		return nil, err
	}
	it, err := d.seen.Get(ctx, fingerprint(in), func(ctx context.Context) (pyramid, error) { return d.look(ctx, in) })
	if err != nil {
		return nil, err
	}
	defer d.seen.Release(it)
	return d.detect(ctx, it.Value, view(in), prompts)
}

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

// fingerprint tells pictures apart.
func fingerprint(in picture.Input) [sha256.Size]byte {
	h := sha256.New()
	for _, n := range []int{in.Batch, in.Height, in.Width} {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	}
	if len(in.Data) > 0 {
		h.Write(unsafe.Slice((*byte)(unsafe.Pointer(&in.Data[0])), 4*len(in.Data)))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// look encodes pictures.
func (d *Detector) look(ctx context.Context, in picture.Input) (pyramid, error) {
	values, err := d.vision.Run(ctx, glip.Vision(SizeOf(in)), executor.Host(in.Data))
	if err != nil {
		return nil, err
	}
	maps, health := pyramid(values[:glip.Levels]), pyramid(values[glip.Levels:])
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

// detect computes the detections of pictures for all prompts.
func (d *Detector) detect(ctx context.Context, maps pyramid, in picture.Input, prompts []prompt) ([][]Detection, error) {
	all := make([][]Detection, in.Batch)
	for _, p := range prompts {
		hidden, err := d.hidden(ctx, p)
		if err != nil {
			return nil, err
		}
		rows, outputs, err := d.grounding.Host(ctx, d.size(SizeOf(in), p), append(slices.Clone(maps), executor.Hosts(p.inputs(hidden.Value, in.Batch))...)...)
		d.read.Release(hidden)
		if err != nil {
			return nil, err
		}
		if err := d.checkHealth(rows, outputs); err != nil {
			return nil, err
		}
		if err := d.collect(all, rows, in, p); err != nil {
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

// collect adds a prompt's detections, of candidates [B, PerLevel, 8] for each level, to those of each picture.
func (d *Detector) collect(all [][]Detection, rows [][]float32, in picture.Input, p prompt) error {
	for i := range all {
		one := make([][]float32, glip.Levels)
		for l := range one {
			n := len(rows[l]) / in.Batch
			one[l] = rows[l][i*n:][:n]
		}
		found, err := d.boxes(one, in, i, p)
		if err != nil {
			return err
		}
		all[i] = append(all[i], found...)
	}
	return nil
}

// boxes turns the candidates of picture i into detections in the picture as it was given.
func (d *Detector) boxes(rows [][]float32, in picture.Input, i int, p prompt) ([]Detection, error) {
	v := in.View(i)
	frame := glip.Frame{PaddedHeight: in.Height, PaddedWidth: in.Width, Height: v.Content.Height, Width: v.Content.Width}
	found, err := glip.Detections(d.config, rows, frame, glip.Limits{IoU: d.options.IoU, Count: d.options.Max})
	if err != nil {
		return nil, blame(fmt.Errorf("glipvk: %s with weights %s: %w", d.info.Name, d.weights(), err))
	}
	back := v.ToPicture()
	var list []Detection
	for _, f := range found {
		if !(f.Score > d.options.Threshold) {
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
