package dataset

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/glipvk/glipvk/internal/cocofile"
	"github.com/glipvk/glipvk/labels"
	"github.com/glipvk/glipvk/picture"
)

// labelled reads labels in a format other than COCO's, as if they were in that: pictures have the places of their names for numbers, and
// classes theirs.
func labelled(ctx context.Context, path string, o Options) (*Set, error) {
	set, err := labels.Read(ctx, o.Format, path, labels.ReadOptions{Pictures: o.Pictures, Part: o.Part, PartIfAny: o.PartIfAny, VOC: o.VOC, Size: Size})
	if err != nil {
		return nil, annotations(err)
	}
	set.Number()
	o.Pictures = "" // the paths of pictures are whole
	s, err := rawOf(set).set(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r := &s.Report
	r.Outside += set.Report.Flat
	r.Unknown += set.Report.Unknown
	r.Absent += set.Report.Unread
	r.Duplicate += set.Report.Duplicate
	r.Shapes += set.Report.Other
	r.Examples = append(r.Examples, set.Report.Left()...)
	return s, nil
}

// rawOf is a numbered set in COCO's form.
func rawOf(set *labels.Set) (r raw) {
	numbers := make([]float64, len(set.Classes))
	for i, name := range set.Classes {
		numbers[i] = float64(set.CategoryIDs[i])
		r.categories = append(r.categories, cocofile.Category{ID: &numbers[i], Name: name})
	}
	for _, p := range set.Pictures {
		id := float64(p.ID)
		r.pictures = append(r.pictures, cocofile.Image{ID: &id, Name: p.File, Width: float64(p.Width), Height: float64(p.Height)})
		for _, o := range p.Objects {
			w, h := o.Box.Size()
			number := float64(len(r.annotations) + 1)
			a := cocofile.Annotation{ID: &number, Image: &id, Category: &numbers[o.Class], Box: []float64{o.Box.X1, o.Box.Y1, w, h}}
			if o.Crowd {
				a.Crowd = json.RawMessage("1")
			}
			r.annotations = append(r.annotations, a)
		}
	}
	return r
}

// Size is the width and height in pixels of the picture in a file, upright, as [labels.ReadOptions] asks for them: one that cannot be read is left
// out.
func Size(ctx context.Context, path string) (width, height int, err error) {
	h, err := picture.OpenHeader(ctx, path, picture.Limits{})
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", labels.ErrPicture, err)
	}
	return h.Width, h.Height, err
}
