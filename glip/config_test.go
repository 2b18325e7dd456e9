package glip_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/glip"
)

// TestPresets: every name that is listed is there, fits, and is as the specification has it
// (glip.md, section 8).
func TestPresets(t *testing.T) {
	for _, name := range glip.PresetNames() {
		cfg := preset(t, name)
		if err := cfg.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		layers, dims, window := 6, 96, 7
		if name == "glip-l" {
			layers, dims, window = 8, 192, 12
		}
		if cfg.Layers != layers || cfg.Backbone.EmbedDims != dims || cfg.Backbone.WindowSize != window || !cfg.Backbone.PadSmallMap ||
			cfg.Fusion != (name != "glip-t-a") || cfg.Text.Layers != 12 || cfg.Channels != 256 {
			t.Errorf("%s is %+v", name, cfg)
		}
	}
	if _, err := glip.Preset("glip-xl"); !errors.Is(err, glip.ErrConfig) || !strings.Contains(err.Error(), `"glip-l"`) {
		t.Errorf("an unknown name: %v", err)
	}
}

// TestValidate makes one field wrong at a time.
func TestValidate(t *testing.T) {
	for word, change := range map[string]func(*glip.Config){
		"embed_dims":                       func(c *glip.Config) { c.Backbone.EmbedDims = 0 },
		"2 output stages":                  func(c *glip.Config) { c.Backbone.OutIndices = []int{1, 2} },
		"use_abs_pos_embed":                func(c *glip.Config) { c.Backbone.AbsPosEmbed = true },
		"channels is -1":                   func(c *glip.Config) { c.Channels = -1 },
		"layers is 0":                      func(c *glip.Config) { c.Layers = 0 },
		"layers is 4611686018427387904":    func(c *glip.Config) { c.Layers = 1 << 62 },
		"max_text_tokens is 0":             func(c *glip.Config) { c.MaxTokens = 0 },
		"max_text_tokens is 1":             func(c *glip.Config) { c.MaxTokens = 1 },
		"max_text_tokens is 513":           func(c *glip.Config) { c.MaxTokens = 513 },
		"text.vocab_size is 0":             func(c *glip.Config) { c.Text.VocabSize = 0 },
		"text.hidden_size is 0":            func(c *glip.Config) { c.Text.Hidden = 0 },
		"text.num_hidden_layers is 0":      func(c *glip.Config) { c.Text.Layers = 0 },
		"text.num_attention_heads is 0":    func(c *glip.Config) { c.Text.Heads = 0 },
		"text.intermediate_size is 0":      func(c *glip.Config) { c.Text.Intermediate = 0 },
		"text.max_position_embeddings":     func(c *glip.Config) { c.Text.MaxPositions = 0 },
		"7 heads":                          func(c *glip.Config) { c.Text.Heads = 7 },
		"text.layer_norm_eps is 0":         func(c *glip.Config) { c.Text.Eps = 0 },
		"text.layer_norm_eps is NaN":       func(c *glip.Config) { c.Text.Eps = math.NaN() },
		"group_norm_groups is 0":           func(c *glip.Config) { c.Groups = 0 },
		"7 groups":                         func(c *glip.Config) { c.Groups = 7 },
		"fusion_heads is 0":                func(c *glip.Config) { c.FusionHeads = 0 },
		"fusion_dim 0":                     func(c *glip.Config) { c.FusionDim = 0 },
		"fusion_heads is 7":                func(c *glip.Config) { c.FusionHeads = 7 },
		"anchor_sizes [64]":                func(c *glip.Config) { c.AnchorSizes = []int{64} },
		"anchor_strides []":                func(c *glip.Config) { c.AnchorStrides = nil },
		"strides [8 16 32 64 0]":           func(c *glip.Config) { c.AnchorStrides = []int{8, 16, 32, 64, 0} },
		"anchor sizes [64 128 256 512 -1]": func(c *glip.Config) { c.AnchorSizes = []int{64, 128, 256, 512, -1} },
	} {
		cfg := preset(t, "glip-t")
		cfg.AnchorSizes, cfg.AnchorStrides = slices.Clone(cfg.AnchorSizes), slices.Clone(cfg.AnchorStrides)
		change(&cfg)
		if err := cfg.Validate(); !errors.Is(err, glip.ErrConfig) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: got %v", word, err)
		}
	}
	cfg := preset(t, "glip-t-a") // without fusion its sizes do not matter
	cfg.FusionDim, cfg.FusionHeads = 0, 0
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
	cfg.Channels, cfg.Layers, cfg.Text.Hidden = 0, 0, 0
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "channels") || !strings.Contains(err.Error(), "layers") || !strings.Contains(err.Error(), "hidden_size") {
		t.Errorf("three wrong fields: %v", err)
	}
}

// TestParseConfig reads what the golden manifests and the command's --arch have; what the
// backbone leaves out is GLIP-T's.
func TestParseConfig(t *testing.T) {
	want := tinyCase(t, "tiny.caption").config(t)
	data, err := os.ReadFile(filepath.Join("..", "testdata", "glip", "tiny", "arch.json"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := glip.ParseConfig(data)
	if err != nil || got.Channels != 32 || got.Backbone.EmbedDims != 12 || got.Backbone.PatchSize != 4 || got.Text.Hidden != want.Text.Hidden || !got.Fusion {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "{", "[]", "{}", `{"channel": 32}`, `{"channels": "32"}`, `{"backbone": {"embed_dim": 1}}`,
		strings.Replace(string(data), `"channels":32`, `"channels":33`, 1)} {
		if _, err := glip.ParseConfig([]byte(bad)); !errors.Is(err, glip.ErrConfig) {
			t.Errorf("%.40q: got %v", bad, err)
		}
	}
}
