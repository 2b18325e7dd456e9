package train

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/glip"
)

// ErrOptions is wrapped by every error about options that describe no training. Remedy: the
// message says what was expected.
var ErrOptions = errors.New("no way to train")

// Mode says which weights are trained (tools/finetune.py of microsoft/GLIP).
type Mode string

// The modes. The original calls Linear, Language and Prompt linear_prob, language_prompt_v1 and language_prompt_v2.
const (
	Full     Mode = "full"     // all, but for frozen stages of the backbone
	Head     Mode = "head"     // tower and predictions; the original has none such
	Linear   Mode = "linear"   // what the predictions are made with, and no level's scale
	Language Mode = "language" // the text encoder
	Prompt   Mode = "prompt"   // a table that is added to the text: [glip.PromptTable]
	Adapters Mode = "adapters" // products of thin matrices beside linear maps: [LowRank]; the original has none such
)

// Modes lists them.
func Modes() []Mode { return []Mode{Full, Head, Linear, Language, Prompt, Adapters} }

// ParseMode reads a mode, by the original's name too.
func ParseMode(name string) (Mode, error) {
	original := map[string]Mode{
		"linear_prob": Linear, "language_prompt_v1": Language, "language_prompt_v2": Prompt,
		"language_prompt_v3": Language, "language_prompt_v4": Prompt, // which train the same as 1 and 2
	}
	if m, ok := original[name]; ok {
		return m, nil
	}
	if m := Mode(name); slices.Contains(Modes(), m) {
		return m, nil
	}
	return "", fmt.Errorf("train: %w: mode %q, want one of %q", ErrOptions, name, Modes())
}

// linear are the weights of mode Linear below rpn.head.
var linear = []string{"bbox_pred.", "centerness.", "dot_product_projection_text.", "log_scale", "bias_lang", "bias0"}

// Trains says whether a weight of the detector, by canonical name, is trained. frozen is the original's
// FREEZE_CONV_BODY_AT: from 0 on it freezes the patch embedding, from 2 on the first frozen-1 stages
// with what halves them; below 0 it freezes nothing.
func (m Mode) Trains(name string, frozen int) bool {
	switch m {
	case Full:
		return !freezes(name, frozen)
	case Head:
		return strings.HasPrefix(name, "rpn.")
	case Linear:
		rest, ok := strings.CutPrefix(name, "rpn.head.")
		return ok && slices.ContainsFunc(linear, func(part string) bool { return strings.HasPrefix(rest, part) })
	case Language:
		return strings.HasPrefix(name, "language_backbone.")
	case Prompt:
		return name == glip.PromptTable
	}
	return false
}

// freezes says whether a weight belongs to the first parts of the backbone.
func freezes(name string, frozen int) bool {
	rest, ok := strings.CutPrefix(name, "backbone.body.")
	if !ok || frozen < 0 {
		return false
	}
	if strings.HasPrefix(rest, "patch_embed.") {
		return true
	}
	for stage := range max(frozen-1, 0) {
		if strings.HasPrefix(rest, fmt.Sprintf("stages.%d.", stage)) {
			return true
		}
	}
	return false
}

// random are the rates of what a mode leaves out by chance: parts that are frozen leave out nothing.
func (m Mode) random(rates glip.Random) glip.Random {
	switch m {
	case Full, Adapters:
	case Head, Linear:
		rates.DropPath, rates.DropBlock, rates.Language = 0, 0, 0
	case Language:
		rates.DropPath, rates.DropBlock, rates.Tower = 0, 0, 0
	case Prompt:
		rates = glip.Random{}
	}
	return rates
}

// absorbs says whether the cross attention is computed in its cheap form: where its weights are trained the direct form keeps
// nearer to the original's numbers over several steps.
func (m Mode) absorbs() bool { return m == Linear || m == Language || m == Prompt || m == Adapters }
