package labels

import (
	"errors"
	"fmt"
	"math"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	// ErrFormat: there is no such format, or it cannot say what it is asked to. The message lists those that can.
	ErrFormat = errors.New("not in this format of labels")

	// ErrPicture: a picture cannot be written: its name, its size or a box of it is wrong, or its name stands for a file
	// that another picture has. The message says what to change.
	ErrPicture = errors.New("picture cannot be written")

	// ErrExists: the folder has labels already. Go on with them ([Continue]), replace them ([Replace]), or choose another folder.
	ErrExists = errors.New("there are labels already")

	// ErrOther: the labels that a run should go on with were made of another question. Give the same one, or another folder.
	ErrOther = errors.New("these labels were made otherwise")

	// ErrLabels is wrapped by every error about labels that cannot be read. The message says which file, where in it, and
	// what was expected.
	ErrLabels = errors.New("no usable labels")
)

// Picture is a picture and what is in it.
type Picture struct {
	// Name is its key: the path of the file from the folder of pictures, with forward slashes, as "a/b.jpg".
	Name string

	// ID is its number in formats that have one. If 0, it is the place of the name among all, from 1. Either all pictures of
	// a set have a number of their own or none has.
	ID int64

	// File is where the picture lies, of labels that were read, as far as they say; a [Writer] does not heed it.
	File string

	Width, Height int // in pixels, of the picture that the boxes are of
	Objects       []Object
}

// Object is one thing in a picture.
type Object struct {
	Class  int     // index into the classes, from 0
	Box    Box     // in pixels of the picture
	Score  float64 // if Scored
	Scored bool    // whether there is a score
	Crowd  bool    // a place with more things of the class than have boxes of their own (COCO's iscrowd)
}

// Box is continuous corners: a box of the whole picture is 0, 0, width, height.
type Box struct {
	X1, Y1, X2, Y2 float64
}

// Inclusive is the box of corners that are pixels, the last ones in it, as detectors of GLIP's family have them.
func Inclusive(x1, y1, x2, y2 float64) Box { return Box{x1, y1, x2 + 1, y2 + 1} }

// Size is the width and height.
func (b Box) Size() (width, height float64) { return b.X2 - b.X1, b.Y2 - b.Y1 }

// Clip is the part of a box that is in a picture of some size in pixels.
func (b Box) Clip(width, height int) Box {
	w, h := float64(width), float64(height)
	return Box{min(max(b.X1, 0), w), min(max(b.Y1, 0), h), min(max(b.X2, 0), w), min(max(b.Y2, 0), h)}
}

// empty says whether a box has no area.
func (b Box) empty() bool { return !(b.X2 > b.X1 && b.Y2 > b.Y1) }

// finite says whether all corners are numbers.
func (b Box) finite() bool {
	for _, v := range [...]float64{b.X1, b.Y1, b.X2, b.Y2} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

// Bounds of what is written and read.
const (
	mostSide    = 1 << 24 // pixels
	mostName    = 4096    // bytes
	mostClasses = 1 << 16
	mostObjects = 1 << 20 // of a picture
)

// check says what is wrong with a picture for any format.
func (p *Picture) check(classes int) error {
	if err := checkName(p.Name); err != nil {
		return err
	}
	if p.Width < 1 || p.Height < 1 || p.Width > mostSide || p.Height > mostSide {
		return fmt.Errorf("%w: %s: %d x %d pixels (width x height), want 1 to %d", ErrPicture, p.Name, p.Width, p.Height, mostSide)
	}
	if p.ID < 0 {
		return fmt.Errorf("%w: %s: the number %d, want one above 0, or 0 for the place among the names", ErrPicture, p.Name, p.ID)
	}
	if len(p.Objects) > mostObjects {
		return fmt.Errorf("%w: %s: %d objects, want at most %d", ErrPicture, p.Name, len(p.Objects), mostObjects)
	}
	for i, o := range p.Objects {
		switch b := o.Box; {
		case o.Class < 0 || o.Class >= classes:
			return fmt.Errorf("%w: %s: object %d has the class %d, want 0 to %d", ErrPicture, p.Name, i, o.Class, classes-1)
		case !b.finite() || b.X2 < b.X1 || b.Y2 < b.Y1:
			return fmt.Errorf("%w: %s: the corners of object %d are %v, want finite ones, left before right and top before bottom", ErrPicture, p.Name, i, b)
		case o.Scored && (math.IsNaN(o.Score) || math.IsInf(o.Score, 0)):
			return fmt.Errorf("%w: %s: the score of object %d is %v, want a finite number", ErrPicture, p.Name, i, o.Score)
		}
	}
	return nil
}

// checkName refuses what is no relative path with forward slashes that every system and every format can have.
func checkName(name string) error {
	bad := func(why string) error { return fmt.Errorf("%w: the name %.80q %s", ErrPicture, name, why) }
	switch {
	case name == "" || name == ".":
		return fmt.Errorf("%w: it has no name", ErrPicture)
	case len(name) > mostName:
		return bad(fmt.Sprintf("is longer than %d bytes", mostName))
	case !utf8.ValidString(name):
		return bad("is not UTF-8")
	case strings.ContainsFunc(name, unicode.IsControl):
		return bad("holds a control character")
	case strings.Contains(name, `\`):
		return bad("has a backslash; folders are parted by forward slashes")
	case path.IsAbs(name) || len(name) > 1 && name[1] == ':':
		return bad("is absolute; want the path from the folder of pictures")
	case path.Clean(name) != name || name == ".." || strings.HasPrefix(name, "../"):
		return bad("is no plain path; want one without ., .. and double slashes")
	}
	return nil
}

// stem is a name without its last ending.
func stem(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }
