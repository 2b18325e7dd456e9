package glipvk

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"unicode"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/loader"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/text"
)

// Card is what a file of weights says of the detector that they are of, in its metadata ([loader.Checkpoint.Metadata]): with
// it the file needs no other to be opened. Package train writes it. The zero value says nothing.
type Card struct {
	Config     *glip.Config         // the architecture; nil where the file says nothing
	Vocabulary *text.Tokenizer      // of the text encoder; nil for bert-base-uncased's
	Size       picture.DetectorSize // that pictures were brought to; the zero value is not known

	// About is what else is known of the weights, such as "commit", "seed", "steps" or "ap": keys of small letters, digits and
	// "_.-", and a line of text for each.
	About map[string]string
}

// CardPrefix begins the keys of a card in a file's metadata.
const CardPrefix = "glipvk."

// The keys that are not of [Card.About].
const (
	cardConfig     = "config"     // JSON
	cardVocabulary = "vocabulary" // tokens, one a line
	cardSize       = "size"       // as [picture.ParseDetectorSize] reads it
)

// Bounds of what a file says, in bytes and entries: far above what is in use.
const (
	mostConfig = 1 << 16
	mostAbout  = 64
	mostSaid   = 1 << 12
)

// ErrCard is wrapped by every error about what a file says of its own weights. Remedy: fetch the file again, or give
// the architecture (DetectorOptions.Arch) with a file that says nothing.
var ErrCard = errors.New("what the file says of its weights is damaged")

var aboutKey = regexp.MustCompile(`^[a-z][a-z0-9_.-]{0,63}$`)

// Metadata is the card as it stands in a file. The error wraps [ErrInput] where About is not as its comment says.
func (c Card) Metadata() (map[string]string, error) {
	if c.Config == nil {
		return nil, blame(errors.New("glipvk: a card without Config says nothing"))
	}
	said := map[string]string{CardPrefix + "program": program()}
	for key, value := range c.About {
		if err := checkAbout(key, value); err != nil {
			return nil, blame(fmt.Errorf("glipvk: Card.About: %w", err))
		}
		said[CardPrefix+key] = value
	}
	if len(said) > mostAbout {
		return nil, blame(fmt.Errorf("glipvk: Card.About has %d entries, want %d at most", len(said), mostAbout))
	}
	config, err := json.Marshal(c.Config)
	if err != nil {
		return nil, blame(fmt.Errorf("glipvk: Card.Config: %w", err))
	}
	said[CardPrefix+cardConfig] = string(config)
	if c.Vocabulary != nil && !same(c.Vocabulary, text.BERT()) {
		said[CardPrefix+cardVocabulary] = strings.Join(c.Vocabulary.Tokens(), "\n")
	}
	if size := c.Size.String(); size != "" {
		said[CardPrefix+cardSize] = size
	}
	return said, nil
}

// same says whether two vocabularies are one.
func same(a, b *text.Tokenizer) bool { return a == b || slices.Equal(a.Tokens(), b.Tokens()) }

// checkAbout refuses what is no entry of [Card.About].
func checkAbout(key, value string) error {
	switch {
	case !aboutKey.MatchString(key), key == cardConfig, key == cardVocabulary, key == cardSize:
		return fmt.Errorf("key %.80q: want up to 64 small letters, digits, \"_\", \".\" and \"-\", not config, vocabulary or size", key)
	case len(value) > mostSaid, strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%s is %.80q: want a line of at most %d bytes that can be printed", key, value, mostSaid)
	}
	return nil
}

// program names this module and its version, as the go command noted it.
func program() string {
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range append(info.Deps, &info.Main) {
			if m.Path == "github.com/glipvk/glipvk" && m.Version != "" {
				version = m.Version
			}
		}
	}
	return "glipvk " + version
}

// OpenCard reads the card of a checkpoint, of which entry is as [OpenCheckpoint] takes it; the zero value where
// the file says nothing. Errors are those of [OpenCheckpoint] and [ReadCard].
func OpenCard(path, entry string) (Card, error) {
	file, _, err := OpenCheckpoint(path, entry)
	if err != nil {
		return Card{}, blame(err)
	}
	c, err := ReadCard(file)
	return c, errors.Join(err, file.Close())
}

// ReadCard reads what an open checkpoint says of its weights; the zero value where it says nothing. It is not trusted: an
// architecture that is none, or not that of the tensors, a vocabulary of another size, and what is too long or cannot
// be printed are refused with an error that wraps [ErrCard] and [ErrInput].
func ReadCard(file *loader.Checkpoint) (Card, error) {
	said := map[string]string{}
	for key, value := range file.Metadata() {
		if key, ours := strings.CutPrefix(key, CardPrefix); ours {
			said[key] = value
		}
	}
	if _, ok := said[cardConfig]; !ok {
		return Card{}, nil
	}
	c, err := parseCard(said)
	if err == nil {
		err = c.fits(file)
	}
	if err != nil {
		return Card{}, blame(fmt.Errorf("glipvk: %s: %w: %w", file.Path(), ErrCard, err))
	}
	return c, nil
}

// parseCard reads a card by its keys without the prefix.
func parseCard(said map[string]string) (c Card, err error) {
	if n := len(said[cardConfig]); n > mostConfig {
		return c, fmt.Errorf("%s has %d bytes, want %d at most", cardConfig, n, mostConfig)
	}
	cfg, err := glip.ParseConfig([]byte(said[cardConfig]))
	if err != nil {
		return c, fmt.Errorf("%s: %w", cardConfig, err)
	}
	c.Config = &cfg
	if words, ok := said[cardVocabulary]; ok {
		if c.Vocabulary, err = text.Read(strings.NewReader(words)); err != nil {
			return c, fmt.Errorf("%s: %w", cardVocabulary, err)
		}
	}
	if n := c.tokenizer().Size(); n != cfg.Text.VocabSize {
		return c, fmt.Errorf("%s has %d tokens, %s has rows for %d", cardVocabulary, n, cardConfig, cfg.Text.VocabSize)
	}
	if c.Size, err = picture.ParseDetectorSize(said[cardSize]); err != nil {
		return c, err
	}
	c.About = maps.Clone(said)
	for _, key := range []string{cardConfig, cardVocabulary, cardSize} {
		delete(c.About, key)
	}
	if len(c.About) > mostAbout {
		return c, fmt.Errorf("%d entries, want %d at most", len(c.About), mostAbout)
	}
	for key, value := range c.About {
		if err := checkAbout(key, value); err != nil {
			return c, err
		}
	}
	return c, nil
}

// fits compares the architecture with what the shapes of the tensors say of it.
func (c Card) fits(file *loader.Checkpoint) error {
	read, _, err := glip.Infer(file)
	if err != nil {
		return err
	}
	if d := glip.Differences(read, *c.Config); d != nil {
		return fmt.Errorf("%s is not of these tensors: %s", cardConfig, strings.Join(d, "; "))
	}
	return nil
}

// tokenizer is that of the card's vocabulary.
func (c Card) tokenizer() *text.Tokenizer {
	if c.Vocabulary == nil {
		return text.BERT()
	}
	return c.Vocabulary
}
