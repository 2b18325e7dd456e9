package text

import "fmt"

// Span is a part of a caption, [Begin, End) in Unicode code points.
type Span struct{ Begin, End int }

// reach is how far the original looks on when a span's edge hits a space or a
// deleted character.
const reach = 3

// Positive returns, for every span, the indices of the tokens that stand for it:
// the phrase-to-token map, [labels][tokens], GLIP's positive map (create_positive_map
// and create_positive_map_label_to_token_from_positive_map of
// maskrcnn_benchmark/engine/predictor_glip.py and inference.py; its label i+1 is
// element i). [CLS] is index 0 and belongs to nobody. Where an edge of the span hits
// no token, up to two more characters are tried, inwards. A span that finds none, an
// empty name for example, has no tokens and can never be detected. Tokens from
// MaxTokens-1 on are left out: there the model reads [SEP].
//
// Make the map from the whole encoding, not from a truncated one. A span that is
// not within the text, or ends before it begins, is an error that wraps
// [ErrCaption].
func (e Encoding) Positive(spans []Span) ([][]int, error) {
	tokenAt := e.tokenAt()
	owned := make([][]int, len(spans))
	for i, s := range spans {
		if err := s.within(e.length); err != nil {
			return nil, fmt.Errorf("text: span %d: %w", i, err)
		}
		owned[i] = []int{}
		first, last := none, none
		for k := 0; k < reach && first == none; k++ {
			first = tokenAt(s.Begin + k)
		}
		for k := 0; k < reach && last == none; k++ {
			last = tokenAt(s.End - 1 - k)
		}
		if first == none || last == none {
			continue
		}
		for token := first; token <= min(last, MaxTokens-2); token++ {
			owned[i] = append(owned[i], token)
		}
	}
	return owned, nil
}

// none is the index of no token.
const none = -1

// tokenAt returns a function from a code point to the first token that covers it,
// or none: char_to_token of transformers, whose answer for characters outside the
// text is also none.
func (e Encoding) tokenAt() func(at int) int {
	table := make([]int, e.length)
	for i := range table {
		table[i] = none
	}
	for i, token := range e.Tokens {
		for at := token.Begin; at < token.End; at++ {
			if table[at] == none {
				table[at] = i
			}
		}
	}
	return func(at int) int {
		if at < 0 || at >= len(table) {
			return none
		}
		return table[at]
	}
}

// within refuses a span that is not inside a text of length code points.
func (s Span) within(length int) error {
	if s.Begin < 0 || s.End < s.Begin || s.End > length {
		return fmt.Errorf("%w: [%d, %d) does not lie within the %d characters of the caption", ErrCaption, s.Begin, s.End, length)
	}
	return nil
}
