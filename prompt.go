package glipvk

import (
	"context"
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/text"
)

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
