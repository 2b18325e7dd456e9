package glipvk

import (
	"fmt"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/swin"
)

// ModelInfo describes a model. Names and figures called published are those of
// mmpretrain (configs/glip).
type ModelInfo struct {
	Name         string      `json:"name"`
	Nickname     string      `json:"nickname,omitempty"`
	Config       swin.Config `json:"arch"`
	Height       int         `json:"height"` // of the default input, pixels
	Width        int         `json:"width"`
	Mean         [3]float32  `json:"mean"` // in the channel order, on the scale 0 to 255
	Std          [3]float32  `json:"std"`
	ChannelOrder string      `json:"channel_order"`
	Preprocess   string      `json:"preprocess"`           // the default pipeline in words
	Checkpoint   string      `json:"checkpoint,omitempty"` // the official file
	Origin       string      `json:"origin,omitempty"`     // the file of microsoft/GLIP it was made from

	// Parameters and MultiplyAdds are counted in the recorded graph, at the default
	// input size. One multiply-add is two floating-point operations.
	Parameters   int64 `json:"parameters"`
	MultiplyAdds int64 `json:"multiply_adds"`

	// Published are mmpretrain's figures as its metafile states them. They describe
	// a classifier, not the headless backbone: only the last norm, a pooling and a
	// head of 1536 x 1000, which for GLIP-T is the width of another model.
	// Reproduced are the same figures by mmpretrain's counting rule from our graph,
	// see [swin.PublishedCounts].
	Published  swin.Published `json:"published"`
	Reproduced swin.Published `json:"reproduced"`
}

// Models lists the models that have a name.
func Models() []ModelInfo {
	return []ModelInfo{
		known(ModelInfo{
			Name: "swin-t_glip-pre_3rdparty", Nickname: "GLIP-T",
			Checkpoint: "swin-t_glip-pre_3rdparty_20230413-d85813b5.pth",
			Origin:     "glip_tiny_model_o365_goldg_cc_sbu.pth",
			Published:  swin.Published{Parameters: 29_056_354, FLOPs: 4_508_464_128},
		}, "tiny", 7, 224),
		known(ModelInfo{
			Name: "swin-l_glip-pre_3rdparty_384px", Nickname: "GLIP-L",
			Checkpoint: "swin-l_glip-pre_3rdparty_384px_20230413-04b198e8.pth",
			Origin:     "glip_large_model.pth",
			Published:  swin.Published{Parameters: 196_735_516, FLOPs: 104_080_343_040},
		}, "large", 12, 384),
	}
}

// known completes the description of a named model.
func known(info ModelInfo, size string, window, side int) ModelInfo {
	cfg, err := swin.Preset(size, window, side)
	if err == nil {
		info, err = describe(info, cfg)
	}
	if err != nil {
		panic(err) // a preset of ours that does not record; the tests list them all
	}
	return info
}

// describe fills in what follows from an architecture.
func describe(info ModelInfo, cfg swin.Config) (ModelInfo, error) {
	info.Config = cfg
	info.Height, info.Width = cfg.ImageSize, cfg.ImageSize
	info.Mean = [3]float32{103.53, 116.28, 123.675}
	info.Std = [3]float32{57.375, 57.12, 58.395}
	info.ChannelOrder = "BGR"
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

// Lookup finds a model by name or nickname, upper and lower case alike. The error
// wraps [ErrInput].
func Lookup(name string) (ModelInfo, error) {
	models := Models()
	i := slices.IndexFunc(models, func(m ModelInfo) bool {
		return strings.EqualFold(m.Name, name) || strings.EqualFold(m.Nickname, name)
	})
	if i < 0 {
		var names []string
		for _, m := range models {
			names = append(names, fmt.Sprintf("%s (%s)", m.Name, m.Nickname))
		}
		return ModelInfo{}, blame(fmt.Errorf("glipvk: no model is called %q; there are %s", name, strings.Join(names, " and ")))
	}
	return models[i], nil
}

// Pipeline is the way from a picture to the model's input. The default is
// mmpretrain's own for a Swin of that size: at 224 the short edge becomes 256 and
// a square of 224 is cut from the middle, otherwise the picture becomes a square
// whatever its ratio (configs/_base_/datasets/imagenet_bs64_swin_224 and _384;
// the GLIP configurations name none).
func (i ModelInfo) Pipeline(size Size, limits picture.Limits) picture.Pipeline {
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
