package swin

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/bind"
)

// The families that can be bound, each named after the code that writes its files.
const (
	MMPretrain   bind.Family = "mmpretrain"    // open-mmlab/mmpretrain, its GLIP backbones and old mmclassification files
	GLIPDetector bind.Family = "GLIP detector" // microsoft/GLIP, backbone below backbone.body
	Microsoft    bind.Family = "Microsoft"     // microsoft/Swin-Transformer classification, timm before 0.9
	Timm         bind.Family = "timm"          // timm from 0.9: the merge belongs to the next stage
	Torchvision  bind.Family = "torchvision"   // torchvision.models.swin_transformer
	HuggingFace  bind.Family = "Hugging Face"  // transformers SwinModel and SwinBackbone
)

// ErrFamily: the names are those of no Swin we can bind. The message says what
// was recognised instead, or quotes some names. Remedy: another checkpoint.
var ErrFamily = errors.New("not a checkpoint of a known Swin family")

// prefixes under which a backbone may stand in a larger model; the longest
// first. The empty one is the bare backbone.
func prefixes() []string { return []string{"backbone.body.", "backbone.", "swin.", "model.", ""} }

// bare strips trunk and the first prefix that fits.
func bare(key string) string {
	key = bind.Trunk(key)
	for _, p := range prefixes() {
		if rest, ok := strings.CutPrefix(key, p); ok {
			return rest
		}
	}
	return key
}

// patches end the name of the weight that each family begins a backbone with.
var patches = []string{
	"patch_embed.projection.weight", "patch_embed.proj.weight", "embeddings.patch_embeddings.projection.weight", "features.0.0.weight",
}

// mostRoots bounds how many backbones of one file are told apart.
const mostRoots = 16

// Roots says what stands before the names of each model in a file that has a Swin backbone,
// where the rules of this package do not know it, such as "net." or "teacher."; "" where they do.
func Roots(src bind.Source) []string {
	var roots []string
	for _, key := range src.Names() {
		for _, patch := range patches {
			before, ok := strings.CutSuffix(key, patch)
			if !ok || before != "" && !strings.HasSuffix(before, ".") || foreign(key) {
				continue
			}
			root := beheaded(before)
			if bind.Trunk(beheaded(bind.Trunk(before))) == "" {
				root = wrapped(root)
			}
			if !slices.Contains(roots, root) && len(roots) < mostRoots {
				roots = append(roots, root)
			}
			break
		}
	}
	return roots
}

// beheaded is what stands before the place of a backbone in a larger model.
func beheaded(before string) string {
	for _, p := range prefixes() {
		if rest, ok := strings.CutSuffix(before, p); ok && (rest == "" || strings.HasSuffix(rest, ".")) {
			return rest
		}
	}
	return before
}

// wrapped is a root of nothing but wrappers; "" where data-parallel ones are all there is, which
// the published files have.
func wrapped(root string) string {
	if bind.Trunk(root) != "" || strings.ReplaceAll(root, "module.", "") == "" {
		return ""
	}
	return root
}

// foreign says whether a key belongs to a part of a detector whose name merely
// contains that of the backbone.
func foreign(key string) bool {
	return strings.Contains(key, "language_backbone") || slices.Contains(strings.Split(key, "."), "fpn")
}

// Detect tells the family of a checkpoint by its names and a few shapes. Swin V2,
// GLIP's vision-language and swint_v2 variants, and position embeddings of
// Hugging Face's kind are refused by name.
func Detect(src bind.Source) (bind.Family, error) {
	names := src.Names()
	if len(names) == 0 {
		return "", fmt.Errorf("swin: %s: %w: the file holds no tensors at all", bind.FileName(src), bind.ErrMissing)
	}
	if what := refusedVariant(src); what != "" {
		return "", fmt.Errorf("swin: %s: %w: %s", bind.FileName(src), ErrFamily, what)
	}
	shapes := map[string][]int{} // by bare name, of the backbone
	glip, mmpretrain := false, false
	for _, key := range names {
		mmpretrain = mmpretrain || strings.Contains(key, "attn.w_msa.")
		glip = glip || strings.HasPrefix(bind.Trunk(key), "backbone.body.layers.") || strings.Contains(key, "language_backbone")
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
	return "", fmt.Errorf("swin: %s: %w: among its %d tensors are %s", bind.FileName(src), ErrFamily,
		len(names), strings.Join(names[:min(len(names), 5)], ", "))
}

// refusedVariant names a related architecture that must not be bound as a Swin.
func refusedVariant(src bind.Source) string {
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
