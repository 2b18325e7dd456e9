package labels

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/glipvk/glipvk/internal/cocofile"
)

// cocoNames are what files of COCO's annotations of a whole set are called.
var cocoNames = []string{"annotations_without_background.json", "_annotations.coco.json", "annotations.json", "instances.json"}

// cocoPart are the names of the file of a part.
func cocoPart(part string) []string {
	names := []string{part + ".json", part + "/_annotations.coco.json", "instances_" + part + ".json"}
	if part == "val" {
		names = append(names, "valid/_annotations.coco.json")
	}
	return names
}

// COCOFile is the file of COCO's annotations that a path names: itself, or if it is a folder the one in it, or that of the part in it. Errors
// wrap [ErrLabels].
func COCOFile(at string, o ReadOptions) (string, error) {
	if o.Part == "" {
		return oneOf(at, cocoNames...)
	}
	found, err := oneOf(at, cocoPart(o.Part)...)
	if err != nil && o.PartIfAny {
		if whole, failed := oneOf(at, cocoNames...); failed == nil {
			return whole, nil
		}
	}
	return found, err
}

// cocoLists are the lists of a file. Annotations wait for the rest, which may come behind them.
type cocoLists struct {
	images      []cocofile.Image
	categories  []cocofile.Category
	annotations []cocoThing
	zero        bool // an annotation is of category 0
}

// cocoThing is an annotation whose picture and category are still numbers.
type cocoThing struct {
	image, category int64
	object          Object
}

func readCOCO(ctx context.Context, at string, o ReadOptions) (*Set, error) {
	at, err := COCOFile(at, o)
	if err != nil {
		return nil, err
	}
	var l cocoLists
	if err := cocofile.Open(ctx, at, ErrLabels, l.lists()); err != nil {
		return nil, err
	}
	o.Pictures = cmp.Or(o.Pictures, filepath.Dir(at))
	return l.set(ctx, o)
}

// lists takes what a file has.
func (l *cocoLists) lists() cocofile.Lists {
	return cocofile.Lists{
		Image: func(_ int, e cocofile.Image, odd error) error {
			l.images = append(l.images, e)
			return odd
		},
		Category: func(_ int, e cocofile.Category, odd error) error {
			l.categories = append(l.categories, e)
			return odd
		},
		Annotation: func(_ int, e cocofile.Annotation, odd error) error {
			if odd != nil {
				return odd
			}
			return l.annotation(e)
		},
	}
}

func (l *cocoLists) annotation(a cocofile.Annotation) error {
	t, err := cocoThingOf(a)
	if err != nil {
		return err
	}
	crowd, ok := a.IsCrowd()
	if !ok {
		return fmt.Errorf("iscrowd is %.40s, want 0 or 1", a.Crowd)
	}
	t.object.Crowd = crowd
	l.zero = l.zero || t.category == 0
	l.annotations = append(l.annotations, t)
	return nil
}

// cocoThingOf is an annotation, or a result, that has all that it must have.
func cocoThingOf(a cocofile.Annotation) (t cocoThing, err error) {
	if t.image, err = whole64("image_id", a.Image); err != nil {
		return t, err
	}
	if t.category, err = whole64("category_id", a.Category); err != nil {
		return t, err
	}
	if len(a.Box) != 4 {
		return t, fmt.Errorf("bbox has %d numbers, want left, top, width and height", len(a.Box))
	}
	x, y, w, h := a.Box[0], a.Box[1], a.Box[2], a.Box[3]
	t.object.Box = Box{x, y, x + w, y + h}
	if a.Score != nil {
		t.object.Score, t.object.Scored = *a.Score, true
	}
	return t, nil
}

// whole64 is a number that may be written 3 or 3.0.
func whole64(name string, v *float64) (int64, error) {
	if v == nil {
		return 0, fmt.Errorf("%s is missing", name)
	}
	n, ok := cocofile.Whole(v)
	if !ok {
		return 0, fmt.Errorf("%s is %v, want a whole number", name, *v)
	}
	return n, nil
}

// set joins the lists.
func (l *cocoLists) set(ctx context.Context, o ReadOptions) (*Set, error) {
	listed, ids, err := l.classes()
	if err != nil {
		return nil, err
	}
	b, err := build(o, listed)
	if err != nil {
		return nil, err
	}
	b.fixed = true
	at, taken := map[int64]int{}, map[int64]int{} // pictures, and elements, by their number
	for i, image := range l.images {
		id, err := whole64("id", image.ID)
		if err != nil {
			return nil, fmt.Errorf("%w: image %d: %w", ErrLabels, i, err)
		}
		if other, twice := taken[id]; twice {
			return nil, fmt.Errorf("%w: image %d has the id %d of image %d", ErrLabels, i, id, other)
		}
		name := localName(image.FileName(), o.Pictures)
		p, err := b.picture(ctx, name, image.Width, image.Height, filepath.Join(o.Pictures, filepath.FromSlash(name)))
		if unless(err) != nil {
			return nil, fmt.Errorf("image %d: %w", i, err)
		}
		if taken[id] = i; err == nil {
			p.ID = id
			at[id] = len(b.set.Pictures)
			b.add(p)
		}
	}
	names := map[int64]string{}
	for i, id := range ids {
		names[id] = listed[i]
	}
	for i, a := range l.annotations {
		image, known := at[a.image]
		class, listed := names[a.category]
		if err := b.numbered(image, known, class, listed, a, fmt.Sprintf("annotation %d", i)); err != nil {
			return nil, err
		}
	}
	if o.Classes == nil {
		b.set.CategoryIDs = ids
	}
	return b.done()
}

// numbered adds an annotation or a result to the picture at some place, unless its numbers are those of none that is known.
func (b *builder) numbered(image int, known bool, class string, listed bool, a cocoThing, where string) (err error) {
	if !known || !listed {
		b.set.Report.note(&b.set.Report.Unknown, "%s is of image %d and category %d, which are not both there", where, a.image, a.category)
		return nil
	}
	if a.object.Class, err = b.class(class, where); err != nil {
		return err
	}
	return b.object(&b.set.Pictures[image], a.object, where)
}

// classes are the names of the categories, in the file's order, and their numbers. Roboflow's files begin with a category 0 that is the
// group of the others and owns nothing: it is left out.
func (l *cocoLists) classes() (listed []string, ids []int64, err error) {
	names, taken := map[string]bool{}, map[int64]string{}
	for i, c := range l.categories {
		id, err := whole64("id", c.ID)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: category %d: %w", ErrLabels, i, err)
		}
		if other, twice := taken[id]; twice {
			return nil, nil, fmt.Errorf("%w: categories %q and %q have the id %d", ErrLabels, other, c.Name, id)
		}
		taken[id] = c.Name
		if strings.TrimSpace(c.Name) == "" {
			return nil, nil, fmt.Errorf("%w: category %d has no name", ErrLabels, i)
		}
		if c.Group(l.categories, l.zero) {
			continue
		}
		if names[c.Name] {
			return nil, nil, fmt.Errorf("%w: two categories are called %q", ErrLabels, c.Name)
		}
		names[c.Name] = true
		ids, listed = append(ids, id), append(listed, c.Name)
	}
	return listed, ids, nil
}

// localName is the name of a picture from the folder of pictures, where it is absolute and in that.
func localName(name, folder string) string {
	if filepath.IsAbs(name) {
		if root, err := filepath.Abs(folder); err == nil {
			if inside, err := filepath.Rel(root, name); err == nil && filepath.IsLocal(inside) {
				return filepath.ToSlash(inside)
			}
		}
	}
	return name
}
