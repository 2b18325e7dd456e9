package glip

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/swin"
)

// ErrConfig is wrapped by every error about a configuration that describes no
// detector. Remedy: the message lists all fields that are wrong.
var ErrConfig = errors.New("not a configuration of GLIP's detector")

// Config describes one detector. The JSON names are those of the golden manifests.
type Config struct {
	Backbone      swin.Config `json:"backbone"` // three output stages; PadSmallMap is true
	Text          TextConfig  `json:"text"`
	Channels      int         `json:"channels"`          // C of the pyramid and the tower
	Layers        int         `json:"layers"`            // of the tower
	Fusion        bool        `json:"fusion"`            // false for GLIP-T (A): no VLFuse, no text layers
	FusionHeads   int         `json:"fusion_heads"`      // of VLFuse
	FusionDim     int         `json:"fusion_dim"`        // E of VLFuse
	Groups        int         `json:"group_norm_groups"` // of the tower's group norms
	AnchorSizes   []int       `json:"anchor_sizes"`      // pixels, of each level
	AnchorStrides []int       `json:"anchor_strides"`    // pixels, of each level
	MaxTokens     int         `json:"max_text_tokens"`   // of a caption, [CLS] and [SEP] included
}

// TextConfig describes the text encoder, a BERT; the tower's text layers have its sizes.
type TextConfig struct {
	VocabSize    int     `json:"vocab_size"`
	Hidden       int     `json:"hidden_size"`
	Layers       int     `json:"num_hidden_layers"`
	Heads        int     `json:"num_attention_heads"`
	Intermediate int     `json:"intermediate_size"`
	MaxPositions int     `json:"max_position_embeddings"`
	Eps          float64 `json:"layer_norm_eps"`
}

// Levels is the number of maps of the pyramid, P3 to P7. firstStride is the distance of
// the locations of P3, in pixels; that of each further level is twice as large.
const (
	Levels      = 5
	firstStride = 8
)

// preset is a published detector with the given backbone and tower.
func preset(size string, window, image, layers int, fusion bool) (Config, error) {
	backbone, err := swin.Preset(size, window, image)
	if err != nil {
		return Config{}, err
	}
	backbone.PadSmallMap = true
	c := Config{
		Backbone: backbone,
		Text:     TextConfig{VocabSize: 30522, Hidden: 768, Layers: 12, Heads: 12, Intermediate: 3072, MaxPositions: 512, Eps: 1e-12},
		Channels: 256, Layers: layers, Fusion: fusion, Groups: 16,
		AnchorSizes: []int{64, 128, 256, 512, 1024}, AnchorStrides: []int{8, 16, 32, 64, 128}, MaxTokens: 256,
	}
	if fusion {
		c.FusionHeads, c.FusionDim = 8, 2048
	}
	return c, nil
}

// PresetNames lists the names that [Preset] knows.
func PresetNames() []string { return []string{"glip-t", "glip-l", "glip-t-a"} }

// Preset returns a published detector: "glip-t" (GLIP-T, its stages B and C too, which
// differ in their training), "glip-l", and "glip-t-a" (GLIP-T (A), without fusion).
func Preset(name string) (Config, error) {
	switch name {
	case "glip-t":
		return preset("tiny", 7, 224, 6, true)
	case "glip-l":
		return preset("large", 12, 384, 8, true)
	case "glip-t-a":
		return preset("tiny", 7, 224, 6, false)
	}
	return Config{}, fmt.Errorf("glip: %w: no detector is called %q, there are %q", ErrConfig, name, PresetNames())
}

// ParseConfig reads the JSON form: the arch object of a golden manifest as it stands.
// What it leaves out of the backbone is that of the published sizes. Unknown fields
// are refused.
func ParseConfig(data []byte) (Config, error) {
	base, err := Preset("glip-t")
	if err != nil {
		return Config{}, err
	}
	c := Config{Backbone: base.Backbone}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("glip: %w: %w", ErrConfig, err)
	}
	return c, c.Validate()
}

// most bounds sizes, so that products of a few of them are numbers.
const most = 1 << 20

// Validate reports everything that is wrong with the configuration in one error.
func (c Config) Validate() error {
	f := bind.Faults{Model: "glip", Kind: ErrConfig}
	if err := c.Backbone.Validate(); err != nil {
		f.Want(false, "%w", err)
	}
	f.Want(len(c.Backbone.OutIndices) == 3, "the backbone has %d output stages, the pyramid takes 3", len(c.Backbone.OutIndices))
	f.Want(!c.Backbone.AbsPosEmbed, "use_abs_pos_embed is true, which no detector has")
	for _, s := range []struct {
		name  string
		value int
	}{
		{"channels", c.Channels}, {"layers", c.Layers}, {"max_text_tokens", c.MaxTokens},
		{"text.vocab_size", c.Text.VocabSize}, {"text.hidden_size", c.Text.Hidden}, {"text.num_hidden_layers", c.Text.Layers},
		{"text.num_attention_heads", c.Text.Heads}, {"text.intermediate_size", c.Text.Intermediate},
		{"text.max_position_embeddings", c.Text.MaxPositions}, {"group_norm_groups", c.Groups},
	} {
		f.Want(s.value >= 1 && s.value <= most, "%s is %d, want 1 to %d", s.name, s.value, most)
	}
	if err := f.Err(); err != nil {
		return err // what follows divides by sizes
	}
	f.Want(c.Text.Hidden%c.Text.Heads == 0, "text has %d heads, which do not divide its %d channels", c.Text.Heads, c.Text.Hidden)
	f.Want(c.MaxTokens >= 2 && c.MaxTokens <= c.Text.MaxPositions, "max_text_tokens is %d, want 2 to the %d positions", c.MaxTokens, c.Text.MaxPositions)
	f.Want(c.Channels%c.Groups == 0, "%d groups do not divide %d channels", c.Groups, c.Channels)
	fuses := c.FusionHeads >= 1 && c.FusionDim >= 1 && c.FusionDim <= most && c.FusionDim%max(c.FusionHeads, 1) == 0
	f.Want(!c.Fusion || fuses, "fusion_heads is %d and fusion_dim %d, want heads that divide it", c.FusionHeads, c.FusionDim)
	f.Want(c.Text.Eps > 0 && c.Text.Eps < 1, "text.layer_norm_eps is %g, want above 0 and below 1", c.Text.Eps)
	f.Want(len(c.AnchorSizes) == Levels && len(c.AnchorStrides) == Levels,
		"anchor_sizes %v and anchor_strides %v, want %d of each", c.AnchorSizes, c.AnchorStrides, Levels)
	of := func(i, stride int) bool { return stride == firstStride<<i } // which a map has
	f.Want(!slices.ContainsFunc(c.AnchorSizes, func(size int) bool { return size < 1 || size > most }) && all(c.AnchorStrides, of),
		"anchor sizes %v, want 1 to %d, and strides %v, want those of the maps P3 to P7, %d, %d and so on",
		c.AnchorSizes, most, c.AnchorStrides, firstStride, 2*firstStride)
	f.Want(all(c.Backbone.OutIndices, func(i, s int) bool { return of(i, c.Backbone.PatchSize<<s) }),
		"the backbone's output stages %v at patches of %d pixels, want strides of %d, %d and %d pixels",
		c.Backbone.OutIndices, c.Backbone.PatchSize, firstStride, 2*firstStride, 4*firstStride)
	return f.Err()
}

// all says whether every element of a list is right at its place.
func all(list []int, right func(i, x int) bool) bool {
	for i, x := range list {
		if !right(i, x) {
			return false
		}
	}
	return true
}
