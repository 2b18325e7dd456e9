package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/glipvk/glipvk/eval"
	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/text"
)

// ErrAnnotations is wrapped by every error about a file of annotations that cannot be used. Remedy: the message says
// which file, where in it, and what was expected.
var ErrAnnotations = errors.New("no usable annotations")

// Set is annotated pictures.
type Set struct {
	Categories []Category
	Pictures   []Picture // those that can be learned from, by ascending id
	Report     Report
}

// Category is a class of things; its label is its place in the set, from 1.
type Category struct {
	ID   int64
	Name string
}

// Picture is one picture with what is annotated in it.
type Picture struct {
	ID            int64
	Path          string // of the file
	Width, Height int    // as the annotations say, pixels
	Caption       string // of grounding data; else ""
	Objects       []Object
	Crowds        []Crowd

	// Asked are the labels, ascending, of which is known whether the picture shows them: those that are annotated in it,
	// and those of LVIS's neg_category_ids. nil, where the file has no such list, is all of them.
	Asked []int
}

// Crowd is a place with more things of a category than are annotated. Nothing is learned from it, and nothing that is found in it is wrong.
type Crowd struct {
	Box   [4]float64 // x, y, width and height, as COCO has it
	Label int        // of its category, from 1
}

// Object is one annotated thing.
type Object struct {
	Box   glip.Box    // in pixels of the picture, inclusive corners, inside it
	Label int         // of its category, from 1
	Spans []text.Span // of the picture's caption, of grounding data
}

// Names lists those of the categories, by label.
func (s *Set) Names() []string {
	names := make([]string, len(s.Categories))
	for i, c := range s.Categories {
		names[i] = c.Name
	}
	return names
}

// Report counts what was left out of a set, with the first example of each kind.
type Report struct {
	Crowds     int // annotations of crowds, which training leaves out
	Outside    int // boxes that have no area inside their picture, or a side of at most one pixel
	Malformed  int // boxes that are no four numbers
	Unknown    int // annotations of a picture or a category that the file does not have
	Spans      int // spans outside their caption
	Empty      int // pictures without an object to learn from
	Absent     int // pictures whose file is not there
	Nameless   int // pictures without id, file name, width or height
	Twice      int // pictures with the id of an earlier one
	Many       int // boxes beyond the thousandth of a picture
	Categories int // categories without an id, or with that of an earlier one
	Asked      int // neg_category_ids that the file has no category of
	Duplicate  int // objects that say the same as another one, in formats without numbers of objects
	Shapes     int // shapes that are no boxes and have no hull

	Examples []string // sentences, one for each kind
}

// Total is how many things were left out for being wrong; crowds and empty pictures are not.
func (r Report) Total() int {
	return r.Outside + r.Malformed + r.Unknown + r.Spans + r.Absent + r.Nameless + r.Twice + r.Many + r.Categories + r.Asked + r.Duplicate + r.Shapes
}

// explained is what was left out, with examples.
func (r Report) explained() string {
	said := cmp.Or(r.String(), "nothing was left out")
	if len(r.Examples) > 0 {
		said += "; for example, " + strings.Join(r.Examples, "; ")
	}
	return said
}

// String says what was left out, "" where it was nothing.
func (r Report) String() string {
	var parts []string
	for _, x := range []struct {
		count int
		what  string
	}{
		{r.Crowds, "crowds"}, {r.Outside, "boxes without area in the picture"}, {r.Malformed, "boxes that are no four numbers"},
		{r.Unknown, "annotations of unknown pictures or categories"}, {r.Spans, "spans outside their caption"},
		{r.Empty, "pictures without objects"}, {r.Absent, "pictures without a file"}, {r.Nameless, "pictures without id, file_name, width or height"},
		{r.Twice, "pictures with the id of an earlier one"}, {r.Many, "boxes beyond the thousandth of a picture"},
		{r.Categories, "categories without an id of their own"}, {r.Asked, "neg_category_ids of unknown categories"},
		{r.Duplicate, "objects that say the same twice"}, {r.Shapes, "shapes that are no boxes"},
	} {
		if x.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", x.count, x.what))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "left out: " + strings.Join(parts, ", ")
}

// note counts one more, and keeps the sentence if it is the first of its kind.
func (r *Report) note(count *int, format string, args ...any) {
	if *count++; *count == 1 {
		r.Examples = append(r.Examples, fmt.Sprintf(format, args...))
	}
}

// Shots keeps the pictures of a few-shot selection: walking by ascending id, a picture is taken if any category in it
// is still wanted, k times each at first, and then every category in it is wanted once less. Shots count pictures and not
// boxes, and there is no seed (CocoGrounding of modulated_coco.py). With k 0 all stay.
func (s *Set) Shots(k int) {
	if k == 0 {
		return
	}
	wanted := make([]int, len(s.Categories)+1)
	for i := range wanted {
		wanted[i] = k
	}
	var kept []Picture
	for _, p := range s.Pictures {
		in := map[int]bool{}
		take := false
		for _, o := range p.Objects {
			in[o.Label] = true
			take = take || wanted[o.Label] > 0
		}
		if !take {
			continue
		}
		for label := range in {
			wanted[label]--
		}
		kept = append(kept, p)
	}
	s.Pictures = kept
}

// Truths is the set as evaluation takes it.
func (s *Set) Truths() *eval.Truths {
	t := &eval.Truths{}
	for _, c := range s.Categories {
		t.Categories = append(t.Categories, eval.Category{ID: c.ID, Name: c.Name})
	}
	for _, p := range s.Pictures {
		t.Pictures = append(t.Pictures, p.ID)
		for _, c := range p.Crowds {
			t.List = append(t.List, eval.Truth{
				ID: int64(len(t.List) + 1), Picture: p.ID, Category: s.Categories[c.Label-1].ID, Box: c.Box, Area: c.Box[2] * c.Box[3], Crowd: true,
			})
		}
		for _, o := range p.Objects {
			w, h := o.Box.X2-o.Box.X1+1, o.Box.Y2-o.Box.Y1+1
			t.List = append(t.List, eval.Truth{
				ID: int64(len(t.List) + 1), Picture: p.ID, Category: s.Categories[o.Label-1].ID, Box: eval.Box{o.Box.X1, o.Box.Y1, w, h}, Area: w * h,
			})
		}
	}
	return t
}
