package labels

import (
	"context"
	"fmt"
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

	// Part is one of [Parts], in formats that have them; "" is all of them.
	Part string

	// VOC is what Pascal VOC's numbers are.
	VOC VOC

	// Size is asked for the width and height in pixels of a picture, by the path of its file, where the format does not tell
	// them: YOLO. It must turn the picture upright.
	Size func(ctx context.Context, path string) (width, height int, err error)
}

// Report counts what is odd about labels that were read, with the first example of each kind.
type Report struct {
	Outside   int // boxes that reach over the edge of their picture, which stay as they are
	Flat      int // boxes without area, which are left out
	Duplicate int // objects that say the same twice, of which one is left out
	Unknown   int // objects of a picture or class that the labels do not have, which are left out
	Other     int // shapes that are no boxes and have no hull, which are left out

	Examples []string // sentences, one for each kind
}

// note counts one more, and keeps the sentence if it is the first of its kind.
func (r *Report) note(count *int, format string, args ...any) {
	if *count++; *count == 1 {
		r.Examples = append(r.Examples, fmt.Sprintf(format, args...))
	}
}

// Read reads labels in a format: a file, or the folder that holds them. Errors wrap [ErrFormat] or [ErrLabels], or are the
// context's or those of reading.
func Read(ctx context.Context, format, path string, o ReadOptions) (*Set, error) {
	f, err := Find(format)
	if err != nil {
		return nil, err
	}
	if f.read == nil {
		return nil, fmt.Errorf("%w: %s is only written", ErrFormat, f.Name)
	}
	s, err := f.read(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
