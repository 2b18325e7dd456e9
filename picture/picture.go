package picture

import (
	"errors"
	"fmt"
	"image"
)

// ErrFormat says that a file is not what its reader expects: not a picture or
// array at all, of an unsupported kind, damaged, empty or cut short.
var ErrFormat = errors.New("not a readable picture or array")

// ErrTooLarge says that a picture, an array or the result of a resize passes
// the Limits. errors.As finds a *LimitError with the numbers.
var ErrTooLarge = errors.New("over the size limit")

// Picture is a decoded picture, upright.
type Picture struct {
	Height, Width int
	Pixels        []uint8 // [Height, Width, 3], red, green, blue
}

// newPicture makes a black picture.
func newPicture(height, width int) Picture {
	return Picture{Height: height, Width: width, Pixels: make([]uint8, height*width*3)}
}

// row returns row y, [Width, 3].
func (p Picture) row(y int) []uint8 {
	return p.Pixels[y*p.Width*3 : (y+1)*p.Width*3]
}

// Image returns a copy as an opaque image of the standard library.
func (p Picture) Image() *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, p.Width, p.Height))
	for i, k := 0, 0; i < len(p.Pixels); i, k = i+3, k+4 {
		copy(out.Pix[k:k+3], p.Pixels[i:])
		out.Pix[k+3] = 255
	}
	return out
}

// check reports whether size and pixels belong together.
func (p Picture) check() error {
	if p.Height <= 0 || p.Width <= 0 {
		return fmt.Errorf("picture: a picture of %d x %d pixels (height x width) is empty: %w", p.Height, p.Width, ErrFormat)
	}
	if len(p.Pixels)/3/p.Width != p.Height || len(p.Pixels)%(3*p.Width) != 0 {
		return fmt.Errorf("picture: %d bytes are not %d x %d x 3: %w", len(p.Pixels), p.Height, p.Width, ErrFormat)
	}
	return nil
}

// Defaults of Limits.
const (
	DefaultMaxSide   = 16384       // pixels
	DefaultMaxPixels = 100_000_000 // pixels; decoding takes up to 7 bytes for each
)

// Limits bounds what is read and made, before memory is taken. The zero value
// means DefaultMaxSide and DefaultMaxPixels.
type Limits struct {
	MaxSide   int   // longest side allowed, in pixels; 0 is DefaultMaxSide
	MaxPixels int64 // height times width (times pictures in a batch); 0 is DefaultMaxPixels
}

// LimitError tells which limit was passed, by how much. It wraps ErrTooLarge.
type LimitError struct {
	Height, Width int
	Option        string // field of Limits that was passed: MaxSide or MaxPixels
	Limit         int64  // value of that field
}

// Error states the size, the limit and the option to raise.
func (e *LimitError) Error() string {
	if e.Option == "MaxSide" {
		return fmt.Sprintf("%d x %d pixels (height x width): a side is over the limit of %d pixels; raise MaxSide to allow it",
			e.Height, e.Width, e.Limit)
	}
	return fmt.Sprintf("%d x %d pixels (height x width): over the limit of %d pixels in all; raise MaxPixels to allow it",
		e.Height, e.Width, e.Limit)
}

// Unwrap returns ErrTooLarge.
func (e *LimitError) Unwrap() error { return ErrTooLarge }

// check refuses empty and over-large sizes of a batch.
func (l Limits) check(batch, height, width int) error {
	if batch <= 0 || height <= 0 || width <= 0 {
		return fmt.Errorf("%d x %d pixels (height x width): an empty side: %w", height, width, ErrFormat)
	}
	side, pixels := l.MaxSide, l.MaxPixels
	if side == 0 {
		side = DefaultMaxSide
	}
	if pixels == 0 {
		pixels = DefaultMaxPixels
	}
	if height > side || width > side {
		return &LimitError{Height: height, Width: width, Option: "MaxSide", Limit: int64(side)}
	}
	if int64(height) > pixels/int64(width)/int64(batch) {
		return &LimitError{Height: height, Width: width, Option: "MaxPixels", Limit: pixels}
	}
	return nil
}
