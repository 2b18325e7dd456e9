package text

import (
	"fmt"
	"strings"
)

// maxWord is the length in characters, after normalisation, above which a word is
// unknown (max_input_chars_per_word of WordPiece).
const maxWord = 100

// Token is one token of a caption and where it lies in the original text: what
// was deleted inside it (accents, control characters) is within, not counted
// apart. [CLS] at the front and [SEP] at the end lie nowhere, their four places
// are 0. Pieces of one decomposed character (Hangul) share its place.
type Token struct {
	ID                 int32  // line of the vocabulary, from 0
	Text               string // that line: lower case, "##" before a piece that continues a word
	Begin, End         int    // code points of the text, End not included
	ByteBegin, ByteEnd int    // the same in bytes
}

// Encoding is a whole caption in tokens, [CLS] first and [SEP] last, of any
// length.
type Encoding struct {
	Tokens []Token
	length int // code points of the text
}

// Encode splits a caption into tokens. Any text has a result: an empty one, and
// one of spaces or of characters that are deleted, is [CLS] [SEP]; separators
// alone are tokens. Nothing is cut off, see [Encoding.Truncated]. A text that is
// longer than [MaxCaption] or not valid UTF-8 is refused with an error that wraps
// [ErrCaption].
func (t *Tokenizer) Encode(text string) (Encoding, error) {
	if err := readable(text, MaxCaption); err != nil {
		return Encoding{}, fmt.Errorf("text: caption: %w", err)
	}
	e := &encoder{Tokenizer: t, starts: starts(text), tokens: []Token{{ID: t.cls, Text: cls}}}
	plain, at := 0, 0 // first code point since the last special token; where we are
	for ; at < len(e.starts)-1; at++ {
		id, length := t.special(text[e.starts[at]:])
		if length == 0 {
			continue
		}
		e.plain(text[e.starts[plain]:e.starts[at]], plain)
		e.add(id, at, at+length)
		plain = at + length
		at = plain - 1
	}
	e.plain(text[e.starts[plain]:], plain)
	e.tokens = append(e.tokens, Token{ID: t.sep, Text: sep})
	return Encoding{Tokens: e.tokens, length: len(e.starts) - 1}, nil
}

// starts returns the byte at which every code point begins, and the text's length.
func starts(text string) []int {
	at := make([]int, 0, len(text)+1)
	for i := range text {
		at = append(at, i)
	}
	return append(at, len(text))
}

// special finds the special token that text begins with, and its length in
// characters; 0 where there is none.
func (t *Tokenizer) special(text string) (id int32, length int) {
	if text[0] != '[' {
		return 0, 0
	}
	for _, token := range []string{pad, unk, cls, sep, mask} {
		if id, known := t.whole[token]; known && strings.HasPrefix(text, token) {
			return id, len(token)
		}
	}
	return 0, 0
}

// encoder is what one call of Encode carries along.
type encoder struct {
	*Tokenizer
	starts []int // byte of every code point, and the end
	tokens []Token
}

// add appends a token at code points [begin, end).
func (e *encoder) add(id int32, begin, end int) {
	e.tokens = append(e.tokens, Token{
		ID: id, Text: e.Tokenizer.tokens[id],
		Begin: begin, End: end,
		ByteBegin: e.starts[begin], ByteEnd: e.starts[end],
	})
}

// plain appends the tokens of a text without special tokens that begins at code
// point first.
func (e *encoder) plain(text string, first int) {
	if text != "" {
		words(normalize(text, first), e.word)
	}
}

// word appends the pieces of a word: from the left, the longest that the
// vocabulary has. A word of which some place has no match is unknown as a whole
// (tokenizers/src/models/wordpiece/mod.rs).
func (e *encoder) word(word []char) {
	before := len(e.tokens)
	unknown := func() {
		e.tokens = e.tokens[:before]
		e.add(e.unk, word[0].from, word[len(word)-1].from+1)
	}
	if len(word) > maxWord {
		unknown()
		return
	}
	var spelt strings.Builder
	at := make([]int, 0, maxWord+1) // byte of spelt at which every character begins
	for _, c := range word {
		at = append(at, spelt.Len())
		spelt.WriteRune(c.r)
	}
	at = append(at, spelt.Len())
	known := e.whole
	for begin := 0; begin < len(word); known = e.continuation {
		id, end := int32(0), len(word)
		for found := false; ; end-- {
			if end == begin {
				unknown()
				return
			}
			if at[end]-at[begin] > e.longest {
				continue
			}
			if id, found = known[spelt.String()[at[begin]:at[end]]]; found {
				break
			}
		}
		e.add(id, word[begin].from, word[end-1].from+1)
		begin = end
	}
}

// IDs returns the ids of the tokens, [T].
func (e Encoding) IDs() []int32 {
	ids := make([]int32, len(e.Tokens))
	for i, token := range e.Tokens {
		ids[i] = token.ID
	}
	return ids
}

// Truncated returns the encoding cut to at most limit tokens as the model reads
// it: the first limit-1 and [SEP]. limit is usually [MaxTokens]; below 2 it is 2.
// The receiver is not changed.
func (e Encoding) Truncated(limit int) Encoding {
	limit = max(limit, 2)
	if len(e.Tokens) <= limit {
		return e
	}
	last := e.Tokens[len(e.Tokens)-1]
	e.Tokens = append(e.Tokens[:limit-1:limit-1], last)
	return e
}
