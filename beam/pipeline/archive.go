package pipeline

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/glipvk/glipvk/picture"
)

// Bounds of archives, which come from anywhere.
const (
	mostEncoded = 256 << 20 // bytes of an encoded picture
	mostKey     = 1024      // bytes of a key, which rows repeat
)

// mostEntries bounds the entries of an archive that are looked at; tests have a lower one.
var mostEntries = 1 << 22

// endings are those of members that are pictures.
var endings = []string{"png", "jpg", "jpeg", "jpe", "jfif", "gif", "webp", "bmp", "dib", "tif", "tiff"}

// member says whose an entry of an archive is, by webdataset's convention: members of a sample stand together and share a key, the name up
// to the first dot of its last element, and the rest says what they are. A name is never used as a path.
func member(name string) (key, ending string) {
	folder, last := path.Split(name)
	stem, ending, _ := strings.Cut(last, ".")
	return folder + stem, strings.ToLower(ending)
}

// isPicture says whether a member is the picture of its sample: "jpg", or "left.jpg" where it has a name.
func isPicture(ending string) bool {
	return slices.Contains(endings, ending[strings.LastIndexByte(ending, '.')+1:])
}

// archive yields the samples of a tar archive; false if nobody wants more. What ends the archive early is a sample that cannot be read.
func (r reader) archive(ctx context.Context, source string, yield func(*sample) bool) bool {
	in, _, err := openStream(ctx, source)
	if err != nil {
		return yield(refused(source, "", err))
	}
	defer in.Close()
	w := walk{reader: r, source: source, yield: yield}
	t := tar.NewReader(in)
	for n := 0; ; n++ {
		if ctx.Err() != nil {
			return true // the stream ends by itself
		}
		h, err := t.Next()
		if err == io.EOF {
			return w.flush()
		}
		if err == nil && n >= mostEntries {
			err = fmt.Errorf("more than the %d entries that are read of an archive: make several of it", mostEntries)
		}
		if err != nil {
			return w.flush() && yield(refused(source, "", damaged(source, err)))
		}
		if h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if goes, err := w.entry(n, h, t); err != nil {
			return goes && yield(refused(source, w.key, damaged(source, err)))
		} else if !goes {
			return false
		}
	}
}

// damaged says that an archive ends before its end.
func damaged(source string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it ends in the middle of an entry")
	}
	return fmt.Errorf("%s: the archive cannot be read from here on: %w", source, err)
}

// walk goes through the members of an archive.
type walk struct {
	reader
	source string
	yield  func(*sample) bool
	key    string
	within bool // a sample has begun
	given  bool // its picture was met
	others []string
}

// flush ends a sample; one without a picture is a dead letter.
func (w *walk) flush() bool {
	goes := true
	if w.within && !w.given {
		goes = w.yield(refused(w.source, w.key, fmt.Errorf("%s: the sample has no picture among its members (%s)", w.name(), strings.Join(w.others, ", "))))
	}
	w.within, w.given, w.others = false, false, nil
	return goes
}

func (w *walk) name() string { return fmt.Sprintf("%s: %.120q", w.source, w.key) }

// entry takes member n; false if nobody wants more. The error is that of reading the archive.
func (w *walk) entry(n int, h *tar.Header, content io.Reader) (bool, error) {
	key, ending := member(h.Name)
	if len(key) > mostKey || !utf8.ValidString(key) {
		short := strings.ToValidUTF8(key[:min(len(key), 60)], "\ufffd")
		return w.flush() && w.yield(refused(w.source, short, fmt.Errorf("%s: %.60q...: the name is no key, which is valid UTF-8 and has %d bytes at most", w.source, key, mostKey))), nil
	}
	if !w.within || key != w.key {
		if !w.flush() {
			return false, nil
		}
		w.key, w.within = key, true
	}
	if !isPicture(ending) {
		if len(w.others) < 8 {
			w.others = append(w.others, fmt.Sprintf("%.20s", ending))
		}
		return true, nil
	}
	if w.given {
		return true, nil // the first is the sample's
	}
	w.given = true
	switch {
	case h.Typeflag != tar.TypeReg:
		return w.yield(refused(w.source, key, fmt.Errorf("%s: the picture is a link, a device or a file with holes: want a plain file", w.name()))), nil
	case h.Size > mostEncoded:
		return w.yield(refused(w.source, key, fmt.Errorf("%s: the archive says that the picture has %d bytes, over the %d that are read", w.name(), h.Size, mostEncoded))), nil
	}
	// What the header says is not believed: memory grows with what is there.
	var data bytes.Buffer
	if _, err := io.Copy(&data, content); err != nil {
		return true, err
	}
	s := &sample{source: w.source, key: key, entry: n}
	s.read = func(ctx context.Context) (picture.Picture, error) {
		s.bytes = int64(data.Len())
		return picture.Decode(ctx, bytes.NewReader(data.Bytes()), s.name(), w.limits, w.how())
	}
	return w.yield(s), nil
}
