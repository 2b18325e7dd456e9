package dataset

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/internal/jsonlist"
	"github.com/glipvk/glipvk/text"
)

// Options of [Open].
type Options struct {
	// Pictures is the folder that the file names of pictures are in; "" is that of the annotations.
	Pictures string

	// Strict makes an error of what would be left out for being wrong.
	Strict bool

	// Categories, if any, are the names to use instead of the file's, by id.
	Categories []Category

	// Empty keeps pictures without objects, in which a measurement wants nothing to be found.
	Empty bool

	// Unchecked does not look whether the files of pictures are there.
	Unchecked bool
}

// Bounds of what is read, far above COCO's and Objects365's.
const (
	mostBytes      = 8 << 30
	mostEntries    = 50 << 20 // pictures and annotations
	mostCategories = 1 << 16
	mostObjects    = 1000 // of a picture: the matcher compares each with every anchor
)

// entry is an element of one of the file's lists, of whichever.
type entry struct {
	ID            *int64
	Name          string
	FileName      string `json:"file_name"`
	Width, Height int
	Caption       string
	ImageID       int64     `json:"image_id"`
	CategoryID    int64     `json:"category_id"`
	Box           []float64 `json:"bbox"`
	Crowd         any       `json:"iscrowd"`
	Positive      [][]int   `json:"tokens_positive"`
	Absent        []int64   `json:"neg_category_ids"`
}

// raw is a file of annotations as it is.
type raw struct {
	categories, pictures, annotations []entry
}

// Open reads annotations: COCO's JSON, or grounding JSON, whose pictures have captions and whose annotations say in
// tokens_positive which parts of them they are of. path may be a folder that holds the file, with the pictures, under the name that
// ODinW gives it. Errors wrap [ErrAnnotations] or are those of reading.
func Open(ctx context.Context, path string, o Options) (*Set, error) {
	path, err := inFolder(path)
	if err != nil {
		return nil, err
	}
	f, info, err := file.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > mostBytes {
		return nil, fmt.Errorf("dataset: %s: %w: %d bytes, want at most %d", path, ErrAnnotations, info.Size(), int64(mostBytes))
	}
	r, err := read(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	o.Pictures = cmp.Or(o.Pictures, filepath.Dir(path))
	s, err := r.set(ctx, o)
	if err == nil && o.Strict && s.Report.Total() > 0 {
		err = fmt.Errorf("%w: strict, and %s", ErrAnnotations, s.Report.explained())
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	return s, nil
}

// inFolder is the file of annotations in a folder, or path itself if it is none.
func inFolder(path string) (string, error) {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return path, nil // whatever is wrong with it, opening it will say more
	}
	names := []string{"annotations_without_background.json", "_annotations.coco.json", "annotations.json"}
	for _, name := range names {
		if inside := filepath.Join(path, name); exists(inside) {
			return inside, nil
		}
	}
	return "", fmt.Errorf("dataset: %s: %w: a folder without any of %q", path, ErrAnnotations, names)
}

// read reads the lists, element by element.
func read(ctx context.Context, in io.Reader) (r raw, err error) {
	d := json.NewDecoder(bufio.NewReaderSize(in, 1<<20))
	bad := func(err error) error {
		return fmt.Errorf("%w: at byte %d: %w; want COCO's JSON, an object with images, annotations and categories", ErrAnnotations, d.InputOffset(), err)
	}
	if err := jsonlist.Delim(d, '{'); err != nil {
		return r, bad(err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return r, bad(err)
		}
		list, most := (*[]entry)(nil), mostEntries
		switch key {
		case "images":
			list = &r.pictures
		case "annotations":
			list = &r.annotations
		case "categories":
			list, most = &r.categories, mostCategories
		default:
			if err := jsonlist.Skip(ctx, d); err != nil {
				return r, bad(err)
			}
			continue
		}
		if err := entries(ctx, d, list, most); err != nil {
			return r, bad(fmt.Errorf("%s: %w", key, err))
		}
	}
	if len(r.pictures) == 0 {
		return r, bad(errors.New("no images"))
	}
	return r, nil
}

// entries reads a list. An element whose fields have other types than they should is kept as far as it could be read.
func entries(ctx context.Context, d *json.Decoder, list *[]entry, most int) error {
	return jsonlist.Each(ctx, d, most, func(int) error {
		var e entry
		var odd *json.UnmarshalTypeError
		if err := d.Decode(&e); err != nil && !errors.As(err, &odd) {
			return err
		}
		*list = append(*list, e)
		return nil
	})
}

// set makes of what was read what can be learned from.
func (r raw) set(ctx context.Context, o Options) (*Set, error) {
	s := &Set{}
	labels, err := s.categories(r, o.Categories)
	if err != nil {
		return nil, err
	}
	pictures := s.pictures(r.pictures, o.Pictures, labels)
	for i := range r.annotations {
		s.annotate(&r.annotations[i], pictures, labels)
	}
	for _, id := range slices.Sorted(maps.Keys(pictures)) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.keep(pictures[id], o)
	}
	if len(s.Pictures) == 0 {
		return nil, fmt.Errorf("%w: no picture has an object to learn from; %s", ErrAnnotations, s.Report.explained())
	}
	return s, nil
}

// categories lists them and gives their labels by id; names stand instead of the file's.
func (s *Set) categories(r raw, names []Category) (map[int64]int, error) {
	labels := map[int64]int{}
	for i, c := range r.categories {
		if c.ID == nil {
			s.Report.note(&s.Report.Categories, "category %d, %q, has no id", i, c.Name)
			continue
		}
		if _, twice := labels[*c.ID]; twice {
			s.Report.note(&s.Report.Categories, "category %q has the id %d of an earlier one", c.Name, *c.ID)
			continue
		}
		name := c.Name
		if i := slices.IndexFunc(names, func(n Category) bool { return n.ID == *c.ID }); i >= 0 {
			name = names[i].Name
		}
		if strings.TrimSpace(name) == "" {
			return nil, fmt.Errorf("%w: the category with the id %d has no name, which captions are made of", ErrAnnotations, *c.ID)
		}
		s.Categories = append(s.Categories, Category{*c.ID, name})
		labels[*c.ID] = len(s.Categories)
	}
	if len(s.Categories) > 0 {
		return labels, nil
	}
	if !slices.ContainsFunc(r.pictures, func(p entry) bool { return p.Caption != "" }) {
		return nil, fmt.Errorf("%w: neither categories nor pictures with captions; want COCO's list \"categories\" of objects with id and name", ErrAnnotations)
	}
	s.Categories = []Category{{1, "object"}} // grounding data has one category, which some files do not list
	return labels, nil
}

// pictures are those that are described well, by id.
func (s *Set) pictures(list []entry, folder string, labels map[int64]int) map[int64]*Picture {
	pictures := map[int64]*Picture{}
	for i, p := range list {
		if p.ID == nil || p.FileName == "" || p.Width < 1 || p.Height < 1 {
			s.Report.note(&s.Report.Nameless, "image %d of the list, %q, lacks one of id, file_name, width and height, or these are not above 0", i, p.FileName)
			continue
		}
		if _, twice := pictures[*p.ID]; twice {
			s.Report.note(&s.Report.Twice, "%s has the id %d of an earlier image", p.FileName, *p.ID)
			continue
		}
		path := filepath.FromSlash(p.FileName)
		if !filepath.IsAbs(path) {
			path = filepath.Join(folder, path)
		}
		pictures[*p.ID] = &Picture{ID: *p.ID, Path: path, Width: p.Width, Height: p.Height, Caption: p.Caption}
		if p.Absent != nil && p.Caption == "" {
			pictures[*p.ID].Asked = s.absent(p, labels)
		}
	}
	return pictures
}

// absent are the labels of what a picture is said not to show.
func (s *Set) absent(p entry, labels map[int64]int) []int {
	list := []int{}
	for _, id := range p.Absent {
		label, known := labels[id]
		if !known {
			s.Report.note(&s.Report.Asked, "picture %d has %d in neg_category_ids, a category that the file does not have", *p.ID, id)
			continue
		}
		list = append(list, label)
	}
	return distinct(list)
}

// keep takes a picture in, unless there is nothing to learn from it.
func (s *Set) keep(p *Picture, o Options) {
	if len(p.Objects) == 0 && !o.Empty {
		s.Report.Empty++
		return
	}
	if !o.Unchecked {
		if info, err := os.Stat(p.Path); err != nil || !info.Mode().IsRegular() {
			s.Report.note(&s.Report.Absent, "picture %d: there is no file %s", p.ID, p.Path)
			return
		}
	}
	if p.Asked != nil {
		for _, c := range p.Crowds {
			p.Asked = append(p.Asked, c.Label)
		}
		p.Asked = distinct(append(p.Asked, p.labels()...))
	}
	s.Pictures = append(s.Pictures, *p)
}

// annotate adds an annotation to its picture.
func (s *Set) annotate(a *entry, pictures map[int64]*Picture, labels map[int64]int) {
	r := &s.Report
	p, known := pictures[a.ImageID]
	label, listed := labels[a.CategoryID]
	if p != nil && p.Caption != "" && !listed {
		label, listed = 1, true
	}
	id := int64(0)
	if a.ID != nil {
		id = *a.ID
	}
	switch {
	case !known || !listed:
		r.note(&r.Unknown, "annotation %d is of picture %d and category %d, one of which the file does not have", id, a.ImageID, a.CategoryID)
		return
	case crowd(a.Crowd):
		if r.Crowds++; len(a.Box) == 4 {
			p.Crowds = append(p.Crowds, Crowd{[4]float64(a.Box), label})
		}
		return
	case len(a.Box) != 4 || slices.ContainsFunc(a.Box, func(v float64) bool { return v-v != 0 }):
		r.note(&r.Malformed, "annotation %d of picture %d has the box %v, want x, y, width and height", id, p.ID, a.Box)
		return
	}
	box, ok := clipped(a.Box, p.Width, p.Height)
	if !ok {
		r.note(&r.Outside, "annotation %d of picture %d has the box %v in a picture of %d x %d", id, p.ID, a.Box, p.Width, p.Height)
		return
	}
	if len(p.Objects) >= mostObjects {
		r.note(&r.Many, "picture %d has more than %d objects", p.ID, mostObjects)
		return
	}
	o := Object{Box: box, Label: label}
	for _, span := range a.Positive {
		if len(span) != 2 || span[0] < 0 || span[1] <= span[0] || span[1] > len([]rune(p.Caption)) {
			r.note(&r.Spans, "annotation %d of picture %d has the span %v of the caption %.60q", id, p.ID, span, p.Caption)
			continue
		}
		o.Spans = append(o.Spans, text.Span{Begin: span[0], End: span[1]})
	}
	p.Objects = append(p.Objects, o)
}

func crowd(v any) bool {
	switch x := v.(type) {
	case bool:
		return x
	case float64:
		return x != 0
	}
	return false
}

// clipped turns x, y, width and height into corners inside a picture; ok is false where no area is left (BoxList's
// convert and clip_to_image of maskrcnn_benchmark/structures/bounding_box.py).
func clipped(b []float64, width, height int) (glip.Box, bool) {
	box := glip.Box{X1: b[0], Y1: b[1], X2: b[0] + math.Max(b[2]-1, 0), Y2: b[1] + math.Max(b[3]-1, 0)}.Clip(height, width)
	return box, box.X2 > box.X1 && box.Y2 > box.Y1
}
