package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/internal/cocofile"
	"github.com/glipvk/glipvk/labels"
	"github.com/glipvk/glipvk/text"
)

// Options of [Open].
type Options struct {
	// Pictures is the folder that the file names of pictures are in; "" is that of the annotations, or where their format says.
	Pictures string

	// Strict makes an error of what would be left out for being wrong.
	Strict bool

	// Categories, if any, are the names to use instead of the file's, by id.
	Categories []Category

	// Empty keeps pictures without objects, in which a measurement wants nothing to be found.
	Empty bool

	// Format is that of the labels, by its name in package [labels]; "" finds out.
	Format string

	// Part is one of [labels.Parts]; "" is all of them. Labels without parts are an error then, unless PartIfAny takes them whole.
	Part      string
	PartIfAny bool

	// VOC is what Pascal VOC's numbers are.
	VOC labels.VOC

	// Unchecked does not look whether the files of pictures are there.
	Unchecked bool
}

// mostObjects bounds those of a picture: the matcher compares each with every anchor.
const mostObjects = 1000

// raw is annotations as they are.
type raw struct {
	categories  []cocofile.Category
	pictures    []cocofile.Image
	annotations []cocofile.Annotation
}

// Open reads annotations: COCO's JSON, or grounding JSON, whose pictures have captions and whose annotations say in
// tokens_positive which parts of them they are of, or labels in another format that package [labels] reads. path may be a folder that holds
// them. Errors wrap [ErrAnnotations] or are those of reading.
func Open(ctx context.Context, path string, o Options) (*Set, error) {
	s, err := open(ctx, path, o)
	if err == nil && o.Strict && s.Report.Total() > 0 {
		err = fmt.Errorf("%s: %w: strict, and %s", path, ErrAnnotations, s.Report.explained())
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	return s, nil
}

func open(ctx context.Context, path string, o Options) (*Set, error) {
	if o.Format == "" {
		var err error
		if o.Format, err = labels.Detect(ctx, path); err != nil {
			return nil, annotations(err)
		}
	}
	if o.Format != "coco" {
		return labelled(ctx, path, o)
	}
	at, err := labels.COCOFile(path, labels.ReadOptions{Part: o.Part, PartIfAny: o.PartIfAny})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, annotations(err))
	}
	o.Pictures = cmp.Or(o.Pictures, filepath.Dir(at))
	var r raw
	err = r.read(ctx, at)
	var s *Set
	if err == nil {
		s, err = r.set(ctx, o)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	return s, nil
}

// annotations makes an error of package labels one of this.
func annotations(err error) error {
	if errors.Is(err, labels.ErrLabels) || errors.Is(err, labels.ErrFormat) {
		return fmt.Errorf("%w: %w", ErrAnnotations, err)
	}
	return err
}

// read takes what a file has. An element whose fields have other types than they should is kept as far as it could be read.
func (r *raw) read(ctx context.Context, path string) error {
	err := cocofile.Open(ctx, path, ErrAnnotations, cocofile.Lists{
		Image: func(_ int, e cocofile.Image, _ error) error { r.pictures = append(r.pictures, e); return nil },
		Annotation: func(_ int, e cocofile.Annotation, _ error) error {
			r.annotations = append(r.annotations, e)
			return nil
		},
		Category: func(_ int, e cocofile.Category, _ error) error { r.categories = append(r.categories, e); return nil },
	})
	if err == nil && len(r.pictures) == 0 {
		err = fmt.Errorf("%w: no images; want COCO's JSON, an object with images, annotations and categories", ErrAnnotations)
	}
	return err
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
	owned := slices.ContainsFunc(r.annotations, func(a cocofile.Annotation) bool { id, ok := cocofile.Whole(a.Category); return ok && id == 0 })
	for i, c := range r.categories {
		id, ok := cocofile.Whole(c.ID)
		if !ok {
			s.Report.note(&s.Report.Categories, "category %d, %q, has no id", i, c.Name)
			continue
		}
		if _, twice := labels[id]; twice {
			s.Report.note(&s.Report.Categories, "category %q has the id %d of an earlier one", c.Name, id)
			continue
		}
		if c.Group(r.categories, owned) {
			continue // what Roboflow calls all others together
		}
		name := c.Name
		if i := slices.IndexFunc(names, func(n Category) bool { return n.ID == id }); i >= 0 {
			name = names[i].Name
		}
		if strings.TrimSpace(name) == "" {
			return nil, fmt.Errorf("%w: the category with the id %d has no name, which captions are made of", ErrAnnotations, id)
		}
		s.Categories = append(s.Categories, Category{id, name})
		labels[id] = len(s.Categories)
	}
	if len(s.Categories) > 0 {
		return labels, nil
	}
	if !slices.ContainsFunc(r.pictures, func(p cocofile.Image) bool { return p.Caption != "" }) {
		return nil, fmt.Errorf("%w: neither categories nor pictures with captions; want COCO's list \"categories\" of objects with id and name", ErrAnnotations)
	}
	s.Categories = []Category{{1, "object"}} // grounding data has one category, which some files do not list
	return labels, nil
}

// pictures are those that are described well, by id.
func (s *Set) pictures(list []cocofile.Image, folder string, labels map[int64]int) map[int64]*Picture {
	pictures := map[int64]*Picture{}
	for i, p := range list {
		id, ok := cocofile.Whole(p.ID)
		name := p.FileName()
		if !ok || name == "" || !side(p.Width) || !side(p.Height) {
			s.Report.note(&s.Report.Nameless, "image %d of the list, %q, lacks one of id, file_name, width and height, or these are not above 0", i, name)
			continue
		}
		if _, twice := pictures[id]; twice {
			s.Report.note(&s.Report.Twice, "%s has the id %d of an earlier image", name, id)
			continue
		}
		path := filepath.FromSlash(name)
		if !filepath.IsAbs(path) {
			path = filepath.Join(folder, path)
		}
		pictures[id] = &Picture{ID: id, Path: path, Width: int(p.Width), Height: int(p.Height), Caption: p.Caption}
		if p.Absent != nil && p.Caption == "" {
			pictures[id].Asked = s.absent(id, p.Absent, labels)
		}
	}
	return pictures
}

// side says whether a width or height is one that a picture may have, in pixels.
func side(v float64) bool { return v >= 1 && v <= 1<<24 && v == math.Trunc(v) }

// absent are the labels of what a picture is said not to show.
func (s *Set) absent(picture int64, ids []float64, labels map[int64]int) []int {
	list := []int{}
	for _, v := range ids {
		id, ok := cocofile.Whole(&v)
		label, known := labels[id]
		if !ok || !known {
			s.Report.note(&s.Report.Asked, "picture %d has %s in neg_category_ids, a category that the file does not have", picture, strconv.FormatFloat(v, 'f', -1, 64))
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
func (s *Set) annotate(a *cocofile.Annotation, pictures map[int64]*Picture, labels map[int64]int) {
	r := &s.Report
	image, known := cocofile.Whole(a.Image)
	category, listed := cocofile.Whole(a.Category)
	var p *Picture
	label := 0
	if known {
		p, known = pictures[image]
	}
	if listed {
		label, listed = labels[category]
	}
	if p != nil && p.Caption != "" && !listed {
		label, listed = 1, true
	}
	id, _ := cocofile.Whole(a.ID)
	crowd, _ := a.IsCrowd()
	switch {
	case !known || !listed:
		r.note(&r.Unknown, "annotation %d is of picture %d and category %d, one of which the file does not have", id, image, category)
		return
	case crowd:
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

// clipped turns x, y, width and height into corners inside a picture; ok is false where no area is left (BoxList's
// convert and clip_to_image of maskrcnn_benchmark/structures/bounding_box.py).
func clipped(b []float64, width, height int) (glip.Box, bool) {
	box := glip.Box{X1: b[0], Y1: b[1], X2: b[0] + math.Max(b[2]-1, 0), Y2: b[1] + math.Max(b[3]-1, 0)}.Clip(height, width)
	return box, box.X2 > box.X1 && box.Y2 > box.Y1
}
