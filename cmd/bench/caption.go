package main

import (
	"fmt"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/cmd/internal/cli"
	"github.com/glipvk/glipvk/text"
)

// defaultTokens is the length of the caption that is measured unless the flags say
// otherwise, [CLS] and [SEP] included: the length that the costs of GLIP are stated for.
const defaultTokens = 20

// Words of captions, each a token in BERT's vocabulary.
var (
	describing = strings.Fields("small red old young white large black green little blue brown yellow wooden tall")
	things     = strings.Fields("dog car tree cat house horse boat chair table bird bus man woman child train person bicycle")
)

// words are those that are a token each in the vocabulary at hand.
type words struct{ describing, things []string }

// knownWords finds them. The error is one of usage where there are none.
func knownWords(t *text.Tokenizer) (w words, err error) {
	known := func(list []string) (kept []string) {
		for _, word := range list {
			if e, err := t.Encode(word); err == nil && len(e.IDs()) == 3 { // with [CLS] and [SEP]
				kept = append(kept, word)
			}
		}
		return kept
	}
	w = words{known(describing), known(things)}
	if len(w.describing) == 0 || len(w.things) == 0 {
		return w, cli.Usage("the vocabulary has none of the words that captions are made of, such as %q and %q; give another --vocab",
			describing[0], things[0])
	}
	return w, nil
}

// caption makes one of exactly so many tokens, [CLS] and [SEP] included, with so many
// phrases, such as "small old dog . red young car .". Captions of different variants
// differ in their words alone. There are at least three tokens and a phrase, and at most
// as many phrases as words.
func (w words) caption(tokens, phrases, variant int) glipvk.Query {
	var q glipvk.Query
	var list []string
	at := 0 // in code points
	for p := range phrases {
		first, next := p*(tokens-2)/phrases, (p+1)*(tokens-2)/phrases
		n := next - first // words of the phrase, with its full stop where there are two or more
		for i := range n {
			word := w.describing[(first+i+variant)%len(w.describing)]
			switch {
			case i == n-1 && n > 1:
				word = "."
			case i == max(n-2, 0):
				word = w.things[(p+variant)%len(w.things)]
				q.Spans = append(q.Spans, text.Span{Begin: at, End: at + len(word)})
			}
			list = append(list, word)
			at += len(word) + 1
		}
		for _, before := range list[first : first+max(n-2, 0)] { // the words before belong to it
			q.Spans[p].Begin -= len(before) + 1
		}
	}
	q.Caption = strings.Join(list, " ")
	return q
}

// caption is a query and what of it decides the work.
type caption struct {
	Text   string `json:"text"`
	Tokens int    `json:"tokens"` // [CLS] and [SEP] included
	Labels int    `json:"labels"`
	query  glipvk.Query
}

// measuredCaption reads a query as the detector does. The error is one of usage where there are none.
func measuredCaption(t *text.Tokenizer, q glipvk.Query) (caption, error) {
	prompts, err := q.Prompts(t)
	if err != nil {
		return caption{}, err
	}
	whole, err := t.Encode(prompts[0].Text)
	if err != nil {
		return caption{}, err
	}
	tokens := len(whole.Truncated(text.MaxTokens).IDs())
	return caption{Text: prompts[0].Text, Tokens: tokens, Labels: len(prompts[0].Labels), query: q}, nil
}

// captions are the one to measure and another of the same sizes, for which no program has
// to be made.
func (f flags) captions(t *text.Tokenizer) (list [2]caption, err error) {
	w, err := knownWords(t)
	if err != nil {
		return list, err
	}
	q := w.caption(f.tokens, f.tokens/3, 0)
	if f.caption != "" {
		q = glipvk.Query{Caption: f.caption}
	}
	if list[0], err = measuredCaption(t, q); err != nil {
		return list, err
	}
	tokens, labels := list[0].Tokens, list[0].Labels
	if tokens < 3 {
		return list, cli.Usage("--caption %q has no token", f.caption)
	}
	other := w.caption(tokens, min(labels, tokens-2), 1)
	for len(other.Spans) < labels {
		other.Spans = append(other.Spans, other.Spans[0])
	}
	list[1], err = measuredCaption(t, other)
	if err == nil && (list[1].Tokens != tokens || list[1].Labels != labels) {
		err = fmt.Errorf("the second caption has %d tokens and %d phrases, the first %d and %d", list[1].Tokens, list[1].Labels, tokens, labels)
	}
	return list, err
}
