package glipvk

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/glip"
	"github.com/glipvk/glipvk/picture"
)

// Size says what size a backbone's pictures are brought to. The zero value is the model's
// default pipeline, see [Info.Pipeline].
type Size struct {
	Height, Width int  // pixels; the ratio is not kept and nothing is cropped
	Original      bool // the picture's own size; Height and Width are 0
}

// ParseSize reads "HxW" (as in "800x1333"), "original", or "" for the default.
func ParseSize(s string) (Size, error) {
	switch strings.ToLower(s) {
	case "":
		return Size{}, nil
	case "original":
		return Size{Original: true}, nil
	}
	high, wide, ok := strings.Cut(strings.ToLower(s), "x")
	h, errH := strconv.Atoi(high)
	w, errW := strconv.Atoi(wide)
	if !ok || errH != nil || errW != nil || h < 1 || w < 1 {
		return Size{}, blame(fmt.Errorf("glipvk: size %q: want HEIGHTxWIDTH in pixels, as in 800x1333, or original", s))
	}
	return Size{Height: h, Width: w}, nil
}

// String is the form that ParseSize reads.
func (s Size) String() string {
	switch {
	case s.Original:
		return "original"
	case s == Size{}:
		return ""
	}
	return fmt.Sprintf("%dx%d", s.Height, s.Width)
}

// check refuses half a size.
func (s Size) check() error {
	if s.Height < 0 || s.Width < 0 || (s.Height == 0) != (s.Width == 0) || s.Original && s.Height != 0 {
		return fmt.Errorf("glipvk: Size %+v: want both sides, or Original, or neither", s)
	}
	return nil
}

// InputSize is the size of a batch of pictures, in pixels after preprocessing: what programs
// are made for.
type InputSize struct{ Batch, Height, Width int }

// SizeOf is the size of an input.
func SizeOf(in picture.Input) InputSize { return InputSize{in.Batch, in.Height, in.Width} }

// vision is the size of the vision graph.
func (s InputSize) vision() glip.Vision {
	return glip.Vision{Batch: s.Batch, Height: s.Height, Width: s.Width}
}
