package labels

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Set is labels that were read.
type Set struct {
	Classes     []string
	CategoryIDs []int64   // the numbers of classes, where the format has them; else nil
	Pictures    []Picture // in the order of the file, or of names where each has its own
	Report      Report
}

// ReadOptions of [Read].
type ReadOptions struct {
	// Classes are the names to expect, in this order; others are an error. nil takes those of the labels: in the order in which the
	// format lists them, or where it has no list, sorted.
	Classes []string

	// Pictures is the folder of pictures; "" is where the format says, or that of the labels.
	Pictures string

	// Part is one of [Parts], in formats that have them; "" is all of them. Labels without parts are an error then, unless PartIfAny
	// takes them whole.
	Part      string
	PartIfAny bool

	// Of has the pictures and classes whose numbers results are of (coco-results, lvis-results).
	Of *Set

	// Studio is what Label Studio's addresses of pictures are: its Value and URL count, "" for what is found.
	Studio Studio

	// VOC is what Pascal VOC's numbers are.
	VOC VOC

	// Size is asked for the width and height in pixels of a picture, by the path of its file, where the format does not tell
	// them: YOLO. It must turn the picture upright. An error that wraps [ErrPicture] leaves the picture out.
	Size func(ctx context.Context, path string) (width, height int, err error)
}

// Number gives pictures that have no numbers that of the place of their name among all, from 1, and classes likewise that of their place:
// the numbers that [Writer] gives.
func (s *Set) Number() {
	if !slices.ContainsFunc(s.Pictures, func(p Picture) bool { return p.ID != 0 }) {
		order := make([]int, len(s.Pictures))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int { return strings.Compare(s.Pictures[a].Name, s.Pictures[b].Name) })
		for place, i := range order {
			s.Pictures[i].ID = int64(place + 1)
		}
	}
	for i := len(s.CategoryIDs); i < len(s.Classes); i++ {
		s.CategoryIDs = append(s.CategoryIDs, int64(i+1))
	}
}

// Report counts what is odd about labels that were read, with the first example of each kind.
type Report struct {
	Outside   int // boxes that reach over the edge of their picture, which stay as they are
	Flat      int // boxes without area, which are left out
	Duplicate int // objects that say the same twice, of which one is left out
	Unknown   int // objects of a picture or class that the labels do not have, which are left out
	Other     int // shapes that are no boxes and have no hull, which are left out
	Unread    int // pictures whose size nobody knows, since they cannot be read, which are left out

	Examples []string // sentences, one for each kind

	outside string // that of Outside
}

// String says what is odd, "" where nothing is.
func (r Report) String() string {
	var parts []string
	for _, x := range []struct {
		count int
		what  string
	}{
		{r.Outside, "boxes reach over the edge of their picture and stay as they are"}, {r.Flat, "boxes without area are left out"},
		{r.Duplicate, "objects that say the same twice are left out"}, {r.Unknown, "objects of unknown pictures or classes are left out"},
		{r.Other, "shapes that are no boxes are left out"}, {r.Unread, "pictures that cannot be read are left out"},
	} {
		if x.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", x.count, x.what))
		}
	}
	return strings.Join(parts, ", ")
}

// Left are the examples of what was left out.
func (r *Report) Left() []string {
	return slices.DeleteFunc(slices.Clone(r.Examples), func(e string) bool { return e == r.outside })
}

// note counts one more, and keeps the sentence if it is the first of its kind.
func (r *Report) note(count *int, format string, args ...any) {
	if *count++; *count == 1 {
		r.Examples = append(r.Examples, fmt.Sprintf(format, args...))
		if count == &r.Outside {
			r.outside = r.Examples[len(r.Examples)-1]
		}
	}
}

// Read reads labels in a format: a file, or the folder that holds them. Errors wrap [ErrFormat] or [ErrLabels], or are the
// context's or those of reading.
func Read(ctx context.Context, format, path string, o ReadOptions) (*Set, error) {
	f, err := Find(format)
	if err != nil {
		return nil, err
	}
	switch {
	case f.read == nil:
		return nil, fmt.Errorf("%w: %s is only written", ErrFormat, f.Name)
	case o.Part != "" && !slices.Contains(Parts[:], o.Part):
		return nil, fmt.Errorf("%w: there is no part %q; want one of %q", ErrFormat, o.Part, Parts)
	case o.Part != "" && !f.Split && o.PartIfAny:
		o.Part = ""
	case o.Part != "" && !f.Split:
		return nil, fmt.Errorf("%w: %s has no parts; %s", ErrFormat, f.Name, able("a split", func(f Format) bool { return f.Split }))
	}
	s, err := f.read(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
