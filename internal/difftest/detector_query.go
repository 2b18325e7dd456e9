package difftest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/glipvk/glipvk/text"
)

// Query is the case's caption with its labels, made of prompt and entities as
// compute_prediction of maskrcnn_benchmark/engine/predictor_glip.py does: a list of phrases in
// the demo's form, or a sentence with entities by their bounds or their words.
func (c *DetectorCase) Query() (text.Prompt, error) {
	var names []string
	if json.Unmarshal(c.Prompt, &names) == nil {
		return text.List{Names: names, Form: text.Demo}.Prompt()
	}
	var sentence string
	if err := json.Unmarshal(c.Prompt, &sentence); err != nil {
		return text.Prompt{}, fmt.Errorf("difftest: %s: prompt %s is neither a list nor a sentence", c.ID, c.Prompt)
	}
	var entities []text.Entity
	for _, e := range c.Entities {
		entity := text.Entity{Phrase: e.Span}
		if e.Bounds != nil {
			entity.Span = &text.Span{Begin: e.Bounds[0], End: e.Bounds[1]}
		}
		entities = append(entities, entity)
	}
	return text.Ground(sentence, entities...)
}

// language makes the inputs of the case's caption, which, like its tokens and the tokens of its
// labels, must be those of the manifest.
func (c *DetectorCase) language(tok *text.Tokenizer) (ids, owned []float32, labels int, err error) {
	p, err := c.Query()
	if err != nil {
		return nil, nil, 0, err
	}
	if p.Text != c.Caption {
		return nil, nil, 0, fmt.Errorf("difftest: %s: the caption becomes %q, the manifest says %q", c.ID, p.Text, c.Caption)
	}
	e, err := tok.Encode(p.Text)
	if err != nil {
		return nil, nil, 0, err
	}
	positive, err := e.Positive(p.Spans())
	if err != nil {
		return nil, nil, 0, err
	}
	made := map[string][]int{}
	for i, tokens := range positive {
		made[strconv.Itoa(i+1)] = tokens
	}
	if !maps.EqualFunc(made, c.Positive, slices.Equal) {
		return nil, nil, 0, fmt.Errorf("difftest: %s: labels have the tokens %v, the manifest says %v", c.ID, made, c.Positive)
	}
	for _, id := range e.Truncated(text.MaxTokens).IDs() {
		ids = append(ids, float32(id))
	}
	if len(ids) != c.Tokens {
		return nil, nil, 0, fmt.Errorf("difftest: %s: %d tokens, the manifest says %d", c.ID, len(ids), c.Tokens)
	}
	owned, err = c.Owned(len(positive), len(ids))
	return ids, owned, len(positive), err
}

// Owned is the manifest's positive map as the graph takes it, [labels, tokens]: 1 where a token
// stands for a label.
func (c *DetectorCase) Owned(labels, tokens int) ([]float32, error) {
	owned := make([]float32, labels*tokens)
	for key, list := range c.Positive {
		label, err := strconv.Atoi(key)
		if err != nil || label < 1 || label > labels {
			return nil, fmt.Errorf("difftest: %s: label %q of %d", c.ID, key, labels)
		}
		for _, t := range list {
			if t < 0 || t >= tokens {
				return nil, fmt.Errorf("difftest: %s: label %s has token %d of %d", c.ID, key, t, tokens)
			}
			owned[(label-1)*tokens+t] = 1
		}
	}
	return owned, nil
}
