package convert

import (
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/glip"
)

// Prompt says what becomes of the table of prompt tuning ([glip.PromptTable]), whose row i is added to token i of what the
// text encoder gives.
type Prompt string

// What can become of it.
const (
	Keep  Prompt = "keep"  // it stays a tensor of its own
	Merge Prompt = "merge" // into the bias of the text encoder's last norm, where all rows that a caption reaches are equal
	Drop  Prompt = "drop"  // it is left out, which leaves the detector as it was before the tuning
)

// Prompts lists them.
func Prompts() []Prompt { return []Prompt{Keep, Merge, Drop} }

// prompt heeds what is asked for the table, and returns the parameters that are left.
func (m *model) prompt(w *output, params []parameter, o Options) ([]parameter, error) {
	if o.Prompt != "" && !slices.Contains(Prompts(), o.Prompt) {
		return nil, fmt.Errorf("convert: prompt %q, want one of %q", o.Prompt, Prompts())
	}
	if m.detector == nil || m.detector.PromptRows == 0 {
		return params, nil
	}
	switch o.Prompt {
	case Merge:
		row, err := m.row()
		if err != nil {
			return nil, err
		}
		w.added = map[string][]float32{m.lastNorm(): row}
		m.note("merged: %s, which is one row for all tokens, into %s", glip.PromptTable, m.lastNorm())
	case Drop:
		m.note("left out: %s, the table of prompt tuning; this is the detector before that tuning", glip.PromptTable)
	default:
		if w.form.detector == glip.MMDetection && m.weights.Family() != glip.MMDetection {
			return nil, fmt.Errorf("convert: MMDetection has no name for %s of %s, the table of prompt tuning, and would run the detector without it; leave it out or merge it (Options.Prompt), or ask for names of %s", glip.PromptTable, m.src.Path(), Microsoft)
		}
		return params, nil
	}
	without := *m.detector
	without.PromptRows = 0
	m.detector = &without
	return slices.DeleteFunc(params, func(p parameter) bool { return p.name == glip.PromptTable }), nil
}

// lastNorm is the bias of what the text encoder ends with.
func (m *model) lastNorm() string {
	return fmt.Sprintf("language_backbone.body.model.encoder.layer.%d.output.LayerNorm.bias", m.detector.Text.Layers-1)
}

// row is the one row of the table, as far as captions reach. A table of several has no other place: what the text encoder
// ends with knows no token's place.
func (m *model) row() ([]float32, error) {
	rows, wide := m.detector.PromptRows, m.detector.Text.Hidden
	table, err := m.weights.Tensor(glip.PromptTable, []int{rows, wide})
	if err != nil {
		return nil, err
	}
	first := slices.Clone(table[:wide])
	for i := range m.detector.MaxTokens {
		if !slices.Equal(table[i*wide:][:wide], first) {
			return nil, fmt.Errorf("convert: %s of %s cannot be merged: its row %d is not its row 0, and no other weight tells tokens apart by their place; keep the table or leave it out (Options.Prompt)", glip.PromptTable, m.src.Path(), i)
		}
	}
	m.weights.Release(table)
	return first, nil
}
