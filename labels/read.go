package labels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
)

// Bounds of what is read.
const (
	mostPictures = 1 << 25
	mostTotal    = 1 << 27 // objects
	mostText     = 1 << 28 // bytes of a file that is read whole; LabelMe's may hold a picture
	mostStream   = 8 << 30 // bytes of a file that is read piece by piece
)

// builder makes a set of what a format's reader finds.
type builder struct {
	set     Set
	options ReadOptions
	fixed   bool           // other classes than those there are none
	classes map[string]int // by name
	names   map[string]bool
	objects int
}

// build begins a set of classes that the labels list, or with none of those that are met. Those of the options come before both.
func build(o ReadOptions, listed []string) (*builder, error) {
	b := &builder{options: o, classes: map[string]int{}, names: map[string]bool{}}
	b.set.Classes = listed
	if o.Classes != nil {
		b.set.Classes = slices.Clone(o.Classes)
	}
	b.fixed = len(b.set.Classes) > 0
	for i, c := range b.set.Classes {
		if _, twice := b.classes[c]; twice {
			return nil, fmt.Errorf("%w: two classes are called %q", ErrLabels, c)
		}
		b.classes[c] = i
	}
	return b, nil
}

// class is the index of a class by its name; where is the element that names it. It is -1 where the labels do not list it, which is noted.
func (b *builder) class(name, where string) (int, error) {
	if i, ok := b.classes[name]; ok {
		return i, nil
	}
	switch {
	case b.options.Classes != nil:
		return 0, fmt.Errorf("%w: %s: the class %.80q is none of the %d that were asked for", ErrLabels, where, name, len(b.set.Classes))
	case b.fixed:
		b.set.Report.note(&b.set.Report.Unknown, "%s: the class %.80q is not listed", where, name)
		return -1, nil
	case strings.TrimSpace(name) == "":
		return 0, fmt.Errorf("%w: %s: an object without a class", ErrLabels, where)
	case len(b.set.Classes) >= mostClasses:
		return 0, fmt.Errorf("%w: %s: more than %d classes", ErrLabels, where, mostClasses)
	}
	b.classes[name] = len(b.set.Classes)
	b.set.Classes = append(b.set.Classes, name)
	return len(b.set.Classes) - 1, nil
}

// picture begins a picture: its name is made plain and its size asked for, if the labels do not tell it. file is where the picture lies.
func (b *builder) picture(ctx context.Context, name string, width, height float64, file string) (Picture, error) {
	name = path.Clean(strings.ReplaceAll(name, `\`, "/"))
	if err := checkName(name); err != nil {
		return Picture{}, fmt.Errorf("%w: %w", ErrLabels, err)
	}
	switch {
	case b.names[name]:
		return Picture{}, fmt.Errorf("%w: %s is there twice", ErrLabels, name)
	case len(b.names) >= mostPictures:
		return Picture{}, fmt.Errorf("%w: more than %d pictures", ErrLabels, mostPictures)
	}
	b.names[name] = true
	if width == 0 && height == 0 {
		if b.options.Size == nil {
			return Picture{}, fmt.Errorf("%w: %s: these labels do not say how large it is, and the picture was not looked at", ErrLabels, name)
		}
		w, h, err := b.options.Size(ctx, file)
		if errors.Is(err, ErrPicture) {
			b.set.Report.note(&b.set.Report.Unread, "%s: %v", name, err)
			return Picture{}, errLeft
		}
		if err != nil {
			return Picture{}, err
		}
		width, height = float64(w), float64(h)
	}
	if !(width >= 1 && height >= 1 && width <= mostSide && height <= mostSide) || width != math.Trunc(width) || height != math.Trunc(height) {
		return Picture{}, fmt.Errorf("%w: %s: %v x %v pixels (width x height), want whole numbers from 1 to %d", ErrLabels, name, width, height, mostSide)
	}
	return Picture{Name: name, File: file, Width: int(width), Height: int(height)}, nil
}

// errLeft says that a picture is left out, which is noted.
var errLeft = errors.New("left out")

// unless is an error, but none where that only says that a picture is left out.
func unless(err error) error {
	if errors.Is(err, errLeft) {
		return nil
	}
	return err
}

// object adds an object to a picture, unless its box has no area. where is the element.
func (b *builder) object(p *Picture, o Object, where string) error {
	r := &b.set.Report
	switch box := o.Box; {
	case !box.finite() || o.Scored && (math.IsNaN(o.Score) || math.IsInf(o.Score, 0)):
		return fmt.Errorf("%w: %s: a corner or the score is no finite number", ErrLabels, where)
	case box.empty():
		r.note(&r.Flat, "%s: the corners %v have no area between them", where, box)
		return nil
	case box != box.Clip(p.Width, p.Height):
		r.note(&r.Outside, "%s: the corners %v reach out of %d x %d pixels", where, box, p.Width, p.Height)
	}
	if b.objects++; b.objects > mostTotal || len(p.Objects) >= mostObjects {
		return fmt.Errorf("%w: %s: more than %d objects in a picture, or %d in all", ErrLabels, where, mostObjects, mostTotal)
	}
	p.Objects = append(p.Objects, o)
	return nil
}

// add takes a picture in.
func (b *builder) add(p Picture) { b.set.Pictures = append(b.set.Pictures, p) }

// done is the set; classes that were met are sorted.
func (b *builder) done() (*Set, error) {
	s := &b.set
	if len(s.Pictures) == 0 {
		return nil, fmt.Errorf("%w: there are no pictures", ErrLabels)
	}
	if !b.fixed {
		slices.Sort(s.Classes)
		to := make([]int, len(s.Classes))
		for i, c := range s.Classes {
			to[b.classes[c]] = i
		}
		b.renumber(to)
	}
	return s, nil
}

// renumber gives each class another index.
func (b *builder) renumber(to []int) {
	for i := range b.set.Pictures {
		for k := range b.set.Pictures[i].Objects {
			o := &b.set.Pictures[i].Objects[k]
			o.Class = to[o.Class]
		}
	}
}

// hull is the box around points; false where there are none.
func hull(points [][2]float64) (Box, bool) {
	if len(points) == 0 {
		return Box{}, false
	}
	b := Box{points[0][0], points[0][1], points[0][0], points[0][1]}
	for _, p := range points {
		if math.IsNaN(p[0]) || math.IsNaN(p[1]) {
			return Box{X1: math.NaN()}, true
		}
		b = Box{min(b.X1, p[0]), min(b.Y1, p[1]), max(b.X2, p[0]), max(b.Y2, p[1])}
	}
	return b, true
}

// pictureEndings are those of files that are taken for pictures.
var pictureEndings = map[string]bool{
	".jpg": true, ".jpeg": true, ".png": true, ".bmp": true, ".gif": true, ".webp": true, ".tif": true, ".tiff": true,
}

func isPicture(name string) bool { return pictureEndings[strings.ToLower(path.Ext(name))] }

// files lists those in a folder, and in the folders in it, that are wanted: paths from there, with slashes, sorted. Links to folders
// are not followed, those to files are.
func files(ctx context.Context, folder string, wanted func(name string) bool) ([]string, error) {
	var list []string
	err := filepath.WalkDir(folder, func(at string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || e.IsDir() || !wanted(e.Name()) || strings.HasPrefix(e.Name(), ".") {
			return err
		}
		inside, err := filepath.Rel(folder, at)
		if err != nil {
			return err
		}
		if list = append(list, filepath.ToSlash(inside)); len(list) > mostPictures {
			return fmt.Errorf("%w: more than %d files", ErrLabels, mostPictures)
		}
		return nil
	})
	slices.Sort(list)
	return list, err
}

// stems are the pictures in a folder by their names without the ending: what a label file says of its own picture may be wrong. nil
// where no folder is given.
func stems(ctx context.Context, folder string) (map[string]string, error) {
	if folder == "" {
		return nil, nil
	}
	list, err := files(ctx, folder, isPicture)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, name := range list {
		if other, twice := found[stem(name)]; twice {
			return nil, fmt.Errorf("%w: %s and %s would share a label file; rename one of them", ErrLabels, other, name)
		}
		found[stem(name)] = name
	}
	return found, nil
}

// pictureOf is the picture that a label file with some stem is of: the one in the folder of pictures, or else one with the ending of
// the name that the label file gives, which may be wrong otherwise.
func pictureOf(stemmed, said string, found map[string]string) string {
	if name, ok := found[stemmed]; ok {
		delete(found, stemmed)
		return name
	}
	if said = strings.ReplaceAll(said, `\`, "/"); isPicture(said) {
		return stemmed + path.Ext(said)
	}
	return stemmed + ".jpg"
}

// rest adds the pictures that no label file was of: they show nothing. Where it is not known how large pictures are, they are left out.
func (b *builder) rest(ctx context.Context, folder string, found map[string]string) error {
	if b.options.Size == nil {
		return nil
	}
	for _, s := range slices.Sorted(maps.Keys(found)) {
		p, err := b.picture(ctx, found[s], 0, 0, filepath.Join(folder, filepath.FromSlash(found[s])))
		if err == nil {
			b.add(p)
		}
		if unless(err) != nil {
			return err
		}
	}
	return nil
}

// stream opens a file that is read piece by piece.
func stream(at string) (*os.File, error) {
	f, info, err := file.Open(at)
	if err != nil {
		return nil, err
	}
	if info.Size() > mostStream {
		return nil, errors.Join(fmt.Errorf("%w: %d bytes, want at most %d", ErrLabels, info.Size(), int64(mostStream)), f.Close())
	}
	return f, nil
}

// isFolder says whether a path names one.
func isFolder(at string) bool {
	info, err := os.Stat(at)
	return err == nil && info.IsDir()
}

// inOne reads the file that at is, or that has a name in the folder that it is, piece by piece.
func inOne(at, name string, parse func(io.Reader) (*Set, error)) (*Set, error) {
	at, err := oneOf(at, name)
	if err != nil {
		return nil, err
	}
	f, err := stream(at)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parse(f)
}

// oneOf is the path itself, or if that is a folder the first of the names that is in it.
func oneOf(at string, names ...string) (string, error) {
	if !isFolder(at) {
		return at, nil // whatever is wrong with it, opening it will say more
	}
	for _, name := range names {
		inside := filepath.Join(at, filepath.FromSlash(name))
		if _, err := os.Stat(inside); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return inside, nil
		}
	}
	return "", fmt.Errorf("%w: a folder without any of %q", ErrLabels, names)
}
