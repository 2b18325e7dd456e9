package swin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/glipvk/glipvk/bind"
)

// ErrConfig is wrapped by every error about a configuration that describes no Swin.
// Remedy: the message lists all fields that are wrong.
var ErrConfig = errors.New("not a Swin configuration")

// Config describes one Swin backbone. The JSON names are those of mmpretrain's
// arch settings and of the golden manifests.
type Config struct {
	EmbedDims   int     `json:"embed_dims"`    // C of stage 0; stage s has C * 2^s channels
	Depths      []int   `json:"depths"`        // blocks of each stage
	NumHeads    []int   `json:"num_heads"`     // attention heads of each stage
	WindowSize  int     `json:"window_size"`   // side of a window in tokens
	PadSmallMap bool    `json:"pad_small_map"` // how maps not larger than a window are treated, see Record
	OutIndices  []int   `json:"out_indices"`   // stages whose normed maps are outputs, ascending
	ImageSize   int     `json:"img_size"`      // side for which an absolute position embedding was made
	PatchSize   int     `json:"patch_size"`    // side of a patch in pixels
	MLPRatio    float64 `json:"mlp_ratio"`     // hidden width of the MLP over C
	Eps         float64 `json:"norm_eps"`      // of every LayerNorm
	QKVBias     bool    `json:"qkv_bias"`      // whether the qkv projection has a bias
	AbsPosEmbed bool    `json:"use_abs_pos_embed,omitempty"`
}

// preset fills in what all published sizes share.
func preset(dims int, depths, heads []int, window, image int) Config {
	return Config{
		EmbedDims: dims, Depths: depths, NumHeads: heads, WindowSize: window,
		OutIndices: []int{1, 2, 3}, ImageSize: image, PatchSize: 4, MLPRatio: 4, Eps: 1e-5, QKVBias: true,
	}
}

// Preset returns a published size by name: "tiny", "small", "base" or "large"
// (Swin paper, section 3.3), with the window and nominal picture size given.
func Preset(size string, window, image int) (Config, error) {
	switch size {
	case "tiny":
		return preset(96, []int{2, 2, 6, 2}, []int{3, 6, 12, 24}, window, image), nil
	case "small":
		return preset(96, []int{2, 2, 18, 2}, []int{3, 6, 12, 24}, window, image), nil
	case "base":
		return preset(128, []int{2, 2, 18, 2}, []int{4, 8, 16, 32}, window, image), nil
	case "large":
		return preset(192, []int{2, 2, 18, 2}, []int{6, 12, 24, 48}, window, image), nil
	}
	return Config{}, fmt.Errorf("swin: %w: no size is called %q, there are tiny, small, base and large", ErrConfig, size)
}

// ParseConfig reads the JSON form: the arch object of a golden manifest as it
// stands. Unknown fields are refused, except "config", which names the original file.
func ParseConfig(data []byte) (Config, error) {
	var file struct {
		Config
		Origin string `json:"config"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return Config{}, fmt.Errorf("swin: %w: %w", ErrConfig, err)
	}
	return file.Config, file.Config.Validate()
}

// Stages is the number of stages.
func (c Config) Stages() int { return len(c.Depths) }

// Channels of stage s.
func (c Config) Channels(s int) int { return c.EmbedDims << s }

// Hidden is the width of the MLP's hidden layer in stage s.
func (c Config) Hidden(s int) int { return int(math.Round(c.MLPRatio * float64(c.Channels(s)))) }

// Validate reports everything that is wrong with the configuration in one error.
func (c Config) Validate() error {
	f := bind.Faults{Model: "swin", Kind: ErrConfig}
	f.Want(c.EmbedDims >= 1 && c.EmbedDims <= 1<<16, "embed_dims is %d, want 1 to 65536", c.EmbedDims)
	if n := len(c.Depths); n < 1 || n > 8 || len(c.NumHeads) != n {
		f.Want(false, "depths %v and num_heads %v, want one entry per stage in each, 1 to 8 stages", c.Depths, c.NumHeads)
	} else if c.EmbedDims > 0 {
		for s := range c.Depths {
			f.Want(c.Depths[s] >= 1 && c.Depths[s] <= 1000, "stage %d has depth %d, want 1 to 1000", s, c.Depths[s])
			h := c.NumHeads[s]
			f.Want(h >= 1 && c.Channels(s)%max(h, 1) == 0, "stage %d has %d heads, which do not divide its %d channels", s, h, c.Channels(s))
		}
	}
	f.Want(c.WindowSize >= 2 && c.WindowSize <= 64, "window_size is %d, want 2 to 64", c.WindowSize)
	ascending := slices.IsSorted(c.OutIndices) && len(slices.Compact(slices.Clone(c.OutIndices))) == len(c.OutIndices)
	f.Want(len(c.OutIndices) > 0 && ascending, "out_indices is %v, want ascending stage numbers", c.OutIndices)
	for _, s := range c.OutIndices {
		f.Want(s >= 0 && s < len(c.Depths), "out_indices names stage %d, there are stages 0 to %d", s, len(c.Depths)-1)
	}
	f.Want(c.PatchSize >= 1 && c.PatchSize <= 64, "patch_size is %d, want 1 to 64", c.PatchSize)
	f.Want(c.MLPRatio > 0 && c.MLPRatio <= 64, "mlp_ratio is %g, want above 0 and at most 64", c.MLPRatio)
	f.Want(c.Eps > 0 && c.Eps < 1, "norm_eps is %g, want above 0 and below 1", c.Eps)
	f.Want(!c.AbsPosEmbed || c.ImageSize >= c.PatchSize, "img_size is %d, want at least one patch for the position embedding", c.ImageSize)
	return f.Err()
}
