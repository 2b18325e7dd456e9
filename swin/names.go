package swin

import (
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/bind"
)

// rule renames keys of one pattern. Patterns are compared part by part between
// dots; a part is literal or one of
//
//	S, S+1, 2S+1, 2S+2   a number that gives the stage S
//	B                    a block number
//	*                    weight or bias
//	normN, stageN+1      a word ending in a number that gives the stage N
//	**                   everything that follows
//
// An empty target means that the tensor is not needed, and why stands in reason.
// normL in a target is the norm of the last stage.
type rule struct {
	from, to string
	part     int // which third of the stacked qkv rows the tensor is
	reason   string
}

const (
	reasonBuffer  = "a buffer, computed anew"
	reasonHead    = "not part of the backbone"
	reasonAverage = "a copy that mmcv's EMAHook keeps"
	reasonNorm    = "the norm of a stage that is no output"
)

// maxStage and maxBlock bound the numbers in names; Config.Validate agrees.
const (
	maxStage = 7
	maxBlock = 999
)

// rules lists the names of a family, without prefix, and what they are in
// mmpretrain's naming.
func rules(f bind.Family) []rule {
	switch f {
	case MMPretrain:
		return mmpretrainRules()
	case GLIPDetector, Microsoft:
		return append(layerRules(),
			rule{from: "layers.S.downsample.norm.*", to: "stages.S.downsample.norm.*"},
			rule{from: "layers.S.downsample.reduction.weight", to: "stages.S.downsample.reduction.weight"})
	case Timm:
		return append(layerRules(),
			rule{from: "layers.S+1.downsample.norm.*", to: "stages.S.downsample.norm.*"},
			rule{from: "layers.S+1.downsample.reduction.weight", to: "stages.S.downsample.reduction.weight"})
	case Torchvision:
		return torchvisionRules()
	case HuggingFace:
		return huggingFaceRules()
	}
	return nil
}

func mmpretrainRules() []rule {
	same := []string{
		"patch_embed.projection.*", "patch_embed.norm.*", "absolute_pos_embed",
		"stages.S.blocks.B.norm1.*", "stages.S.blocks.B.norm2.*",
		"stages.S.blocks.B.attn.w_msa.relative_position_bias_table",
		"stages.S.blocks.B.attn.w_msa.qkv.*", "stages.S.blocks.B.attn.w_msa.proj.*",
		"stages.S.blocks.B.ffn.layers.0.0.*", "stages.S.blocks.B.ffn.layers.1.*",
		"stages.S.downsample.norm.*", "stages.S.downsample.reduction.weight", "normN.*",
	}
	var list []rule
	for _, pattern := range same {
		list = append(list, rule{from: pattern, to: pattern})
	}
	list = append(list,
		rule{from: "norm.*", to: "normL.*"}, // mmclassification, files before version 2
		rule{from: "stages.S.blocks.B.attn.w_msa.relative_position_index", reason: reasonBuffer},
		rule{from: "stages.S.blocks.B.attn.attn_mask", reason: reasonBuffer},
		rule{from: "steps", reason: reasonBuffer}) // of an averaged model
	return append(list, headRules()...)
}

// headRules are what classifiers, detectors and segmenters put beside a backbone.
func headRules() []rule {
	var list []rule
	for _, part := range []string{
		"head", "neck", "data_preprocessor", "rpn_head", "roi_head", "bbox_head", "mask_head", "decode_head", "auxiliary_head",
	} {
		list = append(list, rule{from: part + ".**", reason: reasonHead})
	}
	return list
}

// layerRules are those that Microsoft's repositories and timm share.
func layerRules() []rule {
	return append([]rule{
		{from: "patch_embed.proj.*", to: "patch_embed.projection.*"},
		{from: "patch_embed.norm.*", to: "patch_embed.norm.*"},
		{from: "absolute_pos_embed", to: "absolute_pos_embed"},
		{from: "layers.S.blocks.B.norm1.*", to: "stages.S.blocks.B.norm1.*"},
		{from: "layers.S.blocks.B.norm2.*", to: "stages.S.blocks.B.norm2.*"},
		{from: "layers.S.blocks.B.attn.relative_position_bias_table", to: "stages.S.blocks.B.attn.w_msa.relative_position_bias_table"},
		{from: "layers.S.blocks.B.attn.qkv.*", to: "stages.S.blocks.B.attn.w_msa.qkv.*"},
		{from: "layers.S.blocks.B.attn.proj.*", to: "stages.S.blocks.B.attn.w_msa.proj.*"},
		{from: "layers.S.blocks.B.mlp.fc1.*", to: "stages.S.blocks.B.ffn.layers.0.0.*"},
		{from: "layers.S.blocks.B.mlp.fc2.*", to: "stages.S.blocks.B.ffn.layers.1.*"},
		{from: "normN.*", to: "normN.*"},
		{from: "norm.*", to: "normL.*"},
		{from: "layers.S.blocks.B.attn.relative_position_index", reason: reasonBuffer},
		{from: "layers.S.blocks.B.attn_mask", reason: reasonBuffer},
	}, headRules()...)
}

func torchvisionRules() []rule {
	return []rule{
		{from: "features.0.0.*", to: "patch_embed.projection.*"},
		{from: "features.0.2.*", to: "patch_embed.norm.*"},
		{from: "features.2S+1.B.norm1.*", to: "stages.S.blocks.B.norm1.*"},
		{from: "features.2S+1.B.norm2.*", to: "stages.S.blocks.B.norm2.*"},
		{from: "features.2S+1.B.attn.relative_position_bias_table", to: "stages.S.blocks.B.attn.w_msa.relative_position_bias_table"},
		{from: "features.2S+1.B.attn.qkv.*", to: "stages.S.blocks.B.attn.w_msa.qkv.*"},
		{from: "features.2S+1.B.attn.proj.*", to: "stages.S.blocks.B.attn.w_msa.proj.*"},
		{from: "features.2S+1.B.mlp.0.*", to: "stages.S.blocks.B.ffn.layers.0.0.*"},
		{from: "features.2S+1.B.mlp.3.*", to: "stages.S.blocks.B.ffn.layers.1.*"},
		{from: "features.2S+2.norm.*", to: "stages.S.downsample.norm.*"},
		{from: "features.2S+2.reduction.weight", to: "stages.S.downsample.reduction.weight"},
		{from: "norm.*", to: "normL.*"},
		{from: "features.2S+1.B.attn.relative_position_index", reason: reasonBuffer},
		{from: "head.**", reason: reasonHead},
	}
}

func huggingFaceRules() []rule {
	const from, to = "encoder.layers.S.blocks.B.", "stages.S.blocks.B."
	return []rule{
		{from: "embeddings.patch_embeddings.projection.*", to: "patch_embed.projection.*"},
		{from: "embeddings.norm.*", to: "patch_embed.norm.*"},
		{from: from + "layernorm_before.*", to: to + "norm1.*"},
		{from: from + "layernorm_after.*", to: to + "norm2.*"},
		{from: from + "attention.self.relative_position_bias_table", to: to + "attn.w_msa.relative_position_bias_table"},
		{from: from + "attention.self.query.*", to: to + "attn.w_msa.qkv.*", part: 0},
		{from: from + "attention.self.key.*", to: to + "attn.w_msa.qkv.*", part: 1},
		{from: from + "attention.self.value.*", to: to + "attn.w_msa.qkv.*", part: 2},
		{from: from + "attention.output.dense.*", to: to + "attn.w_msa.proj.*"},
		{from: from + "intermediate.dense.*", to: to + "ffn.layers.0.0.*"},
		{from: from + "output.dense.*", to: to + "ffn.layers.1.*"},
		{from: "encoder.layers.S.downsample.norm.*", to: "stages.S.downsample.norm.*"},
		{from: "encoder.layers.S.downsample.reduction.weight", to: "stages.S.downsample.reduction.weight"},
		{from: "layernorm.*", to: "normL.*"},
		{from: "hidden_states_norms.stageN+1.*", to: "normN.*"},
		{from: from + "attention.self.relative_position_index", reason: reasonBuffer},
		{from: "classifier.**", reason: reasonHead},
		{from: "embeddings.mask_token", reason: reasonHead},
		{from: "decoder.**", reason: reasonHead},
		{from: "pooler.**", reason: reasonHead},
	}
}

// captures are the numbers and the leaf that a pattern found in a key.
type captures struct {
	stage, block, norm int // -1 where the pattern has none
	leaf               string
}

// matches says whether a key fits a pattern.
func matches(key, pattern string) bool {
	_, ok := match(key, pattern)
	return ok
}

func match(key, pattern string) (captures, bool) {
	c := captures{stage: -1, block: -1, norm: -1}
	parts, want := strings.Split(key, "."), strings.Split(pattern, ".")
	for i, w := range want {
		if w == "**" {
			return c, len(parts) > i
		}
		if i >= len(parts) || !c.part(parts[i], w) {
			return c, false
		}
	}
	return c, len(parts) == len(want)
}

// part compares one part of a key with one part of a pattern.
func (c *captures) part(got, want string) bool {
	ok := false
	switch want {
	case "S":
		c.stage, ok = bind.Number(got, maxStage)
	case "S+1":
		c.stage, ok = bind.Number(got, maxStage+1)
		c.stage--
	case "2S+1":
		c.stage, ok = bind.Number(got, 2*maxStage+1)
		ok = ok && c.stage%2 == 1
		c.stage /= 2
	case "2S+2":
		c.stage, ok = bind.Number(got, 2*maxStage+2)
		ok = ok && c.stage > 0 && c.stage%2 == 0
		c.stage = c.stage/2 - 1
	case "B":
		c.block, ok = bind.Number(got, maxBlock)
	case "normN", "stageN+1":
		word := strings.TrimRight(want, "N+1")
		rest, found := strings.CutPrefix(got, word)
		c.norm, ok = bind.Number(rest, maxStage+1)
		if want == "stageN+1" {
			c.norm--
		}
		ok = ok && found && c.norm <= maxStage
	case "*":
		c.leaf, ok = got, got == "weight" || got == "bias"
	default:
		return got == want
	}
	return ok && (c.stage >= 0 || !strings.Contains(want, "S")) && (c.norm >= 0 || !strings.Contains(want, "N"))
}

// expand puts captured numbers into a target; last is the last stage.
func (c captures) expand(target string, last int) string {
	parts := strings.Split(target, ".")
	for i, p := range parts {
		switch p {
		case "S":
			parts[i] = strconv.Itoa(c.stage)
		case "B":
			parts[i] = strconv.Itoa(c.block)
		case "*":
			parts[i] = c.leaf
		case "normN":
			parts[i] = "norm" + strconv.Itoa(c.norm)
		case "normL":
			parts[i] = "norm" + strconv.Itoa(last)
		}
	}
	return strings.Join(parts, ".")
}

// NameMap says what every tensor of a checkpoint is.
type NameMap struct {
	bind.NameMap

	src  bind.Source
	last int // last stage
}

// MapNames detects the family of a checkpoint and says what each of its tensors
// is, without asking for any architecture. Errors are those of [Detect].
func MapNames(src bind.Source) (*NameMap, error) {
	family, err := Detect(src)
	if err != nil {
		return nil, err
	}
	type found struct {
		key  string
		rule rule
		c    captures
	}
	m := &NameMap{NameMap: bind.NameMap{Family: family, Keys: map[string][]string{}}, src: src}
	var list []found
	known := rules(family)
	for _, key := range src.Names() {
		r, c, ok := find(family, known, key)
		switch {
		case !ok:
			m.Unknown = append(m.Unknown, key)
		case r.to == "":
			m.Ignored = append(m.Ignored, bind.IgnoredKey{Key: key, Reason: r.reason})
		default:
			list = append(list, found{key, r, c})
			if c.block >= 0 {
				m.last = max(m.last, c.stage)
			}
		}
	}
	for _, f := range list {
		name, parts := f.c.expand(f.rule.to, m.last), 1
		if family == HuggingFace && strings.Contains(name, ".qkv.") {
			parts = 3
		}
		m.Claim(name, f.rule.part, parts, f.key)
	}
	return m, nil
}

// find looks a key up under each prefix that may stand before the backbone.
func find(f bind.Family, rules []rule, key string) (rule, captures, bool) {
	name := bind.Trunk(key)
	if strings.HasPrefix(name, "ema_") && !strings.Contains(name, ".") {
		return rule{reason: reasonAverage}, captures{}, true
	}
	if foreign(key) || f == GLIPDetector && !strings.HasPrefix(name, "backbone.body.") {
		return rule{reason: reasonHead}, captures{}, true
	}
	for _, prefix := range prefixes() {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		for _, r := range rules {
			if c, ok := match(rest, r.from); ok {
				return r, c, true
			}
		}
	}
	return rule{}, captures{}, false
}
