package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Entity is something to look for in a sentence: a phrase of it, a span of it, or
// a span with a phrase to name it by.
type Entity struct {
	Phrase string
	Span   *Span // nil: the first place where Phrase stands, in any case
}

// Ground makes a prompt of a sentence and entities in it. The caption is the
// sentence as it is. A phrase without a span is searched for as it is, upper and
// lower case alike, also inside longer words; the original searches for it as a
// regular expression (compute_prediction of
// maskrcnn_benchmark/engine/predictor_glip.py). A span without a phrase is named by
// its text.
//
// No entities or more than [MaxNames], a sentence longer than [MaxCaption] or a phrase
// longer than [MaxName], a sentence or phrase that is not UTF-8, a phrase that is empty or
// not in the sentence, and a span that is empty or not within it are errors that
// wrap [ErrCaption].
func Ground(sentence string, entities ...Entity) (Prompt, error) {
	if err := readable(sentence, MaxCaption); err != nil {
		return Prompt{}, fmt.Errorf("text: sentence: %w", err)
	}
	if len(entities) == 0 {
		return Prompt{}, fmt.Errorf("text: %w: no phrase or span of the sentence is given", ErrCaption)
	}
	if err := few(len(entities), "phrases and spans"); err != nil {
		return Prompt{}, fmt.Errorf("text: %w", err)
	}
	runes := []rune(sentence)
	lower := strings.Map(unicode.ToLower, sentence)
	p := Prompt{Text: sentence, Labels: make([]Label, len(entities))}
	for i, entity := range entities {
		label, err := entity.label(runes, lower)
		if err != nil {
			return Prompt{}, fmt.Errorf("text: entity %d: %w", i, err)
		}
		p.Labels[i] = label
	}
	return p, nil
}

// label finds an entity in a sentence, which is also given in lower case, character by
// character, so that a place in one is one in the other.
func (e Entity) label(sentence []rune, lower string) (Label, error) {
	if err := readable(e.Phrase, MaxName); err != nil {
		return Label{}, err
	}
	if e.Span != nil {
		if err := e.Span.within(len(sentence)); err != nil {
			return Label{}, err
		}
		if e.Span.Begin == e.Span.End {
			return Label{}, fmt.Errorf("%w: the span [%d, %d) is empty", ErrCaption, e.Span.Begin, e.Span.End)
		}
		label := Label{Name: e.Phrase, Span: *e.Span}
		if label.Name == "" {
			label.Name = string(sentence[label.Span.Begin:label.Span.End])
		}
		return label, nil
	}
	if e.Phrase == "" {
		return Label{}, fmt.Errorf("%w: it has neither a phrase nor a span", ErrCaption)
	}
	at := strings.Index(lower, strings.Map(unicode.ToLower, e.Phrase))
	if at < 0 {
		return Label{}, fmt.Errorf("%w: the phrase %s does not stand in the sentence %s; give its words as they stand there, or a span",
			ErrCaption, quote(e.Phrase), quote(string(sentence)))
	}
	begin := utf8.RuneCountInString(lower[:at])
	return Label{Name: e.Phrase, Span: Span{begin, begin + utf8.RuneCountInString(e.Phrase)}}, nil
}
