package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/glipvk/glipvk/internal/file"
	"golang.org/x/sync/errgroup"
)

// annotations are COCO's, or those of grounding data.
type annotations struct {
	Images      []imageNote  `json:"images"`
	Categories  []category   `json:"categories"`
	Annotations []annotation `json:"annotations"`
}

type imageNote struct {
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

// annotate makes annotations of categories, or of grounding data where there are none.
func annotate(categories []kind, examples []example) *annotations {
	a := &annotations{}
	for i, k := range categories {
		a.Categories = append(a.Categories, category{int64(i + 1), k.phrase()})
	}
	if len(categories) == 0 {
		a.Categories = []category{{1, "object"}}
	}
	for _, e := range examples {
		a.add(categories, e)
	}
	return a
}

// add appends a picture and its things: all, which are of the categories, or where there are none those that the caption names.
func (a *annotations) add(categories []kind, e example) {
	p := imageNote{ID: int64(len(a.Images) + 1), FileName: e.file, Width: side, Height: side}
	if len(categories) == 0 {
		p.Caption = e.text
	}
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

// save writes annotations and says so.
func (a *annotations) save(path string, say io.Writer) error {
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	fmt.Fprintf(say, "%s: %d pictures, %d things\n", path, len(a.Images), len(a.Annotations))
	return file.Replace(path, append(data, '\n'), 0o644)
}

// encode is a PNG of a picture.
func encode(picture image.Image, level png.CompressionLevel) ([]byte, error) {
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: level}
	err := encoder.Encode(&b, picture)
	return b.Bytes(), err
}

// dice are those of a scene of a part: no two scenes of whichever parts have the same.
func (p part) dice(seed uint64, index int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, hash("part "+p.name)+uint64(index)))
}

// draw draws a part's scenes on all cores and saves their pictures in the folder out.
func (p part) draw(ctx context.Context, w *world, out string, seed uint64, level png.CompressionLevel) ([]example, error) {
	examples := make([]example, p.count)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range examples {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			e, err := p.make(w, p.dice(seed, i))
			if err != nil {
				return fmt.Errorf("scene %d of %s: %w", i+1, p.name, err)
			}
			data, err := encode(e.picture, level)
			if err != nil {
				return err
			}
			e.file = fmt.Sprintf(p.file, p.first+i)
			e.picture = nil // many would not fit into memory
			examples[i] = e
			return file.Replace(filepath.Join(out, filepath.FromSlash(e.file)), data, 0o644)
		})
	}
	return examples, group.Wait()
}
