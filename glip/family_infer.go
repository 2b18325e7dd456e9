package glip

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/swin"
)

// Infer reads the architecture of a detector off the names and shapes of its
// checkpoint, never off the file's name, and says which published model it is.
//
// What shapes cannot tell is set as all published models have it: text heads of 64
// channels, 8 heads of fusion, groups of 16 norms, eps, anchors, captions of 256
// tokens. A caller who knows better passes its own Config to [Bind], which compares
// shapes only. GLIP-T (B), (C) and the released GLIP-T differ in their training alone,
// so no file can tell them apart.
//
// Errors: those of [MapNames]; [bind.ErrMissing] when there is not enough to read;
// [ErrConfig] when the shapes do not add up to a detector.
func Infer(src bind.Source) (cfg Config, variant string, err error) {
	names, err := MapNames(src)
	if err != nil {
		return Config{}, "", err
	}
	cfg, err = names.infer()
	if err != nil {
		return Config{}, "", fmt.Errorf("glip: %s: %w", bind.FileName(src), err)
	}
	return cfg, Variant(cfg), nil
}

// Custom is the variant of a detector that is not among the published ones.
const Custom = "a detector of its own size"

var titles = map[string]string{
	"glip-t-a": "GLIP-T (A)",
	"glip-t":   "GLIP-T: (B), (C) or the released one, which share their architecture",
	"glip-l":   "GLIP-L",
}

// Variant names the published models of an architecture, as far as weights can tell
// them apart; [Custom] for any other.
func Variant(cfg Config) string {
	for _, name := range PresetNames() {
		if published, err := Preset(name); err == nil && len(Differences(cfg, published)) == 0 {
			return cmp.Or(titles[name], name)
		}
	}
	return Custom
}

// infer builds the configuration.
func (m *NameMap) infer() (Config, error) {
	base, err := Preset("glip-t")
	if err != nil {
		return Config{}, err
	}
	r := &reading{names: m}
	c := base
	c.Backbone, err = m.body.Infer()
	if err != nil {
		r.errs = append(r.errs, err)
	}
	c.Backbone.PadSmallMap = true
	words, positions := textPrefix+"embeddings.word_embeddings.weight", textPrefix+"embeddings.position_embeddings.weight"
	c.Text.VocabSize, c.Text.Hidden = r.size(words, 2, 0), r.size(words, 2, 1)
	c.Text.MaxPositions = r.size(positions, 2, 0)
	c.Text.Intermediate = r.size(textPrefix+"encoder.layer.0.intermediate.dense.weight", 2, 0)
	c.Text.Layers = m.count(textPrefix+"encoder.layer.", ".attention.self.query.weight")
	c.Text.Heads = heads(c.Text.Hidden)
	c.MaxTokens = min(base.MaxTokens, c.Text.MaxPositions)
	c.Channels = r.size(headPrefix+"bbox_pred.weight", 4, 1)
	c.Layers = m.count(towerPrefix, ".offset.weight")
	if c.Channels%c.Groups != 0 {
		c.Groups = 1
	}
	c.Fusion = m.count(towerPrefix, ".b_attn.gamma_v") > 0
	if c.Fusion {
		c.FusionDim = r.size(towerPrefix+"0.b_attn.attn.v_proj.weight", 2, 0)
	} else {
		c.FusionDim, c.FusionHeads = 0, 0
	}
	if c.Fusion && c.FusionDim%c.FusionHeads != 0 {
		c.FusionHeads = 1
	}
	if err := errors.Join(r.errs...); err != nil {
		return Config{}, err
	}
	return c, c.Validate()
}

// heads is the number of BERT's attention heads for a width: heads of 64 channels, or
// one of another width where those do not fit.
func heads(hidden int) int {
	if hidden >= 64 && hidden%64 == 0 {
		return hidden / 64
	}
	return 1
}

// count is the number of parameters with this beginning and end and a number between.
func (m *NameMap) count(begin, end string) int {
	n := 0
	for name := range m.Keys {
		rest, ok := strings.CutPrefix(name, begin)
		if middle, cut := strings.CutSuffix(rest, end); ok && cut {
			if _, plain := bind.Number(middle, mostNumber); plain {
				n++
			}
		}
	}
	return n
}

// reading collects what is missing while sizes are read.
type reading struct {
	names *NameMap
	errs  []error
}

// size returns one side of a parameter of the given rank, 0 after an error.
func (r *reading) size(name string, rank, axis int) int {
	keys := r.names.Keys[name]
	if len(keys) == 0 {
		r.errs = append(r.errs, fmt.Errorf("%w: %s, from which a size would be read", bind.ErrMissing, name))
		return 0
	}
	shape, _ := r.names.src.Shape(keys[0])
	if len(shape) != rank {
		r.errs = append(r.errs, fmt.Errorf("%w: %s has shape %v, want %d axes", ErrConfig, keys[0], shape, rank))
		return 0
	}
	return shape[axis]
}

// Contradictions says in words where two architectures differ in what decides numbers, what shapes cannot tell included; nil
// where both are the same detector. What a user may choose, the longest caption and the outputs of the backbone, and the table
// of prompt tuning are not compared.
func Contradictions(file, asked Config) []string {
	d := bind.Differences(Differences(file, asked))
	d.Compare("backbone norm_eps", file.Backbone.Eps, asked.Backbone.Eps)
	d.Compare("text num_attention_heads", file.Text.Heads, asked.Text.Heads)
	d.Compare("text layer_norm_eps", file.Text.Eps, asked.Text.Eps)
	if file.Fusion && asked.Fusion {
		d.Compare("fusion_heads", file.FusionHeads, asked.FusionHeads)
	}
	d.Compare("group_norm_groups", file.Groups, asked.Groups)
	d.Compare("anchor_sizes", file.AnchorSizes, asked.AnchorSizes)
	return d
}

// Differences says in words where a checkpoint's architecture is not the one asked
// for; nil when weights of one fit the other. What shapes cannot tell (heads, but for
// the backbone's, groups, eps, anchors, the longest caption) is not compared.
func Differences(file, asked Config) []string {
	var d bind.Differences
	for _, body := range swin.Differences(file.Backbone, asked.Backbone) {
		d = append(d, "backbone "+body)
	}
	d.Compare("text vocab_size", file.Text.VocabSize, asked.Text.VocabSize)
	d.Compare("text hidden_size", file.Text.Hidden, asked.Text.Hidden)
	d.Compare("text num_hidden_layers", file.Text.Layers, asked.Text.Layers)
	d.Compare("text intermediate_size", file.Text.Intermediate, asked.Text.Intermediate)
	d.Compare("text max_position_embeddings", file.Text.MaxPositions, asked.Text.MaxPositions)
	d.Compare("channels", file.Channels, asked.Channels)
	d.Compare("layers", file.Layers, asked.Layers)
	d.Compare("fusion", file.Fusion, asked.Fusion)
	if file.Fusion && asked.Fusion {
		d.Compare("fusion_dim", file.FusionDim, asked.FusionDim)
	}
	return d
}
