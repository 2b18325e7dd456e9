package picture

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/glipvk/glipvk/internal/file"
)

// format is one kind of picture file.
type format struct {
	name string
	// begin reads from a file of so many bytes, whose buffer stands at its start, what is
	// needed to tell what decoding it takes.
	begin func(s *source, size int64) (job, error)
}

// job is a picture that is to be decoded.
type job struct {
	height, width int
	effort        effort
	turn          int                                                     // orientation that EXIF data name, 1 to 8
	decode        func(ctx context.Context, r io.Reader) (Picture, error) // reads the file from its start
}

// sniff finds the format from a file's first bytes.
func sniff(head []byte) (format, bool) {
	switch {
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return format{"PNG", beginPNG}, true
	case bytes.HasPrefix(head, []byte("\xff\xd8")):
		return format{"JPEG", beginJPEG}, true
	case bytes.HasPrefix(head, []byte("GIF87a")), bytes.HasPrefix(head, []byte("GIF89a")):
		return format{"GIF", beginGIF}, true
	case len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		return format{"WebP", beginWebP}, true
	case bytes.HasPrefix(head, []byte("BM")):
		return format{"BMP", beginBMP}, true
	case bytes.HasPrefix(head, []byte("II*\x00")) && !bytes.HasPrefix(head[4:], []byte("\x10\x00\x00\x00CR")), bytes.HasPrefix(head, []byte("MM\x00*")):
		return format{"TIFF", beginTIFF}, true
	}
	return format{}, false
}

// Option changes how Open, Decode and ReadStream read a picture.
type Option func(*source)

// IgnoreOrientation leaves pictures as they are stored, if ignore is true: the orientation
// that a camera noted is not heeded, as OpenCV's IMREAD_IGNORE_ORIENTATION has it. Data
// sets whose boxes count stored pixels want that.
func IgnoreOrientation(ignore bool) Option {
	return func(s *source) { s.stored = ignore }
}

// Open reads a picture file, a regular one. See Decode.
func Open(ctx context.Context, path string, l Limits, how ...Option) (Picture, error) {
	f, _, err := open(path)
	if err != nil {
		return Picture{}, err
	}
	defer f.Close()
	return Decode(ctx, f, path, l, how...)
}

// open opens a regular file; anything else has the wrong format.
func open(path string) (*os.File, os.FileInfo, error) {
	f, info, err := file.Open(path)
	switch {
	case errors.Is(err, file.ErrKind):
		return nil, nil, fmt.Errorf("picture: %w: %w", err, ErrFormat)
	case err != nil:
		return nil, nil, fmt.Errorf("picture: %w", err)
	}
	return f, info, nil
}

// Decode reads a PNG, JPEG, GIF (its first frame), WebP (the same), BMP or TIFF (its
// first page) picture from the start of r; the content decides, not the name, which
// serves the error texts only.
//
// The result is what OpenCV's default reading mode gives (the package's documentation
// tells the exceptions): 8 bits, transparency dropped and not blended, grey repeated in
// three channels, and the orientation in the EXIF data of a JPEG or PNG, or in a TIFF's
// tag, applied.
//
// Size, memory and work are found before the pixels are decoded, and a picture
// over the limits is refused: the error wraps ErrTooLarge. One that is damaged,
// cut short, empty or no picture gives an error that wraps ErrFormat.
//
// When ctx is done Decode returns its error at once, waiting at most for a Read
// that is under way; r is not used afterwards. The decoder ends by itself with the row,
// or of WebP the read, that it is at.
func Decode(ctx context.Context, r io.ReadSeeker, name string, l Limits, how ...Option) (Picture, error) {
	s := &source{ctx: ctx, r: r, buffer: bufio.NewReaderSize(nil, 1<<14)}
	for _, change := range how {
		change(s)
	}
	if ctx.Done() == nil {
		return s.picture(name, l)
	}
	type result struct {
		pic Picture
		err error
	}
	done := make(chan result, 1)
	go func() {
		pic, err := s.picture(name, l)
		done <- result{pic, err}
	}()
	select {
	case result := <-done:
		return result.pic, result.err
	case <-ctx.Done():
		s.mu.Lock() // a Read under way ends, and no other begins
		defer s.mu.Unlock()
		return Picture{}, fmt.Errorf("picture: %s: %w", name, ctx.Err())
	}
}

// source is a file under a context: once that is done it can no longer be read.
type source struct {
	ctx    context.Context
	buffer *bufio.Reader // of it
	stored bool          // its orientation is not heeded
	mu     sync.Mutex    // of r
	r      io.ReadSeeker
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

// Seek implements io.Seeker.
func (s *source) Seek(offset int64, whence int) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Seek(offset, whence)
}

// picture is Decode without its leaving early.
func (s *source) picture(name string, l Limits) (pic Picture, err error) {
	defer func() {
		// No decoder should panic; if one does, it is the file's fault.
		if p := recover(); p != nil {
			pic, err = Picture{}, fmt.Errorf("picture: %s: damaged picture (%v): %w", name, p, ErrFormat)
		}
	}()
	j, f, err := s.begin(name, l)
	if err != nil {
		return Picture{}, err
	}
	need := j.effort
	need.bytes += resultBytes(j.turn) * int64(j.height) * int64(j.width)
	if err := l.allow(j.height, j.width, need); err != nil {
		return Picture{}, fmt.Errorf("picture: %s: %w", name, err)
	}
	pic, err = rewound(s, func(r *bufio.Reader) (Picture, error) { return j.decode(s.ctx, io.LimitReader(r, need.length)) })
	if err != nil {
		return Picture{}, decodeError(name, f, err)
	}
	pic = pic.oriented(s.ctx, j.turn)
	if err := s.ctx.Err(); err != nil { // some of it is left undone
		return Picture{}, fmt.Errorf("picture: %s: %w", name, err)
	}
	return pic, nil
}

// format is the kind of picture that the file is, and the file's size in bytes.
func (s *source) format() (size int64, f format, err error) {
	if size, err = s.Seek(0, io.SeekEnd); err != nil {
		return 0, f, err
	}
	head, err := rewound(s, func(r *bufio.Reader) ([]byte, error) {
		head := make([]byte, headSize)
		n, err := io.ReadFull(r, head)
		if isEnd(err) {
			err = nil
		}
		return head[:n], err
	})
	switch {
	case err != nil:
		return 0, f, err
	case len(head) == 0:
		return 0, f, fmt.Errorf("the file is empty: %w", ErrFormat)
	}
	f, ok := sniff(head)
	if !ok {
		return 0, f, unread(head)
	}
	return size, f, nil
}

// rewound calls read on a file from its start.
func rewound[T any](s *source, read func(*bufio.Reader) (T, error)) (T, error) {
	if _, err := s.Seek(0, io.SeekStart); err != nil {
		var none T
		return none, err
	}
	s.buffer.Reset(s)
	return read(s.buffer)
}

// isEnd reports whether reading ended because the file did.
func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// noEOF is an error that reading must not end with here.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// decodeError names the file and what is wrong with it.
func decodeError(name string, f format, err error) error {
	if isEnd(err) {
		return fmt.Errorf("picture: %s: the %s data end too early, the file is cut short: %w", name, f.name, ErrFormat)
	}
	var path *os.PathError
	if errors.As(err, &path) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("picture: %s: %w", name, err)
	}
	return fmt.Errorf("picture: %s: damaged or unsupported %s picture: %v: %w", name, f.name, err, ErrFormat)
}
