package glipvk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-gl/mathgl/mgl64"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
)

// Sight is a batch of pictures that a detector has looked at: what it knows of them stays on
// the device, and a query computes only what concerns its words. It may be used from several
// goroutines; the caller closes it.
type Sight struct {
	d    *Detector
	maps pyramid
	in   picture.Input // without its data
}

// Look encodes pictures, which [Sight.Detect] then asks about as often as you like.
func (d *Detector) Look(ctx context.Context, in picture.Input) (*Sight, error) {
	if err := d.checkInput(in); err != nil {
		return nil, err
	}
	maps, err := d.look(ctx, in)
	if err != nil {
		return nil, err
	}
	return &Sight{d, maps, view(in)}, nil
}

// view is what is kept of an input once it is on the device.
func view(in picture.Input) picture.Input {
	in.Data = nil
	return in
}

// Detect finds the phrases of a query, as [Detector.Detect] does.
func (s *Sight) Detect(ctx context.Context, q Query) ([][]Detection, error) {
	prompts, err := s.d.prompts(q)
	if err != nil {
		return nil, err
	}
	return s.d.detect(ctx, s.maps, s.in, prompts)
}

// Bytes is the memory that the sight holds.
func (s *Sight) Bytes() (n int64) {
	for _, v := range s.maps {
		n += v.Bytes()
	}
	return n
}

// Close gives the memory back; queries fail from then on. Closing again does nothing.
func (s *Sight) Close() error { return s.maps.close() }

// prompt is one caption ready for the graphs. T tokens and L labels are those of the
// programs: rounded up, unless exact sizes are asked for.
type prompt struct {
	text.Prompt
	key    string    // the tokens
	heard  []int     // indices in Labels of those that a token stands for
	tokens int       // T
	labels int       // L
	ids    []float32 // [T], whole numbers
	mask   []float32 // [T], 0 for a token, glip.Masked for padding
	owned  []float32 // [L, T], 1 where a token stands for a label
}

// prompts tokenises the captions of a query.
func (d *Detector) prompts(q Query) ([]prompt, error) { return d.sized(q, d.options.ExactSizes) }

// sized is prompts with exact sizes or rounded ones. Captions in which nothing is heard are left out.
func (d *Detector) sized(q Query, exact bool) ([]prompt, error) {
	list, err := q.Prompts(d.tokenizer)
	if err != nil {
		return nil, blame(err)
	}
	var prompts []prompt
	for _, p := range list {
		h, err := d.tokenizer.Hear(p, d.config.MaxTokens)
		if err != nil {
			return nil, blame(err)
		}
		if len(h.Labels) == 0 {
			continue
		}
		out := prompt{Prompt: p, key: fmt.Sprint(h.IDs), heard: h.Labels, tokens: len(h.IDs), labels: len(h.Labels)}
		if !exact {
			out.tokens, out.labels = glip.RoundTokens(out.tokens, d.config.MaxTokens), glip.RoundLabels(out.labels)
		}
		out.ids, out.mask = make([]float32, out.tokens), make([]float32, out.tokens)
		for t := range out.tokens {
			if t < len(h.IDs) {
				out.ids[t] = float32(h.IDs[t])
			} else {
				out.mask[t] = glip.Masked
			}
		}
		out.owned = make([]float32, out.labels*out.tokens)
		for l, tokens := range h.Tokens {
			for _, t := range tokens {
				out.owned[l*out.tokens+t] = 1
			}
		}
		prompts = append(prompts, out)
	}
	return prompts, nil
}

// language is the size of the language graph for a prompt.
func (p prompt) language() glip.Language { return glip.Language{Batch: 1, Tokens: p.tokens} }

// size is that of the grounding graph for a prompt and pictures.
func (d *Detector) size(s InputSize, p prompt) glip.Grounding {
	return glip.Grounding{
		Batch: s.Batch, Height: s.Height, Width: s.Width, Tokens: p.tokens, Labels: p.labels,
		Threshold: d.options.Probability, PerLevel: d.options.PerLevel, Aggregate: d.options.Aggregate,
	}
}

// inputs are those of the grounding graph behind the maps: each caption for each picture.
func (p prompt) inputs(hidden []float32, batch int) []executor.Value {
	return []executor.Value{
		executor.Host(tiled(hidden, batch)), executor.Host(tiled(p.mask, batch)), executor.Host(tiled(p.owned, batch)),
	}
}

// tiled repeats data.
func tiled(data []float32, times int) []float32 {
	if times == 1 {
		return data
	}
	return slices.Repeat(data, times)
}

// hidden is the encoded caption of a prompt, [T, D].
func (d *Detector) hidden(ctx context.Context, p prompt) (*executor.Item[[]float32], error) {
	return d.read.Get(ctx, fmt.Sprint(p.tokens, p.key), func(ctx context.Context) ([]float32, error) {
		values, _, err := d.language.Host(ctx, p.language(), executor.Host(p.ids), executor.Host(p.mask))
		if err != nil {
			return nil, err
		}
		return values[0], d.checkFinite("the encoded caption", values[0])
	})
}

// detect computes the detections of pictures for all prompts.
func (d *Detector) detect(ctx context.Context, maps pyramid, in picture.Input, prompts []prompt) ([][]Detection, error) {
	all := make([][]Detection, in.Batch)
	for _, p := range prompts {
		hidden, err := d.hidden(ctx, p)
		if err != nil {
			return nil, err
		}
		rows, outputs, err := d.grounding.Host(ctx, d.size(SizeOf(in), p), append(slices.Clone(maps), p.inputs(hidden.Value, in.Batch)...)...)
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
		return nil, blame(fmt.Errorf("glipvk: %s with weights %s: %w", d.info.Name, d.Weights(), err))
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
