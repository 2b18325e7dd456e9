package labels

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/glipvk/glipvk/internal/jsonlist"
)

// What of COCO's annotations is read.
type (
	cocoImageIn struct {
		ID            *float64
		Name          string `json:"file_name"`
		URL           string `json:"coco_url"` // LVIS has it instead
		Width, Height float64
	}
	cocoAnnotationIn struct {
		Image    *float64  `json:"image_id"`
		Category *float64  `json:"category_id"`
		Box      []float64 `json:"bbox"`
		Score    *float64
		Crowd    json.RawMessage `json:"iscrowd"`
	}
	cocoCategoryIn struct {
		ID    *float64
		Name  string
		Super string `json:"supercategory"`
	}
)

// cocoLists are the lists of a file. Annotations wait for the rest, which may come behind them.
type cocoLists struct {
	images      []cocoImageIn
	categories  []cocoCategoryIn
	annotations []cocoThing
}

// cocoThing is an annotation whose picture and category are still numbers.
type cocoThing struct {
	image, category int64
	object          Object
}

func readCOCO(ctx context.Context, at string, o ReadOptions) (*Set, error) {
	names := []string{"annotations.json", "_annotations.coco.json", "instances.json"}
	if o.Part != "" {
		names = []string{o.Part + ".json", o.Part + "/_annotations.coco.json"}
	}
	at, err := oneOf(at, names...)
	if err != nil {
		return nil, err
	}
	f, info, err := file.Open(at)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > mostStream {
		return nil, fmt.Errorf("%w: %d bytes, want at most %d", ErrLabels, info.Size(), int64(mostStream))
	}
	d := json.NewDecoder(bufio.NewReaderSize(f, 1<<20))
	var l cocoLists
	if err := l.read(ctx, d); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: at byte %d: %w; want COCO's JSON, an object with images, annotations and categories", ErrLabels, d.InputOffset(), explained(err))
	}
	if o.Pictures == "" {
		o.Pictures = filepath.Dir(at)
	}
	return l.set(ctx, o)
}

func (l *cocoLists) read(ctx context.Context, d *json.Decoder) error {
	if err := jsonlist.Delim(d, '{'); err != nil {
		return err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		switch key {
		case "images":
			err = elements(ctx, d, mostPictures, func(i cocoImageIn) error { l.images = append(l.images, i); return nil })
		case "categories":
			err = elements(ctx, d, mostClasses, func(c cocoCategoryIn) error { l.categories = append(l.categories, c); return nil })
		case "annotations":
			err = elements(ctx, d, mostTotal, l.annotation)
		default:
			err = jsonlist.Skip(ctx, d)
		}
		if err != nil {
			return fmt.Errorf("%v: %w", key, err)
		}
	}
	return jsonlist.Delim(d, '}')
}

func (l *cocoLists) annotation(a cocoAnnotationIn) error {
	image, err := whole64("image_id", a.Image)
	if err != nil {
		return err
	}
	category, err := whole64("category_id", a.Category)
	if err != nil {
		return err
	}
	if len(a.Box) != 4 {
		return fmt.Errorf("bbox has %d numbers, want left, top, width and height", len(a.Box))
	}
	x, y, w, h := a.Box[0], a.Box[1], a.Box[2], a.Box[3]
	o := Object{Box: Box{x, y, x + w, y + h}}
	if a.Score != nil {
		o.Score, o.Scored = *a.Score, true
	}
	switch text := string(bytes.TrimSpace(a.Crowd)); text {
	case "", "0", "false", "null", "0.0":
	case "1", "true", "1.0":
		o.Crowd = true
	default:
		return fmt.Errorf("iscrowd is %.40s, want 0 or 1", text)
	}
	l.annotations = append(l.annotations, cocoThing{image, category, o})
	return nil
}

// whole64 is a number that may be written 3 or 3.0.
func whole64(name string, v *float64) (int64, error) {
	if v == nil {
		return 0, fmt.Errorf("%s is missing", name)
	}
	if *v != math.Trunc(*v) || math.Abs(*v) > mostWhole {
		return 0, fmt.Errorf("%s is %v, want a whole number", name, *v)
	}
	return int64(*v), nil
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
	at := map[int64]int{} // pictures by their number
	for i, image := range l.images {
		id, err := whole64("id", image.ID)
		if err != nil {
			return nil, fmt.Errorf("%w: image %d: %w", ErrLabels, i, err)
		}
		if other, twice := at[id]; twice {
			return nil, fmt.Errorf("%w: image %d has the id %d of image %d", ErrLabels, i, id, other)
		}
		name := image.fileName(o.Pictures)
		p, err := b.picture(ctx, name, image.Width, image.Height, filepath.Join(o.Pictures, filepath.FromSlash(name)))
		if err != nil {
			return nil, fmt.Errorf("image %d: %w", i, err)
		}
		p.ID = id
		at[id] = i
		b.add(p)
	}
	for i, a := range l.annotations {
		where := fmt.Sprintf("annotation %d", i)
		image, known := at[a.image]
		class, listed := ids[a.category]
		if !known || !listed {
			b.set.Report.note(&b.set.Report.Unknown, "%s is of image %d and category %d, which are not both there", where, a.image, a.category)
			continue
		}
		if a.object.Class, err = b.class(class, where); err != nil {
			return nil, err
		}
		if err := b.object(&b.set.Pictures[image], a.object, where); err != nil {
			return nil, err
		}
	}
	if o.Classes == nil {
		for _, name := range listed {
			for id, n := range ids {
				if n == name {
					b.set.CategoryIDs = append(b.set.CategoryIDs, id)
				}
			}
		}
	}
	return b.done()
}

// classes are the names of the categories, in the file's order, and their names by number. Roboflow's files begin with a
// category 0 that is the group of the others and owns nothing: it is left out.
func (l *cocoLists) classes() (listed []string, ids map[int64]string, err error) {
	ids = map[int64]string{}
	for i, c := range l.categories {
		id, err := whole64("id", c.ID)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: category %d: %w", ErrLabels, i, err)
		}
		if other, twice := ids[id]; twice {
			return nil, nil, fmt.Errorf("%w: categories %q and %q have the id %d", ErrLabels, other, c.Name, id)
		}
		if strings.TrimSpace(c.Name) == "" {
			return nil, nil, fmt.Errorf("%w: category %d has no name", ErrLabels, i)
		}
		if id == 0 && l.group(c.Name) {
			continue
		}
		if slices.Contains(listed, c.Name) {
			return nil, nil, fmt.Errorf("%w: two categories are called %q", ErrLabels, c.Name)
		}
		ids[id] = c.Name
		listed = append(listed, c.Name)
	}
	return listed, ids, nil
}

// group says whether the category 0 of some name owns nothing and is that of others.
func (l *cocoLists) group(name string) bool {
	return !slices.ContainsFunc(l.annotations, func(a cocoThing) bool { return a.category == 0 }) &&
		slices.ContainsFunc(l.categories, func(c cocoCategoryIn) bool { return c.Super == name && c.Name != name })
}

// fileName is the name of a picture from the folder of pictures; LVIS has the last two parts of an address for it.
func (i cocoImageIn) fileName(folder string) string {
	if i.Name == "" && i.URL != "" {
		return path.Join(path.Base(path.Dir(i.URL)), path.Base(i.URL))
	}
	if filepath.IsAbs(i.Name) {
		if root, err := filepath.Abs(folder); err == nil {
			if inside, err := filepath.Rel(root, i.Name); err == nil && filepath.IsLocal(inside) {
				return filepath.ToSlash(inside)
			}
		}
	}
	return i.Name
}
