package text

import (
	"bufio"
	_ "embed" // the vocabulary of bert-base-uncased
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/glipvk/glipvk/internal/file"
)

//go:embed vocab.txt
var bertVocabulary string

// The special tokens. Written like this in a text, in capitals, they are these
// tokens and not words.
const (
	pad  = "[PAD]"
	unk  = "[UNK]"
	cls  = "[CLS]"
	sep  = "[SEP]"
	mask = "[MASK]" // the only one that a vocabulary may lack: GLIP never predicts words
)

// Limits of a vocabulary file: far above any that is in use, and far below what
// would hurt.
const (
	maxVocabulary = 1 << 22 // lines
	maxLine       = 1 << 12 // bytes
	maxSize       = 1 << 26 // bytes in all
)

// MaxTokens is how many tokens GLIP's text encoder reads, [CLS] and [SEP]
// included (MODEL.LANGUAGE_BACKBONE.MAX_QUERY_LEN).
const MaxTokens = 256

// Tokenizer is BERT's uncased tokenizer with one vocabulary.
type Tokenizer struct {
	tokens       []string         // by id
	whole        map[string]int32 // token -> id
	continuation map[string]int32 // token that began with "##", without it -> id
	longest      int              // bytes of the longest token, "##" not counted
	limit        int              // tokens of a caption that the model reads
	unk          int32
	cls          int32
	sep          int32
}

var bert = sync.OnceValue(func() *Tokenizer {
	t, err := Read(strings.NewReader(bertVocabulary))
	if err != nil {
		panic(err) // the embedded file is ours, and a test reads it
	}
	return t
})

// BERT returns the tokenizer with the embedded vocabulary of bert-base-uncased,
// 30522 tokens, which every published GLIP uses.
func BERT() *Tokenizer { return bert() }

// Open reads a vocabulary from a file; see [Read]. Errors name the file.
func Open(path string) (*Tokenizer, error) {
	f, _, err := file.Open(path)
	if err != nil {
		return nil, fmt.Errorf("text: vocabulary: %w", err)
	}
	defer f.Close()
	t, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// Read reads a WordPiece vocabulary: one token a line, the id of a token being
// the number of its line from 0; "##" marks a piece that continues a word. It
// must hold [PAD], [UNK], [CLS] and [SEP]. What is refused (an empty or repeated
// line, no UTF-8, a missing special token) wraps [ErrVocabulary].
func Read(r io.Reader) (*Tokenizer, error) {
	t := &Tokenizer{whole: map[string]int32{}, continuation: map[string]int32{}, limit: MaxTokens}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, maxLine), maxLine)
	for size := 0; lines.Scan(); {
		if size += len(lines.Bytes()); size > maxSize {
			return nil, fmt.Errorf("text: %w: it is longer than %d bytes", ErrVocabulary, maxSize)
		}
		if err := t.add(lines.Text()); err != nil {
			return nil, fmt.Errorf("text: %w: line %d %w", ErrVocabulary, len(t.tokens)+1, err)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, fmt.Errorf("text: %w: line %d is longer than %d bytes", ErrVocabulary, len(t.tokens)+1, maxLine)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("text: vocabulary: line %d: %w", len(t.tokens)+1, err)
	}
	for _, token := range []string{pad, unk, cls, sep} {
		if _, ok := t.whole[token]; !ok {
			return nil, fmt.Errorf("text: %w: none of its %d lines is %s; give the vocab.txt that belongs to the checkpoint",
				ErrVocabulary, len(t.tokens), token)
		}
	}
	t.unk, t.cls, t.sep = t.whole[unk], t.whole[cls], t.whole[sep]
	return t, nil
}

// add appends the token of the next line. Its errors continue "line N ...".
func (t *Tokenizer) add(token string) error {
	id := len(t.tokens)
	switch earlier, repeated := t.whole[token]; {
	case token == "":
		return errors.New("is empty")
	case !utf8.ValidString(token):
		return errors.New("is not UTF-8")
	case repeated:
		return fmt.Errorf("repeats %q of line %d", token, earlier+1)
	case id == maxVocabulary:
		return fmt.Errorf("is one too many: at most %d are read", maxVocabulary)
	}
	t.tokens = append(t.tokens, token)
	t.whole[token] = int32(id)
	piece, continues := strings.CutPrefix(token, "##")
	if continues && piece != "" {
		t.continuation[piece] = int32(id)
	}
	t.longest = max(t.longest, len(piece))
	return nil
}

// Size is the number of tokens in the vocabulary: ids run from 0 to Size()-1.
func (t *Tokenizer) Size() int { return len(t.tokens) }

// Reading is the tokenizer of a model that reads at most limit tokens of a caption, [CLS] and [SEP] included, where others
// read [MaxTokens].
func (t *Tokenizer) Reading(limit int) *Tokenizer {
	other := *t
	other.limit = min(max(limit, 2), MaxTokens)
	return &other
}

// Limit is how many tokens of a caption the model reads; see [Tokenizer.Reading].
func (t *Tokenizer) Limit() int { return t.limit }

// Tokens are all tokens of the vocabulary, by their ids: the lines that [Read] reads.
func (t *Tokenizer) Tokens() []string { return slices.Clone(t.tokens) }

// Token returns the vocabulary's line of an id, and false when there is none.
func (t *Tokenizer) Token(id int32) (string, bool) {
	if id < 0 || int(id) >= len(t.tokens) {
		return "", false
	}
	return t.tokens[id], true
}
