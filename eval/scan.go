package eval

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of files that are read, far above those of any published set.
const (
	mostBytes      = 8 << 30
	mostPhrases    = 1 << 29 // bytes of a file about sentences, whose short lists take more room than they do
	mostResults    = 64 << 20
	mostTruths     = 32 << 20
	mostPictures   = 4 << 20
	mostCategories = 1 << 16
	mostList       = 1 << 16 // elements of a list in an element
)

// scanner reads JSON piece by piece, so that a file is never in memory as a whole. Every error names the element by its pointer, and all
// wrap [ErrInput] but those of reading and the context's.
type scanner struct {
	*jsontext.Decoder
	ctx context.Context
}

// scan reads a file of at most so many bytes with read, which takes one value of it, and wants nothing behind that.
func scan(ctx context.Context, path string, most int64, read func(*scanner) error) error {
	f, info, err := file.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if info.Size() > most {
		return fmt.Errorf("%s: eval: %w: %d bytes, want at most %d", path, ErrInput, info.Size(), most)
	}
	if err := scanAll(ctx, io.LimitReader(f, most), read); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func scanAll(ctx context.Context, r io.Reader, read func(*scanner) error) error {
	// Names that come twice: the last counts, as for Python.
	s := &scanner{jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true)), ctx}
	if err := read(s); err != nil {
		return err
	}
	if t, err := s.ReadToken(); err != io.EOF {
		return s.bad("there is %s behind the end of it", s.what(t.Kind()))
	}
	return nil
}

// bad is an error about the value that was read last.
func (s *scanner) bad(format string, args ...any) error {
	return fmt.Errorf("eval: %w: %s: %s", ErrInput, s.place(), fmt.Sprintf(format, args...))
}

// place is the pointer of what was read last.
func (s *scanner) place() string {
	if at := string(s.StackPointer()); at != "" {
		return at
	}
	return "the whole"
}

// broken is the error of what is no JSON, or of reading.
func (s *scanner) broken(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case err == nil:
		return nil
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("eval: %w: it ends too early, at byte %d", ErrInput, s.InputOffset())
	case errors.As(err, &syntax):
		rest := bytes.TrimLeft(s.UnreadBuffer(), " \t\r\n:,")
		for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
			if bytes.HasPrefix(rest, []byte(word)) {
				return fmt.Errorf("eval: %w: %s, byte %d: %s is no number of JSON, though Python writes it; what made the file computed no number there", ErrInput, s.place(), syntax.ByteOffset, word)
			}
		}
		return fmt.Errorf("eval: %w: no JSON: %w", ErrInput, err)
	}
	return err
}

// what names a kind of value.
func (s *scanner) what(k jsontext.Kind) string {
	switch k {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a text"
	case '0':
		return "a number"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "something else"
}

// object reads one. each is told the names, and reads the value of that name; the name is not to be kept.
func (s *scanner) object(each func(name []byte) error) error {
	if err := s.open('{', "an object"); err != nil {
		return err
	}
	for s.PeekKind() != '}' {
		name, err := s.ReadValue()
		if err != nil {
			return s.broken(err)
		}
		if bytes.IndexByte(name, '\\') < 0 {
			name = name[1 : len(name)-1]
		} else if name, err = jsontext.AppendUnquote(nil, name); err != nil {
			return s.broken(err)
		}
		if err := each(name); err != nil {
			return err
		}
	}
	_, err := s.ReadToken()
	return s.broken(err)
}

// list reads one of at most so many elements, each of which each reads.
func (s *scanner) list(most int, each func(i int) error) error {
	if err := s.open('[', "a list"); err != nil {
		return err
	}
	for i := 0; s.PeekKind() != ']'; i++ {
		if i%4096 == 0 && s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		if i == most {
			return s.bad("more than %d elements", most)
		}
		if err := each(i); err != nil {
			return err
		}
	}
	_, err := s.ReadToken()
	return s.broken(err)
}

// open reads what begins an object or a list.
func (s *scanner) open(want jsontext.Kind, name string) error {
	t, err := s.ReadToken()
	if err != nil {
		return s.broken(err)
	}
	if t.Kind() != want {
		return s.bad("%s instead of %s", s.what(t.Kind()), name)
	}
	return nil
}

// number reads a finite one.
func (s *scanner) number() (float64, error) {
	t, err := s.ReadToken()
	if err != nil {
		return 0, s.broken(err)
	}
	if t.Kind() != '0' {
		return 0, s.bad("%s instead of a number", s.what(t.Kind()))
	}
	v, err := t.Float()
	if err != nil || v-v != 0 {
		return 0, s.bad("%.40s is too large for a number", t.String())
	}
	return v, nil
}

// whole reads a whole number, which may be written 3 or 3.0; whole numbers are exact.
func (s *scanner) whole() (int64, error) {
	t, err := s.ReadToken()
	if err != nil {
		return 0, s.broken(err)
	}
	if t.Kind() != '0' {
		return 0, s.bad("%s instead of a whole number", s.what(t.Kind()))
	}
	if v, err := t.Int(); err == nil {
		return v, nil
	}
	v, err := t.Float()
	if err != nil || v != math.Trunc(v) || math.Abs(v) > 1<<53 {
		return 0, s.bad("%.40s is no whole number that can be exact", t.String())
	}
	return int64(v), nil
}

// text reads one.
func (s *scanner) text() (string, error) {
	t, err := s.ReadToken()
	if err != nil {
		return "", s.broken(err)
	}
	if t.Kind() != '"' {
		return "", s.bad("%s instead of a text", s.what(t.Kind()))
	}
	return t.String(), nil
}

// name reads a text, or a whole number as its digits: ids are written both ways.
func (s *scanner) name() (string, error) {
	if s.PeekKind() == '0' {
		n, err := s.whole()
		return strconv.FormatInt(n, 10), err
	}
	return s.text()
}

// flag reads 0 or 1, or false or true.
func (s *scanner) flag() (bool, error) {
	switch s.PeekKind() {
	case 't', 'f':
		t, err := s.ReadToken()
		return err == nil && t.Kind() == 't', s.broken(err)
	}
	n, err := s.number()
	return n != 0, err
}

// box reads a list of four numbers.
func (s *scanner) box() (b [4]float64, err error) {
	n := 0
	err = s.list(4, func(i int) error {
		n = i + 1
		b[i], err = s.number()
		return err
	})
	if err == nil && n != 4 {
		err = s.bad("%d numbers, want four", n)
	}
	return b, err
}

// wholes reads a list of whole numbers; it is not nil.
func (s *scanner) wholes() ([]int64, error) {
	list := []int64{}
	err := s.list(mostList, func(int) error {
		n, err := s.whole()
		list = append(list, n)
		return err
	})
	return list, err
}

// skip passes over a value.
func (s *scanner) skip() error { return s.broken(s.SkipValue()) }
