package picture

import (
	"bufio"
	"context"
	"io"
)

// Header is what a file says of its picture before any pixel of it is decoded.
type Header struct {
	Format string // "PNG", "JPEG", "GIF", "WebP", "BMP" or "TIFF"
	Extent        // as Decode gives it, turned upright
	Bytes  int64  // of memory that decoding takes in all
}

// ReadHeader reads what decides whether a picture can be decoded within limits. It refuses what [Decode] refuses for its size,
// memory or work; whether the pixels are whole shows only in decoding. It reads from r as Decode does, and takes little time
// and memory whatever the file says.
func ReadHeader(ctx context.Context, r io.ReadSeeker, name string, l Limits, how ...Option) (h Header, err error) {
	defer damaged(name, &err)
	s := &source{ctx: ctx, r: r, buffer: bufio.NewReaderSize(nil, 1<<14)}
	for _, change := range how {
		change(s)
	}
	f, j, err := s.begin(name, l)
	if err != nil {
		return Header{}, err
	}
	h = Header{f.name, Extent{j.height, j.width}, j.effort.bytes}
	if j.turn >= 5 && j.turn <= 8 {
		h.Height, h.Width = h.Width, h.Height
	}
	return h, nil
}

// OpenHeader is ReadHeader of a picture file, a regular one.
func OpenHeader(ctx context.Context, path string, l Limits, how ...Option) (Header, error) {
	f, _, err := open(path)
	if err != nil {
		return Header{}, err
	}
	defer f.Close()
	return ReadHeader(ctx, f, path, l, how...)
}
