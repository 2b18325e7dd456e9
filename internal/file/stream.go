package file

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// IsPipe says whether a path names a pipe: a FIFO, or what a shell writes for <(command).
func IsPipe(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&fs.ModeNamedPipe != 0
}

// OpenPipe opens a pipe for a command that was told to read it. It waits for the writer of a
// FIFO, but no longer than ctx: an opening under way is then left to itself.
func OpenPipe(ctx context.Context, path string) (*os.File, error) {
	type result struct {
		f   *os.File
		err error
	}
	opened, left := make(chan result), make(chan struct{})
	defer close(left)
	go func() {
		f, err := os.Open(path)
		select {
		case opened <- result{f, err}:
		case <-left:
			if err == nil {
				f.Close() // nobody read from it
			}
		}
	}()
	select {
	case r := <-opened:
		return r.f, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("opening %s: %w", path, ctx.Err())
	}
}

// Drain reads a stream of at most limit bytes to its end. The error names the stream and is its
// own, [ErrTooLarge] or the context's, for which a read under way is not waited.
func Drain(ctx context.Context, r io.Reader, name string, limit int64) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := read(ctx, r, name, 0, limit)
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("reading %s: %w", name, ctx.Err())
	}
}
