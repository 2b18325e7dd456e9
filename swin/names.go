package swin

import (
	"slices"
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

// Beside is the reason why what classifiers, detectors and segmenters have besides a backbone is ignored.
const Beside = "not part of the backbone"

const (
	reasonBuffer  = "a buffer, computed anew"
	reasonAverage = "a copy that mmcv's EMAHook keeps"
	reasonNorm    = "the norm of a stage that is no output"
)

// maxStage and maxBlock bound the numbers in names; Config.Validate agrees.
const (
	maxStage = 7
	maxBlock = 999
)

// canonical are mmpretrain's names of what a backbone has. Every family has them, under names of its own.
var canonical = []rule{
	{from: "patch_embed.projection.*"}, {from: "patch_embed.norm.*"}, {from: "absolute_pos_embed"},
	{from: "stages.S.blocks.B.norm1.*"}, {from: "stages.S.blocks.B.norm2.*"},
	{from: "stages.S.blocks.B.attn.w_msa.relative_position_bias_table"},
	{from: "stages.S.blocks.B.attn.w_msa.qkv.*"}, {from: "stages.S.blocks.B.attn.w_msa.proj.*"},
	{from: "stages.S.blocks.B.ffn.layers.0.0.*"}, {from: "stages.S.blocks.B.ffn.layers.1.*"},
	{from: "stages.S.downsample.norm.*"}, {from: "stages.S.downsample.reduction.weight"},
	{from: "normN.*"}, {from: "norm.*", to: "normL.*"}, // the latter in mmclassification, files before version 2
	{from: "stages.S.blocks.B.attn.w_msa.relative_position_index", reason: reasonBuffer},
}

// naming says how a family's names differ.
type naming struct {
	renamed []string // in canonical names, old and new in turn; a name that becomes "" is none of the family's
	more    []rule
	heads   []string // patterns of what classifiers, detectors and segmenters put beside a backbone
	norms   norms
}

// norms says what a family calls the norms of outputs in the files that it writes.
type norms int

const (
	numbered norms = iota // each by its stage
	either                // that of the last stage alone by none, several by their stages
	lastOnly              // that of the last stage by none; there are no others
)

var (
	heads = []string{
		"head.**", "neck.**", "data_preprocessor.**", "rpn_head.**", "roi_head.**", "bbox_head.**", "mask_head.**", "decode_head.**", "auxiliary_head.**",
	}
	layers = []string{ // of Microsoft's repositories and timm
		"patch_embed.projection.", "patch_embed.proj.", "stages.", "layers.", "attn.w_msa.", "attn.", "ffn.layers.0.0.", "mlp.fc1.", "ffn.layers.1.", "mlp.fc2.",
	}
	masks = []rule{{from: "layers.S.blocks.B.attn_mask", reason: reasonBuffer}}
)

var namings = map[bind.Family]naming{
	MMPretrain: {heads: heads, more: []rule{
		{from: "stages.S.blocks.B.attn.attn_mask", reason: reasonBuffer},
		{from: "steps", reason: reasonBuffer}, // of an averaged model
	}},
	GLIPDetector: {layers, masks, heads, numbered},
	Microsoft:    {layers, masks, heads, either},
	Timm:         {append([]string{"stages.S.downsample.", "layers.S+1.downsample."}, layers...), masks, heads, lastOnly},
	Torchvision: {norms: lastOnly, heads: []string{"head.**"}, renamed: []string{
		"patch_embed.projection.", "features.0.0.", "patch_embed.norm.", "features.0.2.", "absolute_pos_embed", "", "normN.*", "",
		"stages.S.blocks.B.", "features.2S+1.B.", "stages.S.downsample.", "features.2S+2.",
		"attn.w_msa.", "attn.", "ffn.layers.0.0.", "mlp.0.", "ffn.layers.1.", "mlp.3.",
	}},
	HuggingFace: {norms: either, heads: []string{"classifier.**", "embeddings.mask_token", "decoder.**", "pooler.**"}, renamed: []string{
		"patch_embed.projection.", "embeddings.patch_embeddings.projection.", "patch_embed.norm.", "embeddings.norm.", "absolute_pos_embed", "",
		"stages.S.blocks.B.attn.w_msa.qkv.*", "", "stages.S.downsample.norm.", "encoder.layers.S.downsample.norm.", "stages.", "encoder.layers.",
		"norm1.", "layernorm_before.", "norm2.", "layernorm_after.", "normN.", "hidden_states_norms.stageN+1.", "norm.", "layernorm.",
		"attn.w_msa.proj.", "attention.output.dense.", "attn.w_msa.", "attention.self.",
		"ffn.layers.0.0.", "intermediate.dense.", "ffn.layers.1.", "output.dense.",
	}, more: []rule{
		{from: "encoder.layers.S.blocks.B.attention.self.query.*", to: "stages.S.blocks.B.attn.w_msa.qkv.*", part: 0},
		{from: "encoder.layers.S.blocks.B.attention.self.key.*", to: "stages.S.blocks.B.attn.w_msa.qkv.*", part: 1},
		{from: "encoder.layers.S.blocks.B.attention.self.value.*", to: "stages.S.blocks.B.attn.w_msa.qkv.*", part: 2},
	}},
}

// rules lists the names of a family, without prefix, and what they are in
// mmpretrain's naming.
func rules(f bind.Family) []rule {
	n := namings[f]
	list, renamed := slices.Clone(n.more), strings.NewReplacer(n.renamed...)
	for _, r := range canonical {
		if r.to == "" && r.reason == "" {
			r.to = r.from
		}
		if r.from = renamed.Replace(r.from); r.from != "" {
			list = append(list, r)
		}
	}
	for _, pattern := range n.heads {
		list = append(list, rule{from: pattern, reason: Beside})
	}
	return list
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

// expand puts captured numbers into a pattern; last is the last stage.
func (c captures) expand(pattern string, last int) string {
	parts := strings.Split(pattern, ".")
	for i, p := range parts {
		switch p {
		case "S":
			parts[i] = strconv.Itoa(c.stage)
		case "S+1":
			parts[i] = strconv.Itoa(c.stage + 1)
		case "2S+1":
			parts[i] = strconv.Itoa(2*c.stage + 1)
		case "2S+2":
			parts[i] = strconv.Itoa(2*c.stage + 2)
		case "B":
			parts[i] = strconv.Itoa(c.block)
		case "*":
			parts[i] = c.leaf
		case "normN":
			parts[i] = "norm" + strconv.Itoa(c.norm)
		case "stageN+1":
			parts[i] = "stage" + strconv.Itoa(c.norm+1)
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
	names := allRules()[family]
	for _, key := range src.Names() {
		r, c, ok := find(family, names, key)
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
		return rule{reason: Beside}, captures{}, true
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
