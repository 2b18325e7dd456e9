package pipeline

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/local" // plain paths
	"github.com/glipvk/glipvk/internal/file"
)

// remote says whether a path is of a file system of Beam's, such as gs://bucket/folder, and not of the machine's.
func remote(path string) bool { return strings.Index(path, "://") > 0 }

// save writes a file that has its name when it is whole, and after an error does not: written beside its place and renamed. What it
// replaces is there until then. Two who write the same file at a time leave one of the two.
func save(ctx context.Context, path string, write func(io.Writer) error) error {
	if !remote(path) {
		return file.Save(path, 0o644, write)
	}
	system, err := filesystem.New(ctx, path)
	if err != nil {
		return err
	}
	defer system.Close()
	// A writer of an object store commits what it has when it is closed; one whose context is over does not.
	writing, abandon := context.WithCancel(ctx)
	defer abandon()
	beside := path + ".new-" + rand.Text()
	w, err := system.OpenWrite(writing, beside)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := write(w); err != nil {
		abandon()
		_ = w.Close()
		if r, ok := system.(filesystem.Remover); ok {
			_ = r.Remove(ctx, beside)
		}
		return err
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := filesystem.Rename(ctx, system, beside, path); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// mostOwn bounds the files of our own that are read back, in bytes.
const mostOwn = 16 << 20

// load reads a small file of the output; the error is fs.ErrNotExist where there is none.
func load(ctx context.Context, path string) ([]byte, error) {
	if !remote(path) {
		return file.ReadAll(ctx, path, mostOwn)
	}
	system, err := filesystem.New(ctx, path)
	if err != nil {
		return nil, err
	}
	defer system.Close()
	there, err := system.List(ctx, path)
	if err != nil {
		return nil, err
	}
	if len(there) == 0 {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	r, err := system.OpenRead(ctx, path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return file.Drain(ctx, r, path, mostOwn)
}

// remove removes a file; one that is not there is removed.
func remove(ctx context.Context, path string) error {
	if !remote(path) {
		return file.Clear(path)
	}
	system, err := filesystem.New(ctx, path)
	if err != nil {
		return err
	}
	defer system.Close()
	there, err := system.List(ctx, path)
	if err != nil || len(there) == 0 {
		return err
	}
	r, ok := system.(filesystem.Remover)
	if !ok {
		return fmt.Errorf("%s: files of this system cannot be removed: choose an empty folder", path)
	}
	return r.Remove(ctx, path)
}

// list are the files that a pattern names.
func list(ctx context.Context, pattern string) ([]string, error) {
	system, err := filesystem.New(ctx, pattern)
	if err != nil {
		return nil, err
	}
	defer system.Close()
	return system.List(ctx, pattern)
}

// openStream opens a file to be read once from its start, and says how long it is.
func openStream(ctx context.Context, path string) (io.ReadCloser, int64, error) {
	if !remote(path) {
		f, info, err := file.Open(path)
		if err != nil {
			return nil, 0, err
		}
		return f, info.Size(), nil
	}
	system, err := filesystem.New(ctx, path)
	if err != nil {
		return nil, 0, err
	}
	size, err := system.Size(ctx, path)
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("%s: %w", path, err), system.Close())
	}
	r, err := system.OpenRead(ctx, path)
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("%s: %w", path, err), system.Close())
	}
	return &opened{r, system}, size, nil
}

// opened is a file with its system, which is closed with it.
type opened struct {
	io.ReadCloser
	system filesystem.Interface
}

// Close closes both.
func (o *opened) Close() error { return errors.Join(o.ReadCloser.Close(), o.system.Close()) }
