package text

import (
	"fmt"
	"strings"
)

// Query says what to look for in a picture, in one of four ways:
//
//   - Classes, a list of names, as in training and evaluation
//   - Phrases alone, a list of phrases, likewise but for the cleaning of names
//   - Caption with Phrases, Spans or both: these are grounded in it, the phrases first
//   - Caption alone: where it is a list by its separators its names are, see [Parts], as a list of
//     phrases; otherwise its noun phrases, see [NounPhrases]
//
// Each element is one label, counted from 1, and keeps its own name; there may be any
// number.
type Query struct {
	Caption string   // a sentence, valid UTF-8, taken as it is
	Phrases []string // with a caption: the first place where each stands in it, in any case
	Spans   []Span   // of the caption, in Unicode code points
	Classes []string // class names
	Form    Form     // how Classes, or Phrases alone, become a caption; the zero value is evaluation's
}

// A list of more than manyNames names is split into captions of chunkNames, as GLIP
// evaluates LVIS (TEST.CHUNKED_EVALUATION 40); COCO's 80 names are one caption.
const (
	manyNames  = 80
	chunkNames = 40
)

// Prompts turns the query into captions and what is looked for in them. A list is split
// where it has more than 80 names, into captions of at most 40, and where a caption
// would be longer than the tokens that the model reads, 256 unless [Tokenizer.Reading] says fewer; the label of element i of
// a prompt is First + i + 1. A caption of its own is never split: what of it lies behind
// the last token is not read.
//
// A label that no token stands for is never detected, see [Tokenizer.Hear]; a
// query of nothing else is refused. So are one that is empty or mixes ways, text that is
// not UTF-8, a phrase that is not in the caption, a span that is empty or not within it,
// a caption alone in which no noun phrase is found, and a name that fills more than a
// caption by itself. All these errors wrap [ErrCaption].
func (q Query) Prompts(t *Tokenizer) ([]Prompt, error) {
	prompts, err := q.prompts(t)
	if err != nil {
		return nil, err
	}
	if err := heard(t, prompts); err != nil {
		return nil, err
	}
	return prompts, nil
}

// prompts does the work of Prompts, whatever the labels are worth.
func (q Query) prompts(t *Tokenizer) ([]Prompt, error) {
	grounded := len(q.Phrases) + len(q.Spans)
	switch {
	case len(q.Classes) > 0 && (q.Caption != "" || grounded > 0):
		return nil, queryError("class names exclude a caption, phrases and spans")
	case len(q.Classes) > 0:
		return split(t, List{Names: q.Classes, Form: q.Form})
	case q.Caption == "" && len(q.Spans) > 0:
		return nil, queryError("spans need the caption that they are of")
	case q.Caption == "" && grounded > 0:
		form := q.Form
		form.Raw = true
		return split(t, List{Names: q.Phrases, Form: form})
	case q.Caption == "":
		return nil, queryError("it is empty; give a caption, phrases or class names")
	case grounded == 0:
		if parts := Parts(q.Caption); parts != nil {
			return q.parts(t, parts)
		}
		return single(q.nouns())
	}
	entities := make([]Entity, 0, grounded)
	for _, phrase := range q.Phrases {
		entities = append(entities, Entity{Phrase: phrase})
	}
	for _, span := range q.Spans {
		entities = append(entities, Entity{Span: &span})
	}
	return single(Ground(q.Caption, entities...))
}

// queryError is an error of the query as a whole.
func queryError(problem string) error {
	return fmt.Errorf("text: %w: %s", ErrCaption, problem)
}

// parts looks for the names of a caption that is a list. Where full stops part them, which is the
// form that the model was trained with, and all are read, it stays as it is; otherwise it is
// put into that form.
func (q Query) parts(t *Tokenizer, parts []Span) ([]Prompt, error) {
	runes := []rune(q.Caption)
	l := List{Form: Form{Raw: true}}
	var entities []Entity
	stopped, at := true, 0
	for i, p := range parts {
		between := strings.TrimSpace(string(runes[at:p.Begin]))
		stopped = stopped && (between == "." || i == 0 && between == "")
		at = p.End
		l.Names = append(l.Names, string(runes[p.Begin:p.End]))
		entities = append(entities, Entity{Span: &p})
	}
	if rest := strings.TrimSpace(string(runes[at:])); stopped && (rest == "" || rest == ".") && len(parts) <= manyNames {
		if e, err := t.Encode(q.Caption); err == nil && len(e.Tokens) <= t.limit {
			return single(Ground(q.Caption, entities...))
		}
	}
	return split(t, l)
}

// nouns grounds the noun phrases of the caption.
func (q Query) nouns() (Prompt, error) {
	entities, err := NounPhrases(q.Caption)
	if err != nil {
		return Prompt{}, err
	}
	return Ground(q.Caption, entities...)
}

// single is a list of one prompt.
func single(p Prompt, err error) ([]Prompt, error) {
	if err != nil {
		return nil, err
	}
	return []Prompt{p}, nil
}

// split puts a list of names into as many captions as it takes.
func split(t *Tokenizer, l List) ([]Prompt, error) {
	size := 0 // what fits
	if len(l.Names) > manyNames {
		size = chunkNames
	}
	return t.Split(l, t.limit, size)
}

// heard refuses prompts that have no label with a token.
func heard(t *Tokenizer, prompts []Prompt) error {
	var names []string
	for _, p := range prompts {
		silent, err := t.Silent(p)
		if err != nil {
			return err
		}
		if len(silent) < len(p.Labels) {
			return nil
		}
		for _, label := range silent {
			names = append(names, fmt.Sprintf("%.60q", label.Name))
		}
	}
	const most = 5
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("%d more", len(names)-most))
	}
	return queryError(fmt.Sprintf("no token within the first %d stands for %s: nothing can be found; shorten the caption or name something else",
		t.limit, strings.Join(names, ", ")))
}
