package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/glipvk/glipvk/picture"
)

// sample is a picture that is to be looked at, or something in its place that is none.
type sample struct {
	source string // path of the picture, or of the archive that it is in
	key    string // in an archive
	entry  int    // which of the archive it is; 0 for a file
	read   func(context.Context) (picture.Picture, error)

	bytes  int64 // of the encoded picture, once it is read
	unread bool  // reading it, or making an input of it, failed
}

// name is what errors call it.
func (s *sample) name() string {
	if s.key == "" {
		return s.source
	}
	return s.source + ": " + s.key
}

// refused is a sample that is bad before it is read.
func refused(source, key string, err error) *sample {
	return &sample{source: source, key: key, read: func(context.Context) (picture.Picture, error) { return picture.Picture{}, err }}
}

// reader reads the pictures of sources.
type reader struct {
	limits picture.Limits
	stored bool   // pictures are not turned upright
	output string // folder whose files are no input
}

// isArchive says by its name whether a source is a tar archive.
func isArchive(path string) bool { return strings.EqualFold(filepath.Ext(path), ".tar") }

// samples are those of sources, in their order; of an archive in its own.
func (r reader) samples(ctx context.Context, sources []string) iter.Seq[*sample] {
	return func(yield func(*sample) bool) {
		for _, source := range sources {
			if err := r.refuse(source); err != nil {
				if !yield(refused(source, "", err)) {
					return
				}
				continue
			}
			if isArchive(source) {
				if !r.archive(ctx, source, yield) {
					return
				}
				continue
			}
			s := &sample{source: source}
			s.read = func(ctx context.Context) (picture.Picture, error) { return r.open(ctx, s) }
			if !yield(s) {
				return
			}
		}
	}
}

// refuse says what no source may be: a file of the output, which would be replaced while it is read, or a path that no row can hold.
func (r reader) refuse(source string) error {
	if !utf8.ValidString(source) {
		return errors.New("the path is not UTF-8, which rows of results are: rename the file")
	}
	if strings.HasPrefix(place(source), place(r.output)+string(filepath.Separator)) {
		return fmt.Errorf("the file is in the output folder %s: choose another one", r.output)
	}
	return nil
}

// place is a path in one spelling.
func place(path string) string {
	if remote(path) {
		return strings.TrimRight(path, "/")
	}
	if absolute, err := filepath.Abs(path); err == nil {
		return absolute
	}
	return filepath.Clean(path)
}

// how are the options of decoding.
func (r reader) how() picture.Option { return picture.IgnoreOrientation(r.stored) }

// open reads the picture of a path.
func (r reader) open(ctx context.Context, s *sample) (picture.Picture, error) {
	if !remote(s.source) {
		if info, err := os.Stat(s.source); err == nil {
			s.bytes = info.Size()
		}
		return picture.Open(ctx, s.source, r.limits, r.how())
	}
	in, size, err := openStream(ctx, s.source)
	if err != nil {
		return picture.Picture{}, err
	}
	defer in.Close()
	s.bytes = size
	pic, tensor, err := picture.ReadStream(ctx, in, s.source, r.limits, r.how())
	switch {
	case err != nil:
		return picture.Picture{}, err
	case tensor != nil:
		return picture.Picture{}, fmt.Errorf("%s is a tensor, not a picture: glip detect and glip features take such", s.source)
	}
	return *pic, nil
}

// reason is an error as a sentence of a dead letter, with the names that options have for whoever reads it.
func (c Config) reason(err error) string {
	said := err.Error()
	var path *fs.PathError
	if errors.As(err, &path) && errors.Is(err, fs.ErrNotExist) {
		said = fmt.Sprintf("there is no file %s", path.Path)
	}
	for _, option := range slices.Sorted(maps.Keys(c.Names)) {
		said = strings.ReplaceAll(said, option, c.Names[option])
	}
	return strings.ToValidUTF8(said, "\ufffd")
}
