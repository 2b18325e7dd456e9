package glipvk

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/text"
	"github.com/glipvk/glipvk/world"
)

// FindDetector finds a detector's architecture and vocabulary as [LoadDetector] does, and reads no weights.
func FindDetector(name string, o DetectorOptions) (Info, *text.Tokenizer, error) {
	info, card, err := o.architecture(name)
	if err != nil {
		return Info{}, nil, err
	}
	if card.Config == nil && info.Name == world.Name {
		card = own()
	}
	t, err := vocabulary(info, card, o.Vocabulary)
	if err != nil {
		return Info{}, nil, blame(err)
	}
	return info, t.Reading(info.Detector.MaxTokens), nil
}

// architecture finds that of a detector, and what the file of its weights says of itself.
func (o DetectorOptions) architecture(name string) (Info, Card, error) {
	o.Weights = o.weightsOf(name)
	card, err := o.card()
	if err != nil {
		return Info{}, Card{}, err
	}
	info, err := o.detector(name, card)
	return info, card, blame(err)
}

// card is that of the weights; the zero value of those by formula.
func (o Options) card() (Card, error) {
	if _, kind, err := formula(o.Weights); kind != "" || err != nil {
		return Card{}, err
	}
	return OpenCard(o.Weights, o.WeightsEntry)
}

// detector finds the architecture that name and options ask for, else that of the weights' own card, which must not
// contradict them.
func (o DetectorOptions) detector(name string, card Card) (info Info, err error) {
	switch {
	case o.Arch != nil:
		info, err = Info{Name: cmp.Or(name, "custom"), Detector: o.Arch}, o.Arch.Validate()
	case name == "" && card.Config != nil:
		info = Info{Name: card.name(), Detector: card.Config}
	default:
		info, err = lookupDetector(name)
	}
	if err != nil {
		return Info{}, err
	}
	if card.Config != nil {
		if d := glip.Contradictions(*card.Config, *info.Detector); d != nil {
			return Info{}, fmt.Errorf("glipvk: the weights %s are of another model than %s, as the file itself says: %s; name no model, and the file's is taken", o.WeightsName(), cmp.Or(name, "the one described"), strings.Join(d, "; "))
		}
		info.Size = cmp.Or(card.Size, info.Size)
	}
	return describeDetector(info, *info.Detector)
}

// name is that of the model in the catalogue that has the architecture.
func (c Card) name() string {
	for _, m := range catalogue() {
		if m.Detector != nil && glip.Contradictions(*c.Config, *m.Detector) == nil {
			return m.Name
		}
	}
	return "custom"
}

// weightsOf are the weights that are meant: where none are named and the program has the model's, those.
func (o Options) weightsOf(name string) string {
	if m, err := lookupBackbone(name); o.Weights == "" && err == nil && m.Checkpoint == Embedded {
		return Embedded
	}
	return o.Weights
}

// vocabulary reads that of the options, else the card's, and refuses one whose tokens the model has no rows for, or
// that is not the card's.
func vocabulary(info Info, card Card, path string) (*text.Tokenizer, error) {
	t, which := card.tokenizer(), "the vocabulary of bert-base-uncased"
	if path != "" {
		var err error
		if t, err = text.Open(path); err != nil {
			return nil, err
		}
		which = path
	}
	if card.Config != nil && !same(t, card.tokenizer()) {
		return nil, fmt.Errorf("glipvk: %s has other tokens, or another order, than the vocabulary that the file of the weights holds: leave it out (DetectorOptions.Vocabulary)", which)
	}
	if n, rows := t.Size(), info.Detector.Text.VocabSize; n != rows {
		return nil, fmt.Errorf("glipvk: %s has %d tokens, the model %s has %d: give the vocab.txt that belongs to it (DetectorOptions.Vocabulary)", which, n, info.Name, rows)
	}
	return t, nil
}
