package text

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

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

// Unsaid returns the words of a sentence that no label covers, but for articles, pronouns,
// prepositions, auxiliary verbs and the like: what is not looked for, though it may be meant.
func (p Prompt) Unsaid() []string {
	runes := []rune(p.Text)
	covered := make([]bool, len(runes)+1)
	for _, label := range p.Labels {
		for i := max(label.Span.Begin, 0); i < min(label.Span.End, len(runes)); i++ {
			covered[i] = true
		}
	}
	var words []string
	for begin := 0; begin < len(runes); begin++ {
		end := begin
		for end < len(runes) && !covered[end] && (unicode.IsLetter(runes[end]) || unicode.IsDigit(runes[end]) || end > begin && strings.ContainsRune("'’-.", runes[end])) {
			end++
		}
		if end == begin {
			continue
		}
		word := strings.TrimRight(string(runes[begin:end]), "'’-.")
		lower := strings.ToLower(word)
		if word != "s" && !slices.Contains(words, word) && !slices.Contains(sentenceWords, lower) && !slices.Contains(prepositions, lower) && !slices.Contains(others, lower) {
			words = append(words, word)
		}
		begin = end
	}
	return words
}

// others are words that name nothing, besides those of sentences and prepositions.
var others = strings.Fields("a an the this that these those of his her its their my your our him them me us not no any some all each every very so too also then than if")

// Silent returns the labels of a prompt that can never be detected: no token that the
// model reads stands for them, because they are empty, consist of deleted characters,
// or lie behind the last token of a caption too long. Errors are those of
// [Tokenizer.Hear].
func (t *Tokenizer) Silent(p Prompt) ([]Label, error) {
	h, err := t.Hear(p, t.limit)
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
