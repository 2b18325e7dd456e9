package labels

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/internal/jsonlist"
)

// What of a file of LabelMe is read; the picture in it, if there is one, is not.
type (
	labelMeIn struct {
		Shapes *[]labelMeShapeIn `json:"shapes"`
		Path   string            `json:"imagePath"`
		Height float64           `json:"imageHeight"`
		Width  float64           `json:"imageWidth"`
	}
	labelMeShapeIn struct {
		Label  string      `json:"label"`
		Points [][]float64 `json:"points"`
		Type   string      `json:"shape_type"`
		Score  *float64    `json:"score"`
	}
)

func readLabelMe(ctx context.Context, at string, o ReadOptions) (*Set, error) {
	list, err := files(ctx, at, func(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".json") })
	if err != nil {
		return nil, err
	}
	if o.Pictures == "" {
		o.Pictures = at
	}
	found, err := stems(ctx, o.Pictures)
	if err != nil {
		return nil, err
	}
	b, err := build(o, nil)
	if err != nil {
		return nil, err
	}
	for _, name := range list {
		data, err := file.ReadAll(ctx, filepath.Join(at, filepath.FromSlash(name)), mostText)
		if err != nil {
			return nil, err
		}
		if err := b.labelMe(ctx, name, data, found); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := b.rest(ctx, o.Pictures, found); err != nil {
		return nil, err
	}
	return b.done()
}

// labelMe adds the picture of a file.
func (b *builder) labelMe(ctx context.Context, name string, data []byte, found map[string]string) error {
	var f labelMeIn
	if err := json.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("%w: %w; want LabelMe's JSON, an object with shapes", ErrLabels, jsonlist.Explained(err))
	}
	if f.Shapes == nil {
		b.set.Report.note(&b.set.Report.Other, "%s has no shapes: it is no file of LabelMe", name)
		return nil
	}
	key := pictureOf(stem(name), f.Path, found)
	p, err := b.picture(ctx, key, f.Width, f.Height, filepath.Join(b.options.Pictures, filepath.FromSlash(key)))
	if err != nil {
		return unless(err)
	}
	for i, s := range *f.Shapes {
		where := fmt.Sprintf("%s: shape %d", name, i)
		box, ok, err := s.box()
		if err != nil {
			return fmt.Errorf("%w: shape %d: %w", ErrLabels, i, err)
		}
		if !ok {
			b.set.Report.note(&b.set.Report.Other, "%s is a %.40q of %d points", where, s.Type, len(s.Points))
			continue
		}
		o := Object{Box: box}
		if s.Score != nil {
			o.Score, o.Scored = *s.Score, true
		}
		if o.Class, err = b.class(strings.TrimSpace(s.Label), where); err != nil {
			return err
		}
		if err := b.object(&p, o, where); err != nil {
			return err
		}
	}
	b.add(p)
	return nil
}

// box is the box around a shape; false where it is none that has one. The corners of a rectangle may be any two opposite ones, or all
// four, in any order.
func (s labelMeShapeIn) box() (Box, bool, error) {
	var points [][2]float64
	for _, p := range s.Points {
		if len(p) != 2 {
			return Box{}, false, fmt.Errorf("a point has %d numbers, want x and y", len(p))
		}
		points = append(points, [2]float64{p[0], p[1]})
	}
	switch s.Type {
	case "circle": // its centre, and a point on it
		if len(points) != 2 {
			return Box{}, false, nil
		}
		c, r := points[0], math.Hypot(points[1][0]-points[0][0], points[1][1]-points[0][1])
		return Box{c[0] - r, c[1] - r, c[0] + r, c[1] + r}, true, nil
	case "rectangle", "rotation", "polygon", "mask", "":
		box, _ := hull(points)
		return box, len(points) >= 2, nil
	}
	return Box{}, false, nil
}
