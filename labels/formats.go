package labels

import (
	"context"
	"fmt"
	"strings"
)

// Format is a way to write labels down.
type Format struct {
	Name  string // as users type it
	About string // a line
	Files string // what lies in the folder, a line

	Writes, Reads bool
	Scores        bool // has a place for scores
	NeedsScores   bool // refuses objects without one
	Split         bool // can be parted into train, val and test
	Empty         bool // keeps pictures without objects
	Numbers       bool // pictures and classes have numbers (Picture.ID, Options.CategoryIDs)
	Clips         bool // boxes are clipped to the picture; one that has no area then is left out
	PerPicture    bool // a file for each picture, written when it is added
	Upright       bool // those who read it turn pictures upright (EXIF): refuses Options.Stored
	Most          int  // objects of a picture at most, the best by score; 0 for no limit

	open func(t *target) (*view, error)
	read func(ctx context.Context, path string, o ReadOptions) (*Set, error)
}

// Formats lists all.
func Formats() []Format {
	return []Format{
		coco(), cocoResults(), lvisResults(), yolo(), yoloPredictions(), voc(), labelStudio(), cvat(), labelMe(), odvg(), imageFolder(),
		jsonLines(), parquetTables(),
	}
}

// Find returns a format by its name. The error wraps [ErrFormat] and lists all names.
func Find(name string) (Format, error) {
	var names []string
	for _, f := range Formats() {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Format{}, fmt.Errorf("%w: there is no format %q; want one of %s", ErrFormat, name, strings.Join(names, ", "))
}
