// Package file is the one way to open a file for reading.
//
// Only regular files are opened, after links are followed: a FIFO, a socket, a device or
// a folder is an error that says so and never a wait, even where it takes the place of a
// file between the look and the opening. What is read whole is read up to a limit, and
// the context is heeded between pieces.
//
//	f, info, err := file.Open("model.safetensors")
//	data, err := file.ReadAll(ctx, "vocab.txt", 1<<20)
//
// The package imports none of ours.
package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

var (
	// ErrKind: the path names something that is no regular file. Give the path of a
	// file; what a pipe or a device yields is written into one first.
	ErrKind = errors.New("not a regular file")

	// ErrTooLarge: the file is longer than what is read of its kind. It is probably
	// another file than was meant.
	ErrTooLarge = errors.New("file too large")
)

// Open opens a regular file and returns what it is. Errors name the path and wrap
// [ErrKind] or those of package os.
func Open(path string) (*os.File, fs.FileInfo, error) {
	// Opening alone may have effects (a tape rewinds, a watchdog starts), so look first.
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if err := check(path, info.Mode()); err != nil {
		return nil, nil, err
	}
	f, err := openShared(path)
	if err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = check(path, info.Mode())
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// ReadAll returns the content of a regular file of at most limit bytes. Errors name the
// path and are those of [Open], [ErrTooLarge] and the context's.
func ReadAll(ctx context.Context, path string, limit int64) ([]byte, error) {
	f, info, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > limit {
		return nil, tooLarge(path, limit)
	}
	return read(ctx, f, path, info.Size(), limit)
}

// piece is how much is read between two looks at the context.
const piece = 1 << 20

// read reads r, of some size bytes, to its end: a file may grow, and those of /proc claim
// to be empty.
func read(ctx context.Context, r io.Reader, path string, size, limit int64) ([]byte, error) {
	data := make([]byte, 0, size+1)
	for {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := r.Read(data[len(data):min(cap(data), len(data)+piece)])
		data = data[:len(data)+n]
		switch {
		case int64(len(data)) > limit:
			return nil, tooLarge(path, limit)
		case err == io.EOF:
			return data, nil
		case err != nil:
			return nil, err
		}
	}
}

func tooLarge(path string, limit int64) error {
	return fmt.Errorf("%s: %w: over the %d bytes that are read of such a file; is it the one that was meant?", path, ErrTooLarge, limit)
}

// check refuses what is no regular file and says what it is.
func check(path string, mode fs.FileMode) error {
	if mode.IsRegular() {
		return nil
	}
	what, remedy := "something else", "give the path of a file"
	switch {
	case mode.IsDir():
		what, remedy = "a folder", "give the path of a file in it"
	case mode&fs.ModeNamedPipe != 0:
		what, remedy = "a pipe", "write what comes out of it to a file first"
	case mode&fs.ModeSocket != 0:
		what = "a socket"
	case mode&fs.ModeDevice != 0:
		what = "a device"
	}
	return fmt.Errorf("%s: %w but %s; %s", path, ErrKind, what, remedy)
}
