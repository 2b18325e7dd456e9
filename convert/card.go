package convert

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"

	"github.com/glipvk/glipvk"
	"github.com/glipvk/glipvk/text"
)

// says is what the file is to say besides its tensors: what the one that is read says and others than this project may look
// for, and the card of a detector whose architecture is known.
func (m *model) says(o Options) (map[string]string, error) {
	said := map[string]string{}
	for key, value := range m.src.Metadata() {
		if !strings.HasPrefix(key, glipvk.CardPrefix) {
			said[key] = value
		}
	}
	if m.detector == nil {
		if !reflect.DeepEqual(o.Card, glipvk.Card{}) {
			return nil, errors.New("convert: what a file says of itself is said of a whole detector, and a backbone is written: leave Options.Card out")
		}
		return said, nil
	}
	card := glipvk.Card{Config: m.detector, Vocabulary: m.card.Vocabulary, Size: m.card.Size, About: map[string]string{}}
	maps.Copy(card.About, m.card.About)
	maps.Copy(card.About, o.Card.About)
	if o.Card.Vocabulary != nil {
		card.Vocabulary = o.Card.Vocabulary
	}
	card.Size = cmp.Or(o.Card.Size, card.Size)
	if !m.known {
		if len(o.Card.About) > 0 || o.Card.Vocabulary != nil || card.Size != m.card.Size {
			return nil, fmt.Errorf("convert: %s does not say what it is of, so that nothing can be said of it: give the architecture (Card.Config)", m.src.Path())
		}
		m.note("the file does not say what it is of, nor will this one: shapes do not tell all of an architecture (Card.Config)")
		return said, nil
	}
	words := card.Vocabulary
	if words == nil {
		words = text.BERT()
	}
	if n, rows := words.Size(), m.detector.Text.VocabSize; n != rows {
		return nil, fmt.Errorf("convert: the vocabulary has %d tokens, the detector rows for %d: give the vocab.txt that belongs to it (Card.Vocabulary)", n, rows)
	}
	own, err := card.Metadata()
	if err != nil {
		return nil, err
	}
	maps.Copy(said, own)
	return said, nil
}
