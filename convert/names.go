package convert

import (
	"fmt"
	"slices"

	"github.com/glipvk/glipvk/bind"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/swin"
)

// Names says what tensors are called and in which order their elements are, after the program whose files have them so.
type Names string

// The names. The first two are of detectors and of backbones, the others of backbones alone.
const (
	Microsoft   Names = "microsoft"   // microsoft/GLIP
	MMDetection Names = "mmdetection" // of backbones the same as mmpretrain
	MMPretrain  Names = "mmpretrain"
	HuggingFace Names = "huggingface" // transformers: SwinModel for one output, SwinBackbone for several
	Timm        Names = "timm"        // from 0.9; for one output
	Swin        Names = "swin"        // microsoft/Swin-Transformer, timm before 0.9
	Torchvision Names = "torchvision" // for one output
)

// form is how files with certain names are made.
type form struct {
	names    Names
	detector bind.Family // of whole detectors; "" where there are none
	backbone bind.Family
	prefix   string // before the names of a backbone
	entry    string // of the object that torch.load gives; "" where that is the dictionary itself
}

// forms lists them. Of those with one family the first is taken where names are kept.
var forms = []form{
	{Microsoft, glip.Official, swin.GLIPDetector, "backbone.body.", "model"},
	{MMPretrain, "", swin.MMPretrain, "backbone.", "state_dict"},
	{MMDetection, glip.MMDetection, swin.MMPretrain, "backbone.", "state_dict"},
	{HuggingFace, "", swin.HuggingFace, "", ""},
	{Timm, "", swin.Timm, "", ""},
	{Swin, "", swin.Microsoft, "", "model"},
	{Torchvision, "", swin.Torchvision, "", ""},
}

// AllNames lists the names.
func AllNames() (list []Names) {
	for _, f := range forms {
		list = append(list, f.names)
	}
	return list
}

// find is the form of names, or, where they are kept, that of a family.
func find(names Names, kept bind.Family) (form, error) {
	i := slices.IndexFunc(forms, func(f form) bool {
		return f.names == names || names == "" && (f.detector == kept || f.backbone == kept)
	})
	if i < 0 {
		return form{}, fmt.Errorf("convert: names %q, want one of %q, or none for those of the file", names, AllNames())
	}
	return forms[i], nil
}

// family is that of the files.
func (f form) family(detector bool) bind.Family {
	if detector {
		return f.detector
	}
	return f.backbone
}

// store says how the files have a parameter of a model, by its name in the graph; false where they have no name for it.
func (f form) store(m *model, name string, shape []int) (bind.Stored, bool) {
	if m.detector != nil {
		return glip.Store(f.detector, glip.Param{Name: name, Shape: shape})
	}
	s, ok := swin.Store(f.backbone, m.backbone, name, shape)
	for i := range s.Keys {
		s.Keys[i] = f.prefix + s.Keys[i]
	}
	return s, ok
}
