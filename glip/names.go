package glip

import (
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/bind"
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

// Params lists the parameters of the detector by canonical name, in the order of the
// recorded graph: the names are those of microsoft/GLIP's files without "module.", but
// for the backbone, whose names below "backbone.body." and whose order of patch merging
// are those of package swin (mmpretrain's). The configuration must be a valid one.
func (c Config) Params() []Param {
	c.Backbone.PadSmallMap = true // any size of picture will do, the parameters are the same
	g, err := Record(c, Grounding{Height: 2 * Divisor, Width: 2 * Divisor, Tokens: 2, Labels: 1})
	if err != nil {
		return nil
	}
	var list []Param
	for _, id := range g.Params() {
		list = append(list, Param{g.Nodes[id].Path, slices.Clone(g.Nodes[id].Shape)})
	}
	return list
}

// OfficialParams lists the same parameters, in the same order and shapes, under the
// names of microsoft/GLIP's files. The class head cls_logits, which official files
// have and nothing reads, is not among them. In such a file the inputs of patch
// merging stand in another order, which [Bind] sees to.
func OfficialParams(cfg Config) []Param {
	params := cfg.Params()
	for i, p := range params {
		params[i].Name = OfficialName(p.Name)
	}
	return params
}

// Store says how files of [Official] or [MMDetection] have a parameter, each under one name. The table of prompt tuning, which
// MMDetection does not know, keeps its name there. ok is false for other families.
func Store(f bind.Family, p Param) (s bind.Stored, ok bool) {
	body, prefix := swin.GLIPDetector, bodyPrefix
	switch f {
	case Official:
		s = bind.Stored{Keys: []string{p.Name}, Shape: p.Shape}
	case MMDetection:
		s = bind.Stored{Keys: []string{mmdetectionName(p.Name)}, Shape: p.Shape}
		body, prefix = swin.MMPretrain, "backbone."
	default:
		return s, false
	}
	rest, inside := strings.CutPrefix(p.Name, bodyPrefix)
	if !inside {
		return s, true
	}
	if s, ok = swin.Store(body, swin.Config{}, rest, p.Shape); ok {
		s.Keys[0] = prefix + s.Keys[0]
	}
	return s, ok
}

// OfficialTensor gives a parameter the name and the order of elements that microsoft/GLIP's files have; the
// argument is unchanged.
func OfficialTensor(p Param, data []float32) (string, []float32) {
	s, ok := Store(Official, p)
	if !ok {
		return p.Name, data
	}
	if s.Order != nil {
		data = slices.Clone(data)
		s.Order(data)
	}
	return s.Keys[0], data
}

// OfficialName turns a canonical name into that of microsoft/GLIP.
func OfficialName(name string) string {
	if rest, ok := strings.CutPrefix(name, bodyPrefix); ok {
		if keys := swin.Keys(swin.GLIPDetector, swin.Config{}, rest); keys != nil {
			return bodyPrefix + keys[0]
		}
	}
	return name
}

// mmdetectionName turns a canonical name outside the backbone into that of MMDetection.
func mmdetectionName(name string) string {
	if rest, ok := strings.CutPrefix(name, neckPrefix); ok {
		return "neck." + neckNames().Replace(rest)
	}
	if rest, ok := strings.CutPrefix(name, headPrefix); ok {
		return "bbox_head.head." + strings.NewReplacer(".DyConv.", ".dyconvs.", ".AttnConv.", ".attnconv.").Replace(rest)
	}
	if strings.HasPrefix(name, textPrefix) {
		return "language_model." + name
	}
	return name
}

// neckNames turns the modules of the pyramid into those of MMDetection's.
func neckNames() *strings.Replacer {
	var pairs []string
	for i := range 3 {
		pairs = append(pairs, fmt.Sprintf("fpn_inner%d.", i+2), fmt.Sprintf("lateral_convs.%d.conv.", i), fmt.Sprintf("fpn_layer%d.", i+2), fmt.Sprintf("fpn_convs.%d.conv.", i))
	}
	return strings.NewReplacer(append(pairs, "top_blocks.p6.", "fpn_convs.3.conv.", "top_blocks.p7.", "fpn_convs.4.conv.")...)
}
