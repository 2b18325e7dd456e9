package glip

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/swin"
)

// The families of whole detectors that can be bound.
const (
	// Official is microsoft/GLIP: the body below backbone.body, the head below
	// rpn.head, usually all of it below "module.".
	Official bind.Family = "microsoft/GLIP detector"

	// MMDetection is open-mmlab/mmdetection's GLIP: official files by its converter
	// (tools/model_converters/glip_to_mmdet.py), and its own fine-tuned ones.
	MMDetection bind.Family = "MMDetection GLIP detector"
)

// ErrFamily: the names are those of no GLIP detector. The message says what was
// recognised instead and what that is good for, or quotes some names. Remedy: the
// checkpoint of a whole detector.
var ErrFamily = errors.New("not a checkpoint of a GLIP detector")

// wholeFile is what the refusals recommend.
const wholeFile = "detection needs the file of a whole detector, such as glip_tiny_model_o365_goldg_cc_sbu.pth"

// parts says which parts of a detector the names of a file have, by where one
// family puts them.
type parts struct{ body, tower, text bool }

func (p parts) all() bool { return p.body && p.tower && p.text }

// look searches the names for the parts; body must stand at the front of a name
// and may ask for a word further on.
func look(src bind.Source, body, word, tower, text string) parts {
	var p parts
	for _, key := range src.Names() {
		name := bind.Trunk(key)
		p.body = p.body || strings.HasPrefix(name, body) && strings.Contains(name, word)
		p.tower = p.tower || strings.HasPrefix(name, tower)
		p.text = p.text || strings.HasPrefix(name, text)
	}
	return p
}

// officialParts and mmdetParts look for the parts under the names of each family.
func officialParts(src bind.Source) parts {
	return look(src, bodyPrefix+"layers.", "", towerPrefix, textPrefix)
}

func mmdetParts(src bind.Source) parts {
	return look(src, "backbone.stages.", ".attn.w_msa.", "bbox_head.head.dyhead_tower.", "language_model."+textPrefix)
}

// Detect tells the family of a detector's checkpoint by its names. It takes a Swin
// backbone, the head's tower and the text encoder, each in its family's place.
// Errors: [bind.ErrMissing] for a file without tensors, [ErrFamily] for everything else.
func Detect(src bind.Source) (bind.Family, error) {
	if len(src.Names()) == 0 {
		return "", fmt.Errorf("glip: %s: %w: the file holds no tensors at all", bind.FileName(src), bind.ErrMissing)
	}
	switch {
	case officialParts(src).all():
		return Official, nil
	case mmdetParts(src).all():
		return MMDetection, nil
	}
	return "", fmt.Errorf("glip: %s: %w: %s", bind.FileName(src), ErrFamily, recognise(src))
}

// recognise says what a file is that is no detector of ours, and what helps.
func recognise(src bind.Source) string {
	if key, ok := groundingDINO(src); ok {
		return key + " belongs to Grounding DINO, another architecture that these programs do not run; use a GLIP checkpoint"
	}
	for _, p := range []parts{officialParts(src), mmdetParts(src)} {
		switch {
		case p.body && p.text:
			return "it has GLIP's backbone and text encoder, but no head with a tower (dyhead_tower): a file cut down; " +
				"its backbone serves for features (glip features), " + wholeFile
		case p.body && p.tower:
			return "it has the backbone and head of a detector without a text encoder (DyHead); " +
				"its backbone serves for features (glip features), " + wholeFile
		case p.tower && p.text:
			return "it has GLIP's head and text encoder, but no plain Swin backbone; " + wholeFile
		}
	}
	if what, ok := backbone(src); ok {
		return fmt.Sprintf("it is %s; use it for features (glip features), %s", what, wholeFile)
	}
	names := src.Names()
	for _, key := range names {
		if strings.HasSuffix(key, "embeddings.word_embeddings.weight") {
			return key + " belongs to a text encoder alone; " + wholeFile
		}
	}
	return fmt.Sprintf("among its %d tensors are %s", len(names), strings.Join(names[:min(len(names), 5)], ", "))
}

// groundingDINO looks for names that IDEA's code, MMDetection's or Hugging Face's
// gives to that detector's parts and GLIP has not.
func groundingDINO(src bind.Source) (key string, ok bool) {
	marks := []string{
		"transformer.encoder.fusion_layers.", "bbox_head.cls_branches.", "encoder.fusion_layers.", "model.text_backbone.", "text_feat_map.",
	}
	for _, key := range src.Names() {
		name := bind.Trunk(key)
		if slices.ContainsFunc(marks, func(mark string) bool { return strings.HasPrefix(name, mark) }) {
			return key, true
		}
	}
	return "", false
}

// backbone says what kind of file holds a Swin backbone that package swin knows.
func backbone(src bind.Source) (what string, ok bool) {
	names, err := swin.MapNames(src)
	if err != nil || len(names.Keys["patch_embed.projection.weight"]) == 0 {
		return "", false
	}
	what = fmt.Sprintf("a Swin backbone alone (%s)", names.Family)
	for _, ignored := range names.Ignored {
		first, _, _ := strings.Cut(bind.Trunk(ignored.Key), ".")
		switch first {
		case "head", "classifier":
			what = fmt.Sprintf("a Swin classifier (%s)", names.Family)
		case "rpn_head", "roi_head", "bbox_head", "mask_head":
			return fmt.Sprintf("another detector with a Swin backbone (%s)", names.Family), true
		case "decode_head":
			return fmt.Sprintf("a segmenter with a Swin backbone (%s)", names.Family), true
		}
	}
	return what, true
}
