package picture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"
)

// format is one kind of picture file.
type format struct {
	name   string
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// sniff finds the format from a file's first bytes.
func sniff(head []byte) (format, bool) {
	switch {
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return format{"PNG", png.DecodeConfig, png.Decode}, true
	case bytes.HasPrefix(head, []byte("\xff\xd8")):
		return format{"JPEG", jpeg.DecodeConfig, jpeg.Decode}, true
	case bytes.HasPrefix(head, []byte("GIF87a")), bytes.HasPrefix(head, []byte("GIF89a")):
		return format{"GIF", gif.DecodeConfig, gif.Decode}, true
	case len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		return format{"WebP", webp.DecodeConfig, webp.Decode}, true
	case bytes.HasPrefix(head, []byte("BM")):
		return format{"BMP", bmp.DecodeConfig, bmp.Decode}, true
	}
	return format{}, false
}

// Open reads a picture file. See Decode.
func Open(path string, l Limits) (Picture, error) {
	f, err := os.Open(path)
	if err != nil {
		return Picture{}, fmt.Errorf("picture: %w", err)
	}
	defer f.Close()
	return Decode(f, path, l)
}

// Decode reads a PNG, JPEG, GIF (its first frame), WebP or BMP picture from
// the start of r; the content decides, not the name, which serves the error
// texts only.
//
// The result is what OpenCV's default reading mode gives, up to the rounding of
// the JPEG and WebP decoders: 8 bits (of 16 the upper 8), transparency dropped
// and not blended, grey repeated in three channels, and the orientation in the
// EXIF data of a JPEG or PNG applied.
//
// A picture over the limits is refused from its header: the error wraps
// ErrTooLarge. One that is damaged, cut short, empty or no picture gives an
// error that wraps ErrFormat.
func Decode(r io.ReadSeeker, name string, l Limits) (pic Picture, err error) {
	defer func() {
		// No decoder should panic; if one does, it is the file's fault.
		if p := recover(); p != nil {
			pic, err = Picture{}, fmt.Errorf("picture: %s: damaged picture (%v): %w", name, p, ErrFormat)
		}
	}()
	head := make([]byte, 12)
	n, err := io.ReadFull(r, head)
	switch {
	case n == 0 && err == io.EOF:
		return Picture{}, fmt.Errorf("picture: %s: the file is empty: %w", name, ErrFormat)
	case err != nil && err != io.ErrUnexpectedEOF:
		return Picture{}, fmt.Errorf("picture: %s: %w", name, err)
	}
	f, ok := sniff(head[:n])
	if !ok {
		return Picture{}, fmt.Errorf("picture: %s: not a PNG, JPEG, GIF, WebP or BMP picture: %w", name, ErrFormat)
	}
	cfg, err := rewound(r, f.config)
	if err != nil {
		return Picture{}, decodeError(name, f, err)
	}
	if err := l.check(1, cfg.Height, cfg.Width); err != nil {
		return Picture{}, fmt.Errorf("picture: %s: %w", name, err)
	}
	img, err := rewound(r, f.decode)
	if err != nil {
		return Picture{}, decodeError(name, f, err)
	}
	pic = fromImage(img, cfg.Height, cfg.Width, f.name == "WebP")
	return pic.oriented(orientation(r, f.name)), nil
}

// rewound calls read on r from its start.
func rewound[T any](r io.ReadSeeker, read func(io.Reader) (T, error)) (T, error) {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		var none T
		return none, err
	}
	return read(bufio.NewReader(r))
}

// decodeError names the file and what is wrong with it.
func decodeError(name string, f format, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("picture: %s: the %s data end too early, the file is cut short: %w", name, f.name, ErrFormat)
	}
	var path *os.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("picture: %s: %w", name, err)
	}
	return fmt.Errorf("picture: %s: damaged or unsupported %s picture: %v: %w", name, f.name, err, ErrFormat)
}
