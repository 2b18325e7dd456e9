package labels

import (
	"context"
	"fmt"
	"io"

	"github.com/glipvk/glipvk/internal/jsonlist"
)

// What COCO's file of annotations is made of.
type (
	cocoImage struct {
		ID       int64  `json:"id"`
		FileName string `json:"file_name"`
		Width    int    `json:"width"`
		Height   int    `json:"height"`
	}
	cocoAnnotation struct {
		ID           int64      `json:"id"`
		Image        int64      `json:"image_id"`
		Category     int64      `json:"category_id"`
		Box          [4]float64 `json:"bbox"` // left, top, width and height
		Area         float64    `json:"area"`
		Crowd        int        `json:"iscrowd"`
		Segmentation [0]int     `json:"segmentation"` // readers of masks want it
		Score        *float64   `json:"score,omitempty"`
	}
	cocoCategory struct {
		ID            int64  `json:"id"`
		Name          string `json:"name"`
		Supercategory string `json:"supercategory"`
	}
	cocoResult struct {
		Image    int64      `json:"image_id"`
		Category int64      `json:"category_id"`
		Box      [4]float64 `json:"bbox"`
		Score    float64    `json:"score"`
	}
	cocoInfo struct {
		Description string `json:"description"`
		Orientation string `json:"orientation"` // upright or stored
		Model       string `json:"model,omitempty"`
		Weights     string `json:"weights,omitempty"`
		Prompt      string `json:"prompt,omitempty"`
	}
)

// cocoBox is left, top, width and height.
func cocoBox(b Box) [4]float64 { return [4]float64{b.X1, b.Y1, b.X2 - b.X1, b.Y2 - b.Y1} }

func coco() Format {
	return Format{
		Name: "coco", About: "COCO's annotations",
		Files: "annotations.json, or one of train.json, val.json and test.json for each part", Writes: true, Reads: true,
		Scores: true, Split: true, Empty: true, Numbers: true, read: readCOCO,
		open: func(t *target) (*view, error) {
			return &view{documents: t.parted("annotations", ".json", t.coco)}, nil
		},
	}
}

// parted is a document for the whole set, or where it is split one for each part that has a share.
func (t *target) parted(name, ending string, write func(ctx context.Context, w io.Writer, all *pictures, part int) error) (list []document) {
	if !t.Split.on() {
		return []document{{name + ending, func(ctx context.Context, w io.Writer, all *pictures) error { return write(ctx, w, all, whole) }}}
	}
	for i, share := range [...]float64{t.Split.Train, t.Split.Val, t.Split.Test} {
		if share > 0 {
			list = append(list, document{Parts[i] + ending, func(ctx context.Context, w io.Writer, all *pictures) error { return write(ctx, w, all, i) }})
		}
	}
	return list
}

// coco writes the pictures of a part.
func (t *target) coco(ctx context.Context, w io.Writer, all *pictures, part int) error {
	info := cocoInfo{"Boxes and sizes are of pictures turned upright by their EXIF orientation.", "upright", t.Model, t.Weights, t.Prompt}
	if t.Stored {
		info.Description, info.Orientation = "Boxes and sizes are of pictures as they are stored, whatever their EXIF orientation.", "stored"
	}
	about, err := jsonlist.Compact(info)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "{\n\"info\": %s,\n\"licenses\": [],\n\"images\": ", about); err != nil {
		return err
	}
	images := &jsonlist.List{W: w}
	if err := all.walk(ctx, part, func(p *Picture) error { return images.Add(cocoImage{p.ID, p.Name, p.Width, p.Height}) }); err != nil {
		return err
	}
	if err := images.End(); err != nil {
		return err
	}
	if _, err := io.WriteString(w, ",\n\"annotations\": "); err != nil {
		return err
	}
	annotations := &jsonlist.List{W: w}
	err = all.walk(ctx, part, func(p *Picture) error {
		for _, o := range p.Objects {
			width, height := o.Box.Size()
			a := cocoAnnotation{ID: int64(annotations.N + 1), Image: p.ID, Category: t.category(o.Class), Box: cocoBox(o.Box), Area: width * height}
			if o.Scored {
				a.Score = &o.Score
			}
			if o.Crowd {
				a.Crowd = 1
			}
			if err := annotations.Add(a); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := annotations.End(); err != nil {
		return err
	}
	if _, err := io.WriteString(w, ",\n\"categories\": "); err != nil {
		return err
	}
	categories := &jsonlist.List{W: w}
	for i, c := range t.Classes {
		if err := categories.Add(cocoCategory{t.category(i), c, ""}); err != nil {
			return err
		}
	}
	if err := categories.End(); err != nil {
		return err
	}
	_, err = io.WriteString(w, "\n}\n")
	return err
}

// results writes COCO's list of results.
func (t *target) results(ctx context.Context, w io.Writer, all *pictures) error {
	results := &jsonlist.List{W: w}
	err := all.walk(ctx, whole, func(p *Picture) error {
		for _, o := range p.Objects {
			if err := results.Add(cocoResult{p.ID, t.category(o.Class), cocoBox(o.Box), o.Score}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := results.End(); err != nil {
		return err
	}
	_, err = io.WriteString(w, "\n")
	return err
}

func cocoResults() Format {
	return Format{
		Name: "coco-results", About: "COCO's results, for its evaluation", Files: "results.json",
		Writes: true, Reads: true, Scores: true, NeedsScores: true, Numbers: true, read: readResults,
		open: func(t *target) (*view, error) { return &view{documents: []document{{"results.json", t.results}}}, nil },
	}
}

// lvisMost is how many results of a picture LVIS's evaluation takes, of all classes together.
const lvisMost = 300

func lvisResults() Format {
	f := cocoResults()
	f.Name, f.About, f.Most = "lvis-results", "LVIS's results: the best 300 of a picture", lvisMost
	return f
}
