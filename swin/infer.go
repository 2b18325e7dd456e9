package swin

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/bind"
)

// Infer reads the architecture off the shapes of a checkpoint, never off its
// name: channels from the patch weight, depths by counting, heads and window from
// the relative position tables, the MLP ratio from its first layer, OutIndices
// from the output norms there are. What shapes cannot tell is set as all
// published models have it: eps 1e-5, PadSmallMap false, ImageSize 32 windows
// (224 for window 7, 384 for window 12).
//
// Errors: those of [Detect]; [bind.ErrMissing] when there is not enough to read;
// [ErrConfig] when the shapes do not add up to a Swin.
func Infer(src bind.Source) (Config, bind.Family, error) {
	names, err := MapNames(src)
	if err != nil {
		return Config{}, "", err
	}
	cfg, err := names.Infer()
	return cfg, names.Family, err
}

// Infer is [Infer] for names that were mapped.
func (m *NameMap) Infer() (Config, error) {
	cfg, err := m.infer()
	if err != nil {
		return Config{}, fmt.Errorf("swin: %s: %w", bind.FileName(m.src), err)
	}
	return cfg, nil
}

// infer builds the configuration and checks what Config.Validate cannot.
func (m *NameMap) infer() (Config, error) {
	shape := func(name string) []int {
		keys := m.Keys[name]
		if len(keys) == 0 {
			return nil
		}
		s, _ := m.src.Shape(keys[0])
		return s
	}
	patch := shape("patch_embed.projection.weight")
	if patch == nil {
		return Config{}, fmt.Errorf("%w: patch_embed.projection.weight, from which the channels would be read", bind.ErrMissing)
	}
	if len(patch) != 4 || patch[1] != 3 || patch[2] != patch[3] {
		return Config{}, fmt.Errorf("%w: the patch weight has shape %v, want [C, 3, P, P]", ErrConfig, patch)
	}
	cfg := Config{EmbedDims: patch[0], PatchSize: patch[2], MLPRatio: 4, Eps: 1e-5}
	depths := m.depths()
	var errs []error
	for s, depth := range depths {
		table := firstShape(depth, func(b int) []int {
			return shape(fmt.Sprintf("stages.%d.blocks.%d.attn.w_msa.relative_position_bias_table", s, b))
		})
		if len(table) != 2 {
			errs = append(errs, fmt.Errorf("%w: a relative_position_bias_table [(2w-1)², heads] in stage %d", bind.ErrMissing, s))
			continue
		}
		side := isqrt(table[0])
		if side*side != table[0] || side%2 == 0 {
			errs = append(errs, fmt.Errorf("%w: stage %d has a position table of %d rows, not the square of an odd number", ErrConfig, s, table[0]))
		} else if w := (side + 1) / 2; cfg.WindowSize == 0 {
			cfg.WindowSize = w
		} else if w != cfg.WindowSize {
			errs = append(errs, fmt.Errorf("%w: stage %d has windows of %d, stages before it of %d", ErrConfig, s, w, cfg.WindowSize))
		}
		cfg.Depths = append(cfg.Depths, depth)
		cfg.NumHeads = append(cfg.NumHeads, table[1])
	}
	if len(depths) == 0 {
		errs = append(errs, fmt.Errorf("%w: any block", bind.ErrMissing))
	}
	if err := errors.Join(errs...); err != nil {
		return Config{}, err
	}
	cfg.ImageSize = 32 * cfg.WindowSize
	m.inferRest(&cfg, shape)
	return cfg, cfg.Validate()
}

// inferRest reads what has a usual value: biases, MLP width, output norms, an
// absolute position embedding.
func (m *NameMap) inferRest(cfg *Config, shape func(string) []int) {
	_, cfg.QKVBias = m.Keys["stages.0.blocks.0.attn.w_msa.qkv.bias"]
	if fc1 := shape("stages.0.blocks.0.ffn.layers.0.0.weight"); len(fc1) == 2 && cfg.EmbedDims > 0 {
		cfg.MLPRatio = float64(fc1[0]) / float64(cfg.EmbedDims)
	}
	for s := range cfg.Depths {
		if _, ok := m.Keys[fmt.Sprintf("norm%d.weight", s)]; ok {
			cfg.OutIndices = append(cfg.OutIndices, s)
		}
	}
	switch pos := shape("absolute_pos_embed"); len(pos) {
	case 3: // [1, L, C]
		cfg.AbsPosEmbed, cfg.ImageSize = true, isqrt(pos[1])*cfg.PatchSize
	case 4: // GLIP: [1, C, H, W]
		cfg.AbsPosEmbed, cfg.ImageSize = true, pos[2]*cfg.PatchSize
	}
}

// depths counts the blocks of each stage, up to the last number in use.
func (m *NameMap) depths() []int {
	var depths []int
	for name := range m.Keys {
		rest, ok := strings.CutPrefix(name, "stages.")
		if !ok {
			continue
		}
		var s, b int
		if n, _ := fmt.Sscanf(rest, "%d.blocks.%d.", &s, &b); n != 2 {
			continue
		}
		for len(depths) <= s {
			depths = append(depths, 0)
		}
		depths[s] = max(depths[s], b+1)
	}
	return depths
}

// firstShape returns the first shape there is among those of n blocks.
func firstShape(n int, shape func(b int) []int) []int {
	for b := range n {
		if s := shape(b); s != nil {
			return s
		}
	}
	return nil
}

func isqrt(n int) int { return int(math.Round(math.Sqrt(float64(max(n, 0))))) }

// Differences says in words where a checkpoint's architecture is not the one
// asked for; nil when weights of one fit the other. What shapes cannot tell
// (PadSmallMap, Eps, ImageSize without a position embedding) is not compared, nor
// are outputs, as long as the file has the norms of those asked for.
func Differences(file, asked Config) []string {
	var d bind.Differences
	d.Compare("embed_dims", file.EmbedDims, asked.EmbedDims)
	d.Compare("depths", file.Depths, asked.Depths)
	d.Compare("num_heads", file.NumHeads, asked.NumHeads)
	d.Compare("window_size", file.WindowSize, asked.WindowSize)
	d.Compare("patch_size", file.PatchSize, asked.PatchSize)
	if file.Hidden(0) != asked.Hidden(0) && file.EmbedDims == asked.EmbedDims {
		d.Compare("mlp_ratio", file.MLPRatio, asked.MLPRatio)
	}
	d.Compare("qkv_bias", file.QKVBias, asked.QKVBias)
	d.Compare("use_abs_pos_embed", file.AbsPosEmbed, asked.AbsPosEmbed)
	if slices.ContainsFunc(asked.OutIndices, func(s int) bool { return !slices.Contains(file.OutIndices, s) }) {
		d.Compare("norms of output stages", file.OutIndices, asked.OutIndices)
	}
	return d
}
