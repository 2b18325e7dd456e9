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

// Picture is a decoded picture, upright unless [IgnoreOrientation] was asked for.
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
	DefaultMaxPixels = 100_000_000 // pixels
	DefaultMaxMemory = 2 << 30     // bytes
)

// Limits bounds what is read and made, before memory is taken. The zero value
// means the defaults.
//
// Decoding takes, for each pixel, 3 bytes for the result (6 where it is turned
// upright) and for the decoder:
//
//	JPEG   1 (grey), 1.5 (4:2:0) to 3 (4:4:4); 4 of four components
//	       3 times that where it is progressive
//	WebP   1.5 (lossy) or 10 (lossless)
//	TIFF   none; 64 KiB for each compressed segment, and 6 where it is JPEG
//	PNG, GIF, BMP: none
//
// These are all bytes asked for; what is given back in between is not deducted.
type Limits struct {
	MaxSide int // longest side allowed, in pixels; 0 is DefaultMaxSide
	// MaxPixels bounds height times width (times pictures in a batch), and with it
	// the work: a JPEG picture of this size may have 20 scans, one of a tenth of it
	// 200. 0 is DefaultMaxPixels.
	MaxPixels int64
	MaxMemory int64 // bytes that decoding one picture may take; 0 is DefaultMaxMemory
}

// pixels is the bound that MaxPixels stands for.
func (l Limits) pixels() int64 {
	if l.MaxPixels == 0 {
		return DefaultMaxPixels
	}
	return l.MaxPixels
}

// memory is the bound that MaxMemory stands for.
func (l Limits) memory() int64 {
	if l.MaxMemory == 0 {
		return DefaultMaxMemory
	}
	return l.MaxMemory
}

// LimitError tells which limit was passed, by how much. It wraps ErrTooLarge.
type LimitError struct {
	Height, Width int
	Option        string // field of Limits that was passed: MaxSide, MaxPixels or MaxMemory
	Limit         int64  // value of that field
	Need          int64  // bytes, where it is MaxMemory; scans, where their number is what passes MaxPixels; else 0
}

// Error states the size, the limit and the option to raise.
func (e *LimitError) Error() string {
	switch {
	case e.Option == "MaxSide":
		return fmt.Sprintf("%d x %d pixels (height x width): a side is over the limit of %d pixels; raise MaxSide to allow it",
			e.Height, e.Width, e.Limit)
	case e.Option == "MaxMemory":
		return fmt.Sprintf("%d x %d pixels (height x width) take %s to decode: over the limit of %s; raise MaxMemory to allow it",
			e.Height, e.Width, mebibytes(e.Need), mebibytes(e.Limit))
	case e.Need > 0:
		return fmt.Sprintf("%d x %d pixels (height x width) in %d scans: over the limit of %d scans of %d pixels in all; raise MaxPixels to allow it",
			e.Height, e.Width, e.Need, manyScans, e.Limit)
	}
	return fmt.Sprintf("%d x %d pixels (height x width): over the limit of %d pixels in all; raise MaxPixels to allow it",
		e.Height, e.Width, e.Limit)
}

// Unwrap returns ErrTooLarge.
func (e *LimitError) Unwrap() error { return ErrTooLarge }

// Check refuses limits that nothing keeps.
func (l Limits) Check() error {
	if l.MaxSide < 0 || l.MaxPixels < 0 || l.MaxMemory < 0 {
		return fmt.Errorf("picture: limits of MaxSide %d, MaxPixels %d, MaxMemory %d: want at least 1 of each, or 0 for the default", l.MaxSide, l.MaxPixels, l.MaxMemory)
	}
	return nil
}

// check refuses empty and over-large sizes of a batch.
func (l Limits) check(batch, height, width int) error {
	if err := l.Check(); err != nil {
		return err
	}
	if batch <= 0 || height <= 0 || width <= 0 {
		return fmt.Errorf("%d x %d pixels (height x width): an empty side: %w", height, width, ErrFormat)
	}
	side, pixels := l.MaxSide, l.pixels()
	if side == 0 {
		side = DefaultMaxSide
	}
	if height > side || width > side {
		return &LimitError{Height: height, Width: width, Option: "MaxSide", Limit: int64(side)}
	}
	if int64(height) > pixels/int64(width)/int64(batch) {
		return &LimitError{Height: height, Width: width, Option: "MaxPixels", Limit: pixels}
	}
	return nil
}
