package glipvk

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/swin"
	"github.com/glipvk/glipvk/world"
)

// Info describes a model. Names and figures called published are those of
// mmpretrain (configs/glip).
type Info struct {
	Name     string       `json:"name"`
	Nickname string       `json:"nickname,omitempty"`
	Backbone swin.Config  `json:"arch"`               // of a detector, its own
	Detector *glip.Config `json:"detector,omitempty"` // nil for a backbone

	Height       int                  `json:"height,omitempty"` // of a backbone's default input, pixels
	Width        int                  `json:"width,omitempty"`
	Mean         [3]float32           `json:"mean"` // in the channel order, on the scale 0 to 255
	Std          [3]float32           `json:"std"`
	ChannelOrder string               `json:"channel_order"`
	Preprocess   string               `json:"preprocess"`           // the default pipeline in words
	Size         picture.DetectorSize `json:"-"`                    // that a detector's pictures are resized to by default; Preprocess says it
	Checkpoint   string               `json:"checkpoint,omitempty"` // the official file
	Origin       string               `json:"origin,omitempty"`     // the file of microsoft/GLIP it was made from

	// Parameters and MultiplyAdds are counted in the recorded graph, the latter of a
	// backbone at the default input size. One multiply-add is two floating-point operations.
	Parameters   int64 `json:"parameters"`
	MultiplyAdds int64 `json:"multiply_adds,omitempty"`

	// Published are mmpretrain's figures as its metafile states them. They describe
	// a classifier, not the headless backbone: only the last norm, a pooling and a
	// head of 1536 x 1000, which for GLIP-T is the width of another model.
	// Reproduced are the same figures by mmpretrain's counting rule from our graph,
	// see [swin.PublishedCounts]. Both are a backbone's.
	Published  swin.Published `json:"published,omitzero"`
	Reproduced swin.Published `json:"reproduced,omitzero"`
}

// Models lists the models that have a name, backbones and then detectors.
func Models() []Info {
	models := catalogue()
	for i, m := range models {
		models[i] = m.whole()
	}
	return models
}

// catalogue is the models' names and architectures, without what is counted in recorded graphs.
func catalogue() []Info {
	models := []Info{
		known(Info{
			Name: "swin-t_glip-pre_3rdparty", Nickname: "GLIP-T",
			Checkpoint: "swin-t_glip-pre_3rdparty_20230413-d85813b5.pth",
			Origin:     "glip_tiny_model_o365_goldg_cc_sbu.pth",
			Published:  swin.Published{Parameters: 29_056_354, FLOPs: 4_508_464_128},
		}, "tiny", 7, 224),
		known(Info{
			Name: "swin-l_glip-pre_3rdparty_384px", Nickname: "GLIP-L",
			Checkpoint: "swin-l_glip-pre_3rdparty_384px_20230413-04b198e8.pth",
			Origin:     "glip_large_model.pth",
			Published:  swin.Published{Parameters: 196_735_516, FLOPs: 104_080_343_040},
		}, "large", 12, 384),
	}
	backbones := len(models)
	checkpoints := map[string]string{
		"glip-t": "glip_tiny_model_o365_goldg_cc_sbu.pth", "glip-l": "glip_large_model.pth", "glip-t-a": "glip_a_tiny_o365.pth",
	}
	for _, name := range glip.PresetNames() {
		cfg, err := glip.Preset(name)
		models = append(models, must(Info{Name: name, Checkpoint: checkpoints[name], Backbone: cfg.Backbone, Detector: &cfg}, err))
	}
	card := own()
	body := Info{Name: "swin-world", Nickname: world.Name, Checkpoint: Embedded, Backbone: card.Config.Backbone}
	return append(slices.Insert(models, backbones, body), Info{Name: world.Name, Checkpoint: Embedded, Backbone: card.Config.Backbone, Detector: card.Config, Size: card.Size})
}

// own is the card of the weights that are in the program.
var own = sync.OnceValue(func() Card {
	card, err := OpenCard(Embedded, "")
	if err != nil {
		panic(err) // the file is ours, and a test reads it
	}
	return card
})

// known is a backbone of the catalogue.
func known(info Info, size string, window, side int) Info {
	cfg, err := swin.Preset(size, window, side)
	info.Backbone = cfg
	return must(info, err)
}

// whole completes the description of a model of the catalogue.
func (i Info) whole() Info {
	if i.Detector != nil {
		return must(describeDetector(i, *i.Detector))
	}
	return must(describe(i, i.Backbone))
}

// must is info; a preset of ours that does not record is a defect, and the tests list them all.
func must(info Info, err error) Info {
	if err != nil {
		panic(err)
	}
	return info
}

// normalised fills in what all models expect of pixels.
func (i *Info) normalised() {
	i.Mean = [3]float32{103.53, 116.28, 123.675}
	i.Std = [3]float32{57.375, 57.12, 58.395}
	i.ChannelOrder = "BGR"
}

// describe fills in what follows from a backbone's architecture.
func describe(info Info, cfg swin.Config) (Info, error) {
	info.Backbone = cfg
	info.Height, info.Width = cfg.ImageSize, cfg.ImageSize
	info.normalised()
	switch cfg.ImageSize {
	case 0:
		info.Preprocess = "the picture's own size"
		return info, nil // nothing can be counted without a size
	case 224:
		info.Preprocess = "short edge to 256 (Pillow bicubic), centre crop 224x224"
	default:
		info.Preprocess = fmt.Sprintf("resized to %dx%d (Pillow bicubic), ratio not kept", cfg.ImageSize, cfg.ImageSize)
	}
	g, err := swin.Record(cfg, swin.Input{Batch: 1, Height: info.Height, Width: info.Width})
	if err != nil {
		return info, err
	}
	c := g.Count()
	info.Parameters, info.MultiplyAdds = c.Parameters, c.MultiplyAdds
	info.Reproduced, err = swin.PublishedCounts(cfg)
	return info, err
}

// describeDetector fills in what follows from a detector's architecture.
func describeDetector(info Info, cfg glip.Config) (Info, error) {
	info.Backbone, info.Detector = cfg.Backbone, &cfg
	info.normalised()
	info.Size = cmp.Or(info.Size, picture.EvaluationSize)
	info.Preprocess = fmt.Sprintf("%s (Pillow bilinear), padded to multiples of 32", resized(info.Size))
	g, err := glip.Record(cfg, smallest())
	if err != nil {
		return info, err
	}
	info.Parameters = g.Count().Parameters
	return info, nil
}

// resized says in words what becomes of a picture's size.
func resized(s picture.DetectorSize) string {
	switch {
	case s.Original:
		return "the picture's own size"
	case s.Long == 0:
		return fmt.Sprintf("short edge to %d", s.Short)
	}
	return fmt.Sprintf("short edge to %d, long edge to %d at most", s.Short, s.Long)
}

// smallest is a query and a picture as small as can be: all parameters are in its graph.
func smallest() glip.Grounding {
	return glip.Grounding{Batch: 1, Height: 2 * glip.Divisor, Width: 2 * glip.Divisor, Tokens: 2, Labels: 1}
}

// LookupBackbone finds a backbone by its name or nickname, or that of the detector it is part of. Upper and
// lower case, hyphens, underscores and spaces do not matter: "GLIP-T", "glip_t", "Swin-T_GLIP-pre_3rdparty". The
// error wraps [ErrInput].
func LookupBackbone(name string) (Info, error) {
	m, err := lookupBackbone(name)
	if err != nil {
		return Info{}, err
	}
	return m.whole(), nil
}

// lookupBackbone is LookupBackbone in the catalogue.
func lookupBackbone(name string) (Info, error) {
	return lookup(name, "backbone", func(m Info) bool { return m.Detector == nil })
}

// LookupDetector finds a detector by its name, or by the names of its backbone, as [LookupBackbone] does; of
// two with one backbone it is the one with fusion, and "glip-t-a" that without.
func LookupDetector(name string) (Info, error) {
	m, err := lookupDetector(name)
	if err != nil {
		return Info{}, err
	}
	return m.whole(), nil
}

// lookupDetector is LookupDetector in the catalogue.
func lookupDetector(name string) (Info, error) {
	return lookup(name, "detector", func(m Info) bool { return m.Detector != nil })
}

// lookup finds a model of a kind in the catalogue.
func lookup(name, kind string, of func(Info) bool) (Info, error) {
	models := catalogue()
	named := "" // the model by a name that both kinds have
	for _, m := range models {
		if key := plain(name); key == plain(m.Name) || m.Nickname != "" && key == plain(m.Nickname) {
			named = plain(cmp.Or(m.Nickname, m.Name))
		}
	}
	var names []string
	for _, m := range models {
		if !of(m) {
			continue
		}
		known := plain(cmp.Or(m.Nickname, m.Name))
		if named == known || named == known+"a" && m.Detector == nil { // GLIP-T (A) differs in the tower only
			return m, nil
		}
		if m.Nickname != "" {
			m.Name += " (" + m.Nickname + ")"
		}
		names = append(names, m.Name)
	}
	last := len(names) - 1
	called := fmt.Sprintf("no %s is called %q", kind, name)
	if name == "" {
		called = fmt.Sprintf("no %s is named, and no file of weights says what it is of", kind)
	}
	return Info{}, blame(fmt.Errorf("glipvk: %s; there are %s and %s", called, strings.Join(names[:last], ", "), names[last]))
}

// plain is a name without what spellings differ in.
func plain(name string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(name))
}

// Pipeline is the way from a picture to a backbone's input. The default is
// mmpretrain's own for a Swin of that size: at 224 the short edge becomes 256 and
// a square of 224 is cut from the middle, otherwise the picture becomes a square
// whatever its ratio (configs/_base_/datasets/imagenet_bs64_swin_224 and _384;
// the GLIP configurations name none).
func (i Info) Pipeline(size Size, limits picture.Limits) picture.Pipeline {
	p := picture.Pipeline{Mean: i.Mean, Std: i.Std, Limits: limits}
	switch {
	case size.Original:
	case size.Height > 0:
		p.Resize = picture.Exact(size.Height, size.Width)
	case i.Height == 224:
		p.Resize, p.CenterCrop = picture.ShortEdge(256), 224
	case i.Height > 0:
		p.Resize = picture.Exact(i.Height, i.Width)
	}
	return p
}

// backbone finds the architecture that name and options ask for.
func (o BackboneOptions) backbone(name string) (Info, error) {
	if err := errors.Join(o.check(), o.Size.check()); err != nil {
		return Info{}, err
	}
	info, err := Info{Name: cmp.Or(name, "custom")}, error(nil)
	if o.Arch != nil {
		info.Backbone = *o.Arch
	} else if info, err = lookupBackbone(name); err != nil {
		return Info{}, err
	}
	cfg := info.Backbone
	if o.OutIndices != nil {
		cfg.OutIndices = slices.Clone(o.OutIndices)
	}
	cfg.PadSmallMap = cfg.PadSmallMap || o.PadSmallMap
	if err := cfg.Validate(); err != nil {
		return Info{}, err
	}
	counts, err := describe(info, cfg)
	if errors.Is(err, swin.ErrSmallMap) {
		err = nil // counted at another size than pictures will have
	}
	return counts, err
}
