package main

import (
	"slices"

	"github.com/glipvk/glipvk/cmd/internal/cli"
	arch "github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/labels"
	"github.com/spf13/cobra"
)

// sizeFilter bounds the boxes that become labels; 0 bounds nothing.
type sizeFilter struct {
	MinSide float64 `json:"min_side,omitempty"` // of the shorter side, pixels
	MaxSide float64 `json:"max_side,omitempty"` // of the longer side, pixels
	MinArea float64 `json:"min_area,omitempty"` // share of the picture, 0 to 1
	MaxArea float64 `json:"max_area,omitempty"`
}

// define adds the flags.
func (f *sizeFilter) define(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.Float64Var(&f.MinSide, "min-size", 0, "leave out boxes whose shorter side is below so many pixels of the picture")
	fl.Float64Var(&f.MaxSide, "max-size", 0, "leave out boxes whose longer side is above so many pixels of the picture; 0 for none")
	fl.Float64Var(&f.MinArea, "min-area", 0, "leave out boxes that cover less than this share of the picture, 0 to 1")
	fl.Float64Var(&f.MaxArea, "max-area", 0, "leave out boxes that cover more than this share of the picture, as in 0.9 for those that are all of it; 0 for none")
}

// check refuses bounds that nothing keeps.
func (f sizeFilter) check() error {
	switch {
	case !(f.MinSide >= 0 && f.MaxSide >= 0):
		return cli.Usage("--min-size %g and --max-size %g: want pixels, from 0 on", f.MinSide, f.MaxSide)
	case !(f.MinArea >= 0 && f.MinArea <= 1 && f.MaxArea >= 0 && f.MaxArea <= 1):
		return cli.Usage("--min-area %g and --max-area %g: want shares of the picture, 0 to 1", f.MinArea, f.MaxArea)
	case f.MaxSide > 0 && f.MinSide > f.MaxSide:
		return cli.Usage("--min-size %g is above --max-size %g: no box is both", f.MinSide, f.MaxSide)
	case f.MaxArea > 0 && f.MinArea > f.MaxArea:
		return cli.Usage("--min-area %g is above --max-area %g: no box is both", f.MinArea, f.MaxArea)
	}
	return nil
}

// small and large say on which side of the bounds a box of a picture is.
func (f sizeFilter) judge(b labels.Box, width, height int) (small, large bool) {
	w, h := b.Clip(width, height).Size()
	share := w * h / (float64(width) * float64(height))
	small = min(w, h) < f.MinSide || share < f.MinArea
	large = f.MaxSide > 0 && max(w, h) > f.MaxSide || f.MaxArea > 0 && share > f.MaxArea
	return small, large
}

// fate is what becomes of a box.
type fate int

const (
	labelled fate = iota
	below         // the threshold of its class
	small
	large
	merged // into a better one, of another prompt
)

// judged is a box with what becomes of it.
type judged struct {
	labels.Object // its class is that of the labels
	prompt        int
	fate          fate
}

// labelRule makes labels of what was found.
type labelRule struct {
	Classes    []class    `json:"classes"`
	Thresholds []float64  `json:"thresholds"` // of each class
	Sizes      sizeFilter `json:"sizes"`
	IoU        float64    `json:"iou"`
	Agnostic   bool       `json:"agnostic"` // one box for a thing, whatever its classes

	classOf []int // of each prompt
}

// judge says what becomes of the boxes of a picture, whose classes are prompts and which fall by score. Boxes of one prompt
// were suppressed by the model; here are those of several prompts that name one thing.
func (r labelRule) judge(p labels.Picture) []judged {
	list := make([]judged, len(p.Objects))
	for i, o := range p.Objects {
		j := judged{Object: o, prompt: o.Class}
		j.Class = r.classOf[o.Class]
		tooSmall, tooLarge := r.Sizes.judge(o.Box, p.Width, p.Height)
		switch {
		case !(o.Score > r.Thresholds[j.Class]):
			j.fate = below
		case tooSmall:
			j.fate = small
		case tooLarge:
			j.fate = large
		case slices.ContainsFunc(list[:i], func(better judged) bool { return better.fate == labelled && r.covers(better, j) }):
			j.fate = merged
		}
		list[i] = j
	}
	return list
}

// covers says whether two boxes are of one thing.
func (r labelRule) covers(better, other judged) bool {
	if better.prompt == other.prompt || better.Class != other.Class && !r.Agnostic {
		return false
	}
	return arch.IoU(inclusive(better.Box), inclusive(other.Box)) > r.IoU
}

// inclusive is a box by its corner pixels.
func inclusive(b labels.Box) arch.Box {
	return arch.Box{X1: b.X1, Y1: b.Y1, X2: b.X2 - 1, Y2: b.Y2 - 1}
}

// labels is a picture with the boxes that become labels.
func (r labelRule) labels(p labels.Picture) labels.Picture {
	var kept []labels.Object
	for _, j := range r.judge(p) {
		if j.fate == labelled {
			kept = append(kept, j.Object)
		}
	}
	p.Objects = kept
	return p
}
