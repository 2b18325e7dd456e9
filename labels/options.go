package labels

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Options of [Create]. Of those of other formats than the one that is written nothing comes.
type Options struct {
	// Classes are the names of the classes, each once.
	Classes []string

	// CategoryIDs are the numbers of the classes in formats that have them; nil counts from 1.
	CategoryIDs []int64

	// Existing says what to do where the folder has labels already.
	Existing Existing

	// Asked is told apart by everything that decides what is found in a picture (model, weights, prompt, thresholds): a run
	// goes on only with labels of the same. Any text, a hash for example.
	Asked string

	// Stored says that pictures were taken as they are stored, not turned upright by what the camera noted (EXIF): their
	// width, height and boxes are of that. COCO's file tells; formats whose readers turn pictures refuse it ([Format].Upright).
	Stored bool

	// Split parts the pictures; the zero value leaves them in one.
	Split Split

	// Pictures is the folder that names are relative to, and Place says whether the labels get the pictures beside them: YOLO
	// and image folders, which are found by where they lie.
	Pictures string
	Place    Place

	// VOC chooses what Pascal VOC's numbers are.
	VOC VOC

	// Studio is of Label Studio.
	Studio Studio

	// ScoreAttribute is the name of the attribute that has the score in CVAT, a text that the labels of the task must declare; ""
	// writes no scores there.
	ScoreAttribute string

	// Model, Weights and Prompt stand in the tables' columns of these names: what made the labels, the hash of its weights,
	// and what it was asked. Label Studio shows Model as the version of the model.
	Model, Weights, Prompt string
}

// Existing says what to do where a folder has labels already.
type Existing int

const (
	Refuse    Existing = iota // make it an error
	Continue                  // go on with those of an earlier run; where there are none, begin
	Overwrite                 // begin anew, in the place of those
)

// Place says how pictures come beside their labels.
type Place int

const (
	Leave Place = iota // they do not
	Link               // by symbolic links to where they are
	Copy               // as copies
)

// Split is shares of pictures, which need not sum to 1. The part of a picture comes from a hash of its name and Seed, not
// from the other pictures: one that is added later moves no other.
type Split struct {
	Train, Val, Test float64
	Seed             uint64
}

// Parts are the names of the parts of a split, by [Split.Part].
var Parts = [3]string{"train", "val", "test"}

// on says whether there are parts.
func (s Split) on() bool { return s.Train != 0 || s.Val != 0 || s.Test != 0 }

// Part is the index into [Parts] of the part that a picture is in; without shares it is 0.
func (s Split) Part(name string) int {
	if !s.on() {
		return 0
	}
	sum := sha256.Sum256(append(binary.LittleEndian.AppendUint64(nil, s.Seed), name...))
	at := float64(binary.LittleEndian.Uint64(sum[:])>>11) / (1 << 53) * (s.Train + s.Val + s.Test)
	last := 0
	for i, share := range [...]float64{s.Train, s.Val, s.Test} {
		if share == 0 {
			continue
		}
		if last = i; at < share {
			return i
		}
		at -= share
	}
	return last // the sum of shares is rounded
}

func (s Split) check() error {
	for i, share := range [...]float64{s.Train, s.Val, s.Test} {
		if !(share >= 0) || math.IsInf(share, 0) {
			return fmt.Errorf("%w: the share of %s is %v, want a number from 0", ErrFormat, Parts[i], share)
		}
	}
	return nil
}

// VOC is what numbers Pascal VOC's boxes have. The first pixel is 1 in the format's own convention and the last one is
// inside; half of the tools that write it have others.
type VOC int

const (
	OneBased  VOC = iota // xmin = x1 + 1, xmax = x2: Pascal's own
	ZeroBased            // xmin = x1, xmax = x2: corners as they are
	Shifted              // xmin = x1 + 1, xmax = x2 + 1: supervision's
)

// Studio is what Label Studio is told. The names must be those of the project's labelling configuration.
type Studio struct {
	From  string // name of RectangleLabels; "" is label
	To    string // name of Image; "" is image
	Value string // key of the picture's address in a task's data; "" is image
	URL   string // stands in front of a picture's name; "" is /data/local-files/?d=
}

// check says what of the options no format can have, or this one cannot.
func (o *Options) check(f Format) error {
	if err := checkClasses(o.Classes); err != nil {
		return err
	}
	if err := o.Split.check(); err != nil {
		return err
	}
	switch {
	case o.CategoryIDs != nil && len(o.CategoryIDs) != len(o.Classes):
		return fmt.Errorf("%w: %d numbers of %d classes", ErrFormat, len(o.CategoryIDs), len(o.Classes))
	case o.Split.on() && !f.Split:
		return fmt.Errorf("%w: %s has no parts; %s", ErrFormat, f.Name, able("a split", func(f Format) bool { return f.Split }))
	case o.Stored && f.Upright:
		return fmt.Errorf("%w: those who read %s turn pictures upright by what the camera noted, so boxes of pictures as they are stored would be wrong there; "+
			"take pictures upright, or write coco", ErrFormat, f.Name)
	case o.Place != Leave && o.Pictures == "":
		return fmt.Errorf("%w: pictures can be placed only from a folder that is named", ErrFormat)
	case o.Place < Leave || o.Place > Copy, o.VOC < OneBased || o.VOC > Shifted, o.Existing < Refuse || o.Existing > Overwrite:
		return fmt.Errorf("%w: an option has a value that its type has no name for", ErrFormat)
	}
	ids := slices.Clone(o.CategoryIDs)
	slices.Sort(ids)
	if len(slices.Compact(ids)) != len(o.CategoryIDs) {
		return fmt.Errorf("%w: two classes have the same number", ErrFormat)
	}
	return nil
}

// able lists the formats that can do something.
func able(what string, can func(Format) bool) string {
	var names []string
	for _, f := range Formats() {
		if f.Writes && can(f) {
			names = append(names, f.Name)
		}
	}
	if len(names) == 0 {
		return "no format can have " + what
	}
	return fmt.Sprintf("those that can have %s are %s", what, strings.Join(names, ", "))
}

func checkClasses(classes []string) error {
	if len(classes) == 0 || len(classes) > mostClasses {
		return fmt.Errorf("%w: %d classes, want 1 to %d", ErrFormat, len(classes), mostClasses)
	}
	seen := map[string]bool{}
	for i, c := range classes {
		switch {
		case strings.TrimSpace(c) == "" || !utf8.ValidString(c) || len(c) > mostName || strings.ContainsFunc(c, unicode.IsControl):
			return fmt.Errorf("%w: the name of class %d, %.80q, is empty, too long, not UTF-8, or has control characters", ErrFormat, i, c)
		case seen[c]:
			return fmt.Errorf("%w: two classes are called %q; join them into one", ErrFormat, c)
		}
		seen[c] = true
	}
	return nil
}

// category is the number of a class.
func (o *Options) category(class int) int64 {
	if o.CategoryIDs != nil {
		return o.CategoryIDs[class]
	}
	return int64(class + 1)
}
