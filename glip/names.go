package glip

import (
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/swin"
)

// Where the parts of the detector stand in canonical and in official names.
const (
	bodyPrefix  = "backbone.body."
	neckPrefix  = "backbone.fpn."
	textPrefix  = "language_backbone.body.model."
	headPrefix  = "rpn.head."
	towerPrefix = "rpn.head.dyhead_tower."
)

// Param is a parameter of the detector: its canonical name and its shape as
// PyTorch states it, outputs first.
type Param struct {
	Name  string
	Shape []int
}

// Params lists the parameters of the detector by canonical name: those of
// microsoft/GLIP's files without "module.", but for the backbone, whose names below
// "backbone.body." and whose order of patch merging are those of package swin
// (mmpretrain's). The order is that of the data: backbone, pyramid, text, tower,
// heads. The configuration must be a valid one.
func (c Config) Params() []Param {
	l := new(listing)
	l.backbone(c.Backbone)
	l.pyramid(c)
	l.text(c.Text)
	for i := range c.Layers {
		if !c.Fusion {
			l.dyConv(fmt.Sprintf("%s%d.", towerPrefix, i), c.Channels)
			continue
		}
		l.fuse(fmt.Sprintf("%s%d.b_attn.", towerPrefix, 3*i), c)
		l.bertLayer(fmt.Sprintf("%s%d.", towerPrefix, 3*i+1), c.Text)
		l.dyConv(fmt.Sprintf("%s%d.", towerPrefix, 3*i+2), c.Channels)
	}
	l.heads(c)
	return l.params
}

// OfficialParams lists the same parameters, in the same order and shapes, under the
// names of microsoft/GLIP's files. The class head cls_logits, which official files
// have and nothing reads, is not among them. In such a file the inputs of patch
// merging stand in another order, which [Bind] sees to.
func OfficialParams(cfg Config) []Param {
	params := cfg.Params()
	for i, p := range params {
		params[i].Name = officialName(p.Name)
	}
	return params
}

// officialName turns a canonical name into that of microsoft/GLIP.
func officialName(name string) string {
	rest, ok := strings.CutPrefix(name, bodyPrefix)
	if !ok {
		return name
	}
	return bodyPrefix + strings.NewReplacer(
		"stages.", "layers.",
		"attn.w_msa.", "attn.",
		"ffn.layers.0.0.", "mlp.fc1.",
		"ffn.layers.1.", "mlp.fc2.",
		"patch_embed.projection.", "patch_embed.proj.",
	).Replace(rest)
}

// listing collects parameters.
type listing struct{ params []Param }

func (l *listing) add(name string, shape ...int) {
	l.params = append(l.params, Param{name, shape})
}

// affine adds a weight of the given shape and a bias of one number per output.
func (l *listing) affine(name string, shape ...int) {
	l.add(name+".weight", shape...)
	l.add(name+".bias", shape[0])
}

// backbone lists the Swin Transformer in the order in which it is recorded.
func (l *listing) backbone(c swin.Config) {
	p, dims := c.PatchSize, c.EmbedDims
	l.affine(bodyPrefix+"patch_embed.projection", dims, 3, p, p)
	l.affine(bodyPrefix+"patch_embed.norm", dims)
	if c.AbsPosEmbed {
		side := c.ImageSize / p
		l.add(bodyPrefix+"absolute_pos_embed", 1, side*side, dims)
	}
	for s, depth := range c.Depths {
		stage := fmt.Sprintf("%sstages.%d.", bodyPrefix, s)
		for b := range depth {
			l.swinBlock(fmt.Sprintf("%sblocks.%d.", stage, b), c, s)
		}
		width := c.Channels(s)
		if slices.Contains(c.OutIndices, s) {
			l.affine(fmt.Sprintf("%snorm%d", bodyPrefix, s), width)
		}
		if s+1 < c.Stages() {
			l.affine(stage+"downsample.norm", 4*width)
			l.add(stage+"downsample.reduction.weight", 2*width, 4*width)
		}
	}
}

// swinBlock lists one block of stage s.
func (l *listing) swinBlock(at string, c swin.Config, s int) {
	width, hidden, offsets := c.Channels(s), c.Hidden(s), 2*c.WindowSize-1
	l.affine(at+"norm1", width)
	if l.add(at+"attn.w_msa.qkv.weight", 3*width, width); c.QKVBias {
		l.add(at+"attn.w_msa.qkv.bias", 3*width)
	}
	l.add(at+"attn.w_msa.relative_position_bias_table", offsets*offsets, c.NumHeads[s])
	l.affine(at+"attn.w_msa.proj", width, width)
	l.affine(at+"norm2", width)
	l.affine(at+"ffn.layers.0.0", hidden, width)
	l.affine(at+"ffn.layers.1", width, hidden)
}

// pyramid lists the neck. Its convolutions are numbered from 2: the original numbers
// the backbone's stages from 1 and does not use the first.
func (l *listing) pyramid(c Config) {
	for i, s := range c.Backbone.OutIndices {
		l.affine(fmt.Sprintf("%sfpn_inner%d", neckPrefix, i+2), c.Channels, c.Backbone.Channels(s), 1, 1)
		l.affine(fmt.Sprintf("%sfpn_layer%d", neckPrefix, i+2), c.Channels, c.Channels, 3, 3)
	}
	for _, level := range []string{"p6", "p7"} {
		l.affine(neckPrefix+"top_blocks."+level, c.Channels, c.Channels, 3, 3)
	}
}

// text lists the encoder, without a pooler. Two token types belong to BERT; a
// caption has the first throughout.
func (l *listing) text(c TextConfig) {
	embeddings := textPrefix + "embeddings."
	l.add(embeddings+"word_embeddings.weight", c.VocabSize, c.Hidden)
	l.add(embeddings+"position_embeddings.weight", c.MaxPositions, c.Hidden)
	l.add(embeddings+"token_type_embeddings.weight", 2, c.Hidden)
	l.affine(embeddings+"LayerNorm", c.Hidden)
	for i := range c.Layers {
		l.bertLayer(fmt.Sprintf("%sencoder.layer.%d.", textPrefix, i), c)
	}
}

// bertLayer lists one layer of the encoder, or of the tower, which has the same sizes.
func (l *listing) bertLayer(at string, c TextConfig) {
	for _, part := range []string{"query", "key", "value"} {
		l.affine(at+"attention.self."+part, c.Hidden, c.Hidden)
	}
	l.affine(at+"attention.output.dense", c.Hidden, c.Hidden)
	l.affine(at+"attention.output.LayerNorm", c.Hidden)
	l.affine(at+"intermediate.dense", c.Intermediate, c.Hidden)
	l.affine(at+"output.dense", c.Hidden, c.Intermediate)
	l.affine(at+"output.LayerNorm", c.Hidden)
}

// fuse lists the attention between picture and text.
func (l *listing) fuse(at string, c Config) {
	picture, text, joint := c.Channels, c.Text.Hidden, c.FusionDim
	l.affine(at+"layer_norm_v", picture)
	l.affine(at+"layer_norm_l", text)
	l.affine(at+"attn.v_proj", joint, picture)
	l.affine(at+"attn.l_proj", joint, text)
	l.affine(at+"attn.values_v_proj", joint, picture)
	l.affine(at+"attn.values_l_proj", joint, text)
	l.affine(at+"attn.out_v_proj", picture, joint)
	l.affine(at+"attn.out_l_proj", text, joint)
	l.add(at+"gamma_v", picture)
	l.add(at+"gamma_l", text)
}

// dyConv lists one block of deformable convolutions: DyConv.0 for the coarser map,
// 1 for the level's own, 2 for the finer. Nine taps have two offsets and a mask each.
func (l *listing) dyConv(at string, channels int) {
	l.affine(at+"offset", 27, channels, 3, 3)
	for i := range 3 {
		conv := fmt.Sprintf("%sDyConv.%d.", at, i)
		l.affine(conv+"conv", channels, channels, 3, 3)
		l.affine(conv+"bn", channels)
	}
	l.affine(at+"AttnConv.1", 1, channels, 1, 1)
	l.affine(at+"relu.fc.0", channels/4, channels)
	l.affine(at+"relu.fc.2", 4*channels, channels/4)
}

// heads lists what reads the tower: boxes, centre-ness and token scores.
func (l *listing) heads(c Config) {
	l.affine(headPrefix+"bbox_pred", 4, c.Channels, 1, 1)
	for i := range c.AnchorStrides {
		l.add(fmt.Sprintf("%sscales.%d.scale", headPrefix, i), 1)
	}
	l.affine(headPrefix+"centerness", 1, c.Channels, 1, 1)
	l.affine(headPrefix+"dot_product_projection_text", c.Channels, c.Text.Hidden)
	l.add(headPrefix+"log_scale", 1)
	l.add(headPrefix+"bias0", 1)
	l.add(headPrefix+"bias_lang", c.Text.Hidden)
}
