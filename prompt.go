package glipvk

import (
	"context"
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/executor"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/text"
)

// prompt is one caption ready for the graphs. Sizes are rounded up, unless exact ones are
// asked for: those of the text encoder by this caption, T tokens and L labels of the grounding
// by all captions of the query, so that they share a program.
type prompt struct {
	text.Prompt
	key    string    // what is kept encoded is found by
	words  int       // tokens of the caption
	heard  []int     // indices in Labels of those that a token stands for
	tokens [][]int   // of each of them
	ids    []float32 // of the text encoder, whole numbers, 0 for padding
	hides  []float32 // of the text encoder, 0 for a token, glip.Masked for padding
	mask   []float32 // [T], likewise, of the grounding
	owned  []float32 // [L, T], 1 where a token stands for a label
	labels int       // L
}

// prompts tokenises the captions of a query. A long list of names, or the tagger when it is
// first needed, takes longer than some callers have.
func (d *Detector) prompts(ctx context.Context, q Query) ([]prompt, error) {
	if err := d.opened(); err != nil {
		return nil, err
	}
	return executor.Apart(ctx, func() ([]prompt, error) { return d.sized(q, d.options.ExactSizes) })
}

// exact is prompts with exact sizes.
func (d *Detector) exact(ctx context.Context, q Query) ([]prompt, error) {
	if err := d.opened(); err != nil {
		return nil, err
	}
	return executor.Apart(ctx, func() ([]prompt, error) { return d.sized(q, true) })
}

// sized tokenises for exact sizes or rounded ones. Captions in which nothing is heard are left out.
func (d *Detector) sized(q Query, exact bool) ([]prompt, error) {
	list, err := q.Prompts(d.tokenizer)
	if err != nil {
		return nil, blame(err)
	}
	var prompts []prompt
	longest, most := 0, 0
	for _, p := range list {
		h, err := d.tokenizer.Hear(p, d.config.MaxTokens)
		if err != nil {
			return nil, blame(err)
		}
		if len(h.Labels) == 0 {
			continue
		}
		size := len(h.IDs)
		if !exact {
			size = glip.RoundCaption(size, d.config.MaxTokens)
		}
		out := prompt{Prompt: p, key: fmt.Sprint(size, h.IDs), words: len(h.IDs), heard: h.Labels, tokens: h.Tokens, ids: make([]float32, size), hides: masked(len(h.IDs), size)}
		for t, id := range h.IDs {
			out.ids[t] = float32(id)
		}
		prompts = append(prompts, out)
		longest, most = max(longest, len(h.IDs)), max(most, len(h.Labels))
	}
	for i := range prompts {
		p := &prompts[i]
		if exact {
			p.rule(len(p.ids), len(p.heard))
			continue
		}
		tokens := glip.RoundTokens(longest, d.config.MaxTokens)
		p.rule(tokens, glip.RoundLabels(most, tokens))
	}
	return prompts, nil
}

// masked is the mask of so many tokens in a caption of a size.
func masked(tokens, size int) []float32 {
	mask := make([]float32, size)
	for t := min(tokens, size); t < size; t++ {
		mask[t] = glip.Masked
	}
	return mask
}

// rule draws up what the grounding is told of a caption of so many tokens and labels.
func (p *prompt) rule(tokens, labels int) {
	p.mask, p.labels, p.owned = masked(p.words, tokens), labels, make([]float32, labels*tokens)
	for l, list := range p.tokens {
		for _, t := range list {
			p.owned[l*tokens+t] = 1
		}
	}
}

// language is the size of the language graph for a prompt.
func (p prompt) language() glip.Language { return glip.Language{Batch: 1, Tokens: len(p.ids)} }

// size is that of the grounding graph for a prompt and pictures.
func (d *Detector) size(s InputSize, p prompt) glip.Grounding {
	return glip.Grounding{
		Batch: s.Batch, Height: s.Height, Width: s.Width, Tokens: len(p.mask), Labels: p.labels,
		Threshold: d.options.Probability, PerLevel: d.options.PerLevel, Aggregate: d.options.Aggregate,
	}
}

// inputs are those of the grounding graph behind the maps, hidden [B, T, D], mask [B, T] and owned [B, L, T], for pictures
// with a prompt of one size each; hidden is what the text encoder made of it.
func inputs(list []prompt, hidden [][]float32) [][]float32 {
	var rows, mask, owned []float32
	for i, p := range list {
		row := make([]float32, len(p.mask)*len(hidden[i])/len(p.ids)) // what is padding there or here is masked
		copy(row, hidden[i])
		rows, mask, owned = append(rows, row...), append(mask, p.mask...), append(owned, p.owned...)
	}
	return [][]float32{rows, mask, owned}
}

// alike are the inputs of a prompt that is that of all pictures.
func (p prompt) alike(hidden []float32, batch int) [][]float32 {
	return inputs(slices.Repeat([]prompt{p}, batch), slices.Repeat([][]float32{hidden}, batch))
}

// hidden is the encoded caption of a prompt; known says that this call did not encode it.
func (d *Detector) hidden(ctx context.Context, p prompt) (hidden []float32, known bool, err error) {
	known = true
	it, err := d.read.Get(ctx, p.key, func(ctx context.Context) ([]float32, error) {
		known = false
		values, _, err := d.language.Host(ctx, p.language(), executor.Host(p.ids), executor.Host(p.hides))
		if err != nil {
			return nil, err
		}
		return values[0], d.checkFinite("the encoded caption", values[0])
	})
	if err != nil {
		return nil, false, err
	}
	defer d.read.Release(it)
	return it.Value, known, nil // a slice, which is not given back
}
