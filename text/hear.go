package text

import "fmt"

// Heard is what the model reads of a prompt: its tokens, and of its labels those that a
// token stands for. The others can never be detected, so that leaving them out changes
// nothing but the work.
type Heard struct {
	IDs    []int32 // of the tokens, [CLS] and [SEP] included
	Labels []int   // indices in the prompt's Labels, rising; element i of Tokens is of element i
	Tokens [][]int // indices in IDs, rising, at least one for each
}

// Hear returns what a model that reads at most limit tokens (usually [MaxTokens]) hears
// of a prompt; Labels is empty where nothing can be found. A prompt whose caption or
// spans are unusable is an error that wraps [ErrCaption].
func (t *Tokenizer) Hear(p Prompt, limit int) (Heard, error) {
	whole, err := t.Encode(p.Text)
	if err != nil {
		return Heard{}, err
	}
	owned, err := whole.Positive(p.Spans())
	if err != nil {
		return Heard{}, fmt.Errorf("text: caption %s: %w", quote(p.Text), err)
	}
	h := Heard{IDs: whole.Truncated(limit).IDs()}
	for i, tokens := range owned {
		for len(tokens) > 0 && tokens[len(tokens)-1] >= len(h.IDs)-1 { // [SEP]'s place, or behind it
			tokens = tokens[:len(tokens)-1]
		}
		if len(tokens) > 0 {
			h.Labels, h.Tokens = append(h.Labels, i), append(h.Tokens, tokens)
		}
	}
	return h, nil
}

// Silent returns the labels of a prompt that can never be detected: no token that the
// model reads stands for them, because they are empty, consist of deleted characters,
// or lie behind the last token of a caption too long. Errors are those of
// [Tokenizer.Hear].
func (t *Tokenizer) Silent(p Prompt) ([]Label, error) {
	h, err := t.Hear(p, MaxTokens)
	if err != nil {
		return nil, err
	}
	var silent []Label
	heard := h.Labels
	for i, label := range p.Labels {
		if len(heard) > 0 && heard[0] == i {
			heard = heard[1:]
		} else {
			silent = append(silent, label)
		}
	}
	return silent, nil
}
