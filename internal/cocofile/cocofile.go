// Package cocofile reads COCO's annotations element by element, as far as the elements can be read; what is wrong with one is for
// the caller to judge. Package labels refuses it, package dataset counts it.
package cocofile

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/internal/jsonlist"
)

// Bounds of what is read, far above those of any published set.
const (
	mostBytes       = 8 << 30
	mostImages      = 1 << 25
	mostAnnotations = 1 << 27
	mostCategories  = 1 << 16
	mostWhole       = 1<<53 - 1 // up to which a float64 has every whole number, and no other one looks like it
)

// Image is an element of images. Numbers may be written 3 or 3.0.
type Image struct {
	ID            *float64
	Name          string `json:"file_name"`
	URL           string `json:"coco_url"` // LVIS has it instead of a name
	Width, Height float64
	Caption       string    // of grounding data
	Absent        []float64 `json:"neg_category_ids"` // LVIS'; nil where the file does not say
}

// Annotation is an element of annotations.
type Annotation struct {
	ID       *float64
	Image    *float64  `json:"image_id"`
	Category *float64  `json:"category_id"`
	Box      []float64 `json:"bbox"` // left, top, width and height
	Score    *float64
	Crowd    json.RawMessage `json:"iscrowd"`
	Positive [][]int         `json:"tokens_positive"` // begins and ends in the caption, of grounding data
}

// Category is an element of categories.
type Category struct {
	ID    *float64
	Name  string
	Super string `json:"supercategory"`
}

// Lists are told the elements of a file by their places. odd is what could not be read of an element, or nil. An error ends the
// reading.
type Lists struct {
	Image      func(i int, e Image, odd error) error
	Annotation func(i int, e Annotation, odd error) error
	Category   func(i int, e Category, odd error) error
}

// Open reads a file. Errors about what is in it wrap kind; others are the context's, or those of reading.
func Open(ctx context.Context, path string, kind error, l Lists) error {
	f, info, err := file.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if info.Size() > mostBytes {
		return fmt.Errorf("%w: %d bytes, want at most %d", kind, info.Size(), int64(mostBytes))
	}
	return Read(ctx, f, kind, l)
}

// Read is Open for what is read already.
func Read(ctx context.Context, in io.Reader, kind error, l Lists) error {
	d := json.NewDecoder(bufio.NewReaderSize(in, 1<<20))
	err := l.read(ctx, d)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%w: at byte %d: %w; want COCO's JSON, an object with images, annotations and categories", kind, d.InputOffset(), jsonlist.Explained(err))
}

func (l Lists) read(ctx context.Context, d *json.Decoder) error {
	if err := jsonlist.Delim(d, '{'); err != nil {
		return err
	}
	seen := map[json.Token]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		switch key {
		case "images", "annotations", "categories":
			if seen[key] {
				return fmt.Errorf("%v: a second list of that name", key)
			}
			seen[key] = true
		}
		switch key {
		case "images":
			err = jsonlist.Elements(ctx, d, mostImages, l.Image)
		case "annotations":
			err = jsonlist.Elements(ctx, d, mostAnnotations, l.Annotation)
		case "categories":
			err = jsonlist.Elements(ctx, d, mostCategories, l.Category)
		default:
			err = jsonlist.Skip(ctx, d)
		}
		if err != nil {
			return fmt.Errorf("%v: %w", key, err)
		}
	}
	if err := jsonlist.Delim(d, '}'); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is something else behind its end")
	}
	return nil
}

// Whole is a number that may be written 3 or 3.0; false where there is none, or another one.
func Whole(v *float64) (int64, bool) {
	if v == nil || *v != math.Trunc(*v) || math.Abs(*v) > mostWhole {
		return 0, false
	}
	return int64(*v), true
}

// FileName is the name of a picture; of LVIS the last two parts of its address.
func (i Image) FileName() string {
	if i.Name == "" && i.URL != "" {
		return path.Join(path.Base(path.Dir(i.URL)), path.Base(i.URL))
	}
	return i.Name
}

// IsCrowd reads iscrowd, a number or false or true; ok is false for anything else. All numbers but 0 mean a crowd, as for pycocotools.
func (a Annotation) IsCrowd() (crowd, ok bool) {
	switch text := strings.TrimSpace(string(a.Crowd)); text {
	case "", "false", "null":
		return false, true
	case "true":
		return true, true
	default:
		v, err := strconv.ParseFloat(text, 64)
		return err == nil && v != 0, err == nil
	}
}

// Group says whether a category is Roboflow's, which has the number 0, is what the others are kinds of, and owns nothing. owned says
// whether an annotation is of category 0.
func (c Category) Group(all []Category, owned bool) bool {
	id, ok := Whole(c.ID)
	return ok && id == 0 && !owned && slices.ContainsFunc(all, func(o Category) bool { return o.Super == c.Name && o.Name != c.Name })
}
