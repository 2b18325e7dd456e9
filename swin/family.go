package swin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Source is what weights are bound from: the tensors of a checkpoint under the
// names that stand in the file. *loader.Checkpoint satisfies it.
type Source interface {
	Names() []string                                             // in file order
	Shape(name string) (shape []int, ok bool)                    // without reading the tensor
	DType(name string) string                                    // "float32", "int64", ...
	Tensor(name string) (shape []int, data []float32, err error) // row-major, widened to float32
}

// Family is a lineage of checkpoint files: who named the tensors, and in which
// order patch merging joins the four neighbours.
type Family string

// The families that can be bound, each named after the code that writes its files.
const (
	MMPretrain   Family = "mmpretrain"    // open-mmlab/mmpretrain, its GLIP backbones and old mmclassification files
	GLIPDetector Family = "GLIP detector" // microsoft/GLIP, backbone below backbone.body
	Microsoft    Family = "Microsoft"     // microsoft/Swin-Transformer classification, timm before 0.9
	Timm         Family = "timm"          // timm from 0.9: the merge belongs to the next stage
	Torchvision  Family = "torchvision"   // torchvision.models.swin_transformer
	HuggingFace  Family = "Hugging Face"  // transformers SwinModel and SwinBackbone
)

// ErrFamily: the names are those of no Swin we can bind. The message says what
// was recognised instead, or quotes some names. Remedy: another checkpoint.
var ErrFamily = errors.New("not a checkpoint of a known Swin family")

// blockOrder says whether the family joins the four neighbours of a patch merge
// block after block: element (ky + 2kx)·C + c, where the recorded graph and
// mmpretrain's own files have 4c + 2ky + kx (tools/model_converters/glip_to_mmpretrain.py).
func (f Family) blockOrder() bool { return f != MMPretrain }

// trunk strips what data-parallel wrappers put before every name.
func trunk(key string) string {
	for strings.HasPrefix(key, "module.") {
		key = key[len("module."):]
	}
	return key
}

// prefixes under which a backbone may stand in a larger model; the longest
// first. The empty one is the bare backbone.
func prefixes() []string { return []string{"backbone.body.", "backbone.", "swin.", "model.", ""} }

// bare strips trunk and the first prefix that fits.
func bare(key string) string {
	key = trunk(key)
	for _, p := range prefixes() {
		if rest, ok := strings.CutPrefix(key, p); ok {
			return rest
		}
	}
	return key
}

// foreign says whether a key belongs to a part of a detector whose name merely
// contains that of the backbone.
func foreign(key string) bool {
	return strings.Contains(key, "language_backbone") || slices.Contains(strings.Split(key, "."), "fpn")
}

// Detect tells the family of a checkpoint by its names and a few shapes. Swin V2,
// GLIP's vision-language and swint_v2 variants, and position embeddings of
// Hugging Face's kind are refused by name.
func Detect(src Source) (Family, error) {
	names := src.Names()
	if len(names) == 0 {
		return "", fmt.Errorf("swin: %s: %w: the file holds no tensors at all", sourceName(src), ErrMissing)
	}
	if what := refusedVariant(src); what != "" {
		return "", fmt.Errorf("swin: %s: %w: %s", sourceName(src), ErrFamily, what)
	}
	shapes := map[string][]int{} // by bare name, of the backbone
	glip, mmpretrain := false, false
	for _, key := range names {
		mmpretrain = mmpretrain || strings.Contains(key, "attn.w_msa.")
		glip = glip || strings.HasPrefix(trunk(key), "backbone.body.layers.") || strings.Contains(key, "language_backbone")
		if !foreign(key) {
			shapes[bare(key)], _ = src.Shape(key)
		}
	}
	mergesFour := func(key, patch string) bool { // a norm over 4·C0
		n, p := shapes[key], shapes[patch]
		return len(n) == 1 && len(p) == 4 && n[0] == 4*p[0]
	}
	has := func(key string) bool { _, ok := shapes[key]; return ok }
	switch {
	case mmpretrain:
		return MMPretrain, nil
	case glip:
		return GLIPDetector, nil
	case len(shapes["features.0.0.weight"]) == 4:
		return Torchvision, nil
	case has("embeddings.patch_embeddings.projection.weight"):
		return HuggingFace, nil
	case mergesFour("layers.0.downsample.norm.weight", "patch_embed.proj.weight"):
		return Microsoft, nil
	case !has("layers.0.downsample.norm.weight") && mergesFour("layers.1.downsample.norm.weight", "patch_embed.proj.weight"),
		has("head.fc.weight"):
		return Timm, nil
	}
	return "", fmt.Errorf("swin: %s: %w: among its %d tensors are %s", sourceName(src), ErrFamily,
		len(names), strings.Join(names[:min(len(names), 5)], ", "))
}

// refusedVariant names a related architecture that must not be bound as a Swin.
func refusedVariant(src Source) string {
	for _, key := range src.Names() {
		if foreign(key) {
			continue
		}
		shape, _ := src.Shape(key)
		name := bare(key)
		parts := strings.Split(name, ".")
		last := parts[len(parts)-1]
		switch {
		case slices.Contains(parts, "cpb_mlp"), last == "relative_coords_table",
			last == "logit_scale" && slices.Contains(parts, "attn"), last == "q_bias":
			return fmt.Sprintf("%s belongs to Swin V2, which computes attention differently; use a Swin (V1) checkpoint", key)
		case strings.Contains(name, "qkv_text"), strings.Contains(name, "i2t_relative_position_bias"):
			return fmt.Sprintf("%s belongs to GLIP's vision-language Swin; use a checkpoint with the plain backbone", key)
		case name == "patch_embed.proj.weight" && len(shape) == 4 && shape[2] == 7,
			matches(name, "layers.S.blocks.B.gamma"):
			return fmt.Sprintf("%s %v belongs to GLIP's swint_v2; use a checkpoint with the plain backbone", key, shape)
		case name == "embeddings.position_embeddings":
			return fmt.Sprintf("%s is an absolute position embedding with a class token, which this backbone does not have", key)
		}
	}
	return ""
}

// sourceName is the file's name, if the source knows it.
func sourceName(src Source) string {
	if p, ok := src.(interface{ Path() string }); ok && p.Path() != "" {
		return p.Path()
	}
	return "checkpoint"
}
