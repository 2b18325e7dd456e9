package glip

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/swin"
)

// PromptRows is the size of the table of prompt tuning that a file has, 0 where it has none. Shapes of other axes are left to [Bind].
func PromptRows(src bind.Source) int {
	for _, name := range src.Names() {
		if bind.Trunk(name) == PromptTable {
			if shape, _ := src.Shape(name); len(shape) == 2 {
				return shape[0]
			}
		}
	}
	return 0
}

// mostNumber bounds the numbers in names.
const mostNumber = 999

// NameMap says what every tensor of a detector's checkpoint is.
type NameMap struct {
	bind.NameMap

	src     bind.Source
	body    *swin.NameMap  // of the backbone's tensors, whose names it has without prefix
	anchors map[int]string // the file's anchors by level
}

// view is a part of a checkpoint.
type view struct {
	bind.Source
	names []string
}

// Names lists the tensors of the part, in file order.
func (v view) Names() []string { return v.names }

// Path is the name of the whole file.
func (v view) Path() string { return bind.FileName(v.Source) }

// MapNames detects the family of a detector's checkpoint and says what each of its
// tensors is, without asking for any architecture. Errors are those of [Detect] and,
// for the backbone, of swin.Detect.
func MapNames(src bind.Source) (*NameMap, error) {
	family, err := Detect(src)
	if err != nil {
		return nil, err
	}
	m := &NameMap{NameMap: bind.NameMap{Family: family, Keys: map[string][]string{}}, src: src, anchors: map[int]string{}}
	body := view{Source: src}
	known := knownForms()
	for _, key := range src.Names() {
		name := bind.Trunk(key)
		if inBody(family, name) {
			body.names = append(body.names, key)
			continue
		}
		ours := true
		if family == MMDetection {
			name, ours = fromMMDetection(name)
		}
		reason := useless(name)
		switch {
		case reason != "":
			m.Ignored = append(m.Ignored, bind.IgnoredKey{Key: key, Reason: reason})
			m.anchor(name, key)
		case !ours || !known[form(name)] || strings.HasPrefix(name, bodyPrefix):
			m.Unknown = append(m.Unknown, key)
		default:
			m.Claim(name, 0, 1, key)
		}
	}
	return m, m.mapBody(body)
}

// mapBody adds what package swin makes of the backbone.
func (m *NameMap) mapBody(src view) (err error) {
	if m.body, err = swin.MapNames(src); err != nil {
		return fmt.Errorf("glip: the backbone: %w", err)
	}
	for name, keys := range m.body.Keys {
		m.Keys[bodyPrefix+name] = keys
	}
	m.Ignored = append(m.Ignored, m.body.Ignored...)
	m.Unknown = append(m.Unknown, m.body.Unknown...)
	return nil
}

// inBody says whether a name without "module." is one of the backbone's.
func inBody(family bind.Family, name string) bool {
	prefix := bodyPrefix
	if family == MMDetection {
		prefix = "backbone."
	}
	rest, ok := strings.CutPrefix(name, prefix)
	first, _, _ := strings.Cut(rest, ".")
	return ok && (strings.HasPrefix(first, "norm") || slices.Contains([]string{"patch_embed", "absolute_pos_embed", "layers", "stages"}, first))
}

// anchor remembers where the file has the anchors of a level.
func (m *NameMap) anchor(name, key string) {
	if rest, ok := strings.CutPrefix(name, "rpn.anchor_generator.cell_anchors."); ok {
		if level, ok := bind.Number(rest, mostNumber); ok {
			m.anchors[level] = key
		}
	}
}

// useless gives the reason why a tensor with this official name is of no use, ""
// for any other.
func useless(name string) string {
	switch {
	case name == textPrefix+"embeddings.position_ids", name == textPrefix+"embeddings.token_type_ids":
		return "a buffer, computed anew"
	case strings.HasPrefix(name, textPrefix+"pooler."):
		return "the text encoder's pooler, which is never called"
	case strings.HasPrefix(name, headPrefix+"cls_logits."):
		return "a class head whose values no score uses"
	case strings.HasPrefix(name, "rpn.anchor_generator.cell_anchors."):
		return "anchors, computed anew"
	case strings.Contains(name, "resizer"):
		return "a resizer, which no released model uses"
	}
	return ""
}

// knownForms are the forms of all parameters that a detector can have, with fusion and
// without.
var knownForms = sync.OnceValue(func() map[string]bool {
	known := map[string]bool{}
	for _, name := range PresetNames() {
		c, _ := Preset(name) // one of those that are listed
		c.Text.Layers, c.Layers = 1, 1
		c.PromptRows = c.MaxTokens
		for _, p := range c.Params() {
			known[form(p.Name)] = true
		}
	}
	return known
})

// form is a name with "#" for every part that is a number.
func form(name string) string {
	list := strings.Split(name, ".")
	for i, p := range list {
		if _, ok := bind.Number(p, mostNumber); ok {
			list[i] = "#"
		}
	}
	return strings.Join(list, ".")
}

// fromMMDetection turns a name of MMDetection's outside the backbone into the
// official one; a name that is none of its own stays as it is. The tower's modules go
// by either spelling: the converter's first form left them as they were.
func fromMMDetection(name string) (official string, ok bool) {
	if name == PromptTable {
		return name, true // as [Store] leaves it
	}
	if rest, ok := strings.CutPrefix(name, "language_model."); ok && strings.HasPrefix(rest, textPrefix) {
		return rest, true
	}
	if rest, ok := strings.CutPrefix(name, "bbox_head.anchor_generator."); ok {
		return "rpn.anchor_generator." + rest, true
	}
	if rest, ok := strings.CutPrefix(name, "bbox_head.head."); ok {
		list := strings.Split(rest, ".")
		if len(list) > 2 && list[0] == "dyhead_tower" {
			switch list[2] {
			case "dyconvs":
				list[2] = "DyConv"
			case "attnconv":
				list[2] = "AttnConv"
			}
		}
		return headPrefix + strings.Join(list, "."), true
	}
	list := strings.Split(name, ".") // neck, list, index, conv, leaf
	if len(list) != 5 || list[0] != "neck" || list[3] != "conv" {
		return name, false
	}
	i := slices.Index([]string{"0", "1", "2", "3", "4"}, list[2])
	switch {
	case list[1] == "lateral_convs" && i >= 0 && i < 3:
		return fmt.Sprintf("%sfpn_inner%d.%s", neckPrefix, i+2, list[4]), true
	case list[1] == "fpn_convs" && i >= 0 && i < 3:
		return fmt.Sprintf("%sfpn_layer%d.%s", neckPrefix, i+2, list[4]), true
	case list[1] == "fpn_convs" && i >= 3:
		return fmt.Sprintf("%stop_blocks.p%d.%s", neckPrefix, i+3, list[4]), true
	}
	return name, false
}
