package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"path"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/glipvk/glipvk/internal/file"
	"golang.org/x/sync/errgroup"
)

// annotations are COCO's, or those of grounding data.
type annotations struct {
	Images      []picture    `json:"images"`
	Categories  []category   `json:"categories"`
	Annotations []annotation `json:"annotations"`
}

type picture struct {
	ID        int64   `json:"id"`
	FileName  string  `json:"file_name"`
	Width     int     `json:"width"`
	Height    int     `json:"height"`
	Caption   string  `json:"caption,omitempty"`
	Negatives []int64 `json:"neg_category_ids,omitempty"` // as LVIS has them
}

type category struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

type annotation struct {
	ID       int64    `json:"id"`
	Picture  int64    `json:"image_id"`
	Category int64    `json:"category_id"`
	Box      [4]int   `json:"bbox"`
	Area     int      `json:"area"`
	Crowd    int      `json:"iscrowd"`
	Positive [][2]int `json:"tokens_positive,omitempty"`
}

// newAnnotations are empty ones of categories, or of grounding data where there are none.
func newAnnotations(categories []kind) *annotations {
	a := &annotations{}
	for i, k := range categories {
		a.Categories = append(a.Categories, category{int64(i + 1), k.phrase()})
	}
	if len(categories) == 0 {
		a.Categories = []category{{1, "object"}}
	}
	return a
}

// add appends a picture, which is called name, and its things: all of the categories, or those that the caption names.
func (a *annotations) add(categories []kind, name string, e example) {
	p := picture{ID: int64(len(a.Images) + 1), FileName: name, Width: side, Height: side, Caption: e.text}
	for _, k := range e.negatives {
		p.Negatives = append(p.Negatives, int64(slices.Index(categories, k)+1))
	}
	a.Images = append(a.Images, p)
	for i, t := range e.things {
		note := annotation{
			ID: int64(len(a.Annotations) + 1), Picture: p.ID, Category: 1,
			Box: [4]int{t.box.Min.X, t.box.Min.Y, t.box.Dx(), t.box.Dy()}, Area: t.box.Dx() * t.box.Dy(),
		}
		if len(categories) > 0 {
			note.Category = int64(slices.IndexFunc(categories, func(k kind) bool { return k.names(t.kind) }) + 1)
		} else {
			for _, s := range e.spans[i] {
				note.Positive = append(note.Positive, [2]int{s.Begin, s.End})
			}
			if len(note.Positive) == 0 {
				continue
			}
		}
		a.Annotations = append(a.Annotations, note)
	}
}

// save writes annotations.
func (a *annotations) save(path string) error {
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return file.Replace(path, append(data, '\n'), 0o644)
}

// savePicture writes a picture.
func savePicture(path string, picture image.Image, level png.CompressionLevel) error {
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: level}
	if err := encoder.Encode(&b, picture); err != nil {
		return err
	}
	return file.Replace(path, b.Bytes(), 0o644)
}

// dice are those of a scene of a part: no two scenes of whichever parts have the same.
func (p part) dice(seed uint64, index int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, hash("part "+p.name)+uint64(index)))
}

// write draws a part's scenes into a folder of its name in out, on all cores, and writes the annotations beside it.
func (p part) write(ctx context.Context, w *world, out string, seed uint64) (*annotations, error) {
	examples := make([]example, p.count)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	name := func(i int) string { return path.Join(p.name, fmt.Sprintf("%06d.png", i+1)) }
	for i := range examples {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			e, err := p.make(w, p.dice(seed, i))
			if err != nil {
				return fmt.Errorf("scene %d of %s: %w", i+1, p.name, err)
			}
			err = savePicture(filepath.Join(out, filepath.FromSlash(name(i))), e.picture, png.BestSpeed)
			e.picture = nil // it is written, and many would not fit
			examples[i] = e
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	a := newAnnotations(p.categories)
	for i, e := range examples {
		a.add(p.categories, name(i), e)
	}
	return a, a.save(filepath.Join(out, p.name+".json"))
}
