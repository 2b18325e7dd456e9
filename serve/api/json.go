package api

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// JSON reads a document that lies in memory, a value at a time and without a tree of it: a picture in base64 takes no
// memory beside its text. Its errors are refusals, [BadRequest] or [TooLarge].
type JSON struct {
	d     *jsontext.Decoder
	text  []byte
	depth int
}

// ReadJSON reads a text whose objects and arrays are within one another at most so deep. The text is overwritten by
// [JSON.Base64].
func ReadJSON(text []byte, depth int) *JSON {
	// Names that are there twice are not looked for: that takes memory for each name of a hostile body.
	return &JSON{jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true)), text, depth}
}

// Object calls member with the name of each member of an object. What it does not read is passed over. A null has none.
func (j *JSON) Object(member func(name string) error) error {
	return j.inside('{', "an object", func(int) error {
		raw, err := j.d.ReadValue()
		if err != nil {
			return j.bad(err)
		}
		return j.value(func() error { return member(unquoted(raw, 256)) })
	})
}

// Array calls element with the place of each element of an array. What it does not read is passed over. A null has none.
func (j *JSON) Array(element func(i int) error) error {
	return j.inside('[', "an array", func(i int) error { return j.value(func() error { return element(i) }) })
}

// inside goes through an object or an array.
func (j *JSON) inside(open jsontext.Kind, want string, each func(i int) error) error {
	if kind := j.d.PeekKind(); kind != open && kind != 'n' {
		return j.unwanted(want)
	}
	t, err := j.d.ReadToken()
	if err != nil || t.Kind() == 'n' {
		return j.bad(err)
	}
	if j.d.StackDepth() > j.depth {
		return j.deep()
	}
	for i := 0; j.d.PeekKind() != open+2; i++ { // } and ] are two after { and [
		if err := each(i); err != nil {
			return err
		}
	}
	_, err = j.d.ReadToken()
	return j.bad(err)
}

// value has a value read by read, and passes over it if it was not.
func (j *JSON) value(read func() error) error {
	before := j.d.InputOffset()
	if err := read(); err != nil || j.d.InputOffset() != before {
		return err
	}
	return j.Skip()
}

// Skip passes over a value.
func (j *JSON) Skip() error {
	outside := j.d.StackDepth()
	for {
		if _, err := j.d.ReadToken(); err != nil {
			return j.bad(err)
		}
		switch depth := j.d.StackDepth(); {
		case depth > j.depth:
			return j.deep()
		case depth <= outside:
			return nil
		}
	}
}

// Raw passes over a value and is its text, a part of the document.
func (j *JSON) Raw() ([]byte, error) {
	start := j.d.InputOffset()
	if err := j.Skip(); err != nil {
		return nil, err
	}
	return bytes.TrimLeft(j.text[start:j.d.InputOffset()], ":, \t\r\n"), nil
}

// Null says whether the next value is null.
func (j *JSON) Null() bool { return j.d.PeekKind() == 'n' }

// Is says whether the next value is a string, an object, an array or a number: one of "{[0 and a quotation mark.
func (j *JSON) Is(kind byte) bool { return j.d.PeekKind() == jsontext.Kind(kind) }

// Text is a string of so many bytes at most; null is "".
func (j *JSON) Text(most int) (string, error) {
	raw, err := j.quoted()
	if err != nil || raw == nil {
		return "", err
	}
	if len(raw)-2 <= 6*most { // "\u0061" is a byte
		raw, err = jsontext.AppendUnquote(nil, raw)
		if err != nil {
			return "", j.bad(err)
		}
		if len(raw) <= most {
			return string(raw), nil
		}
	}
	return "", Refuse(TooLarge, "%s is longer than the %d bytes that are taken", j.place(), most)
}

// Base64 is what a string is the base64 of, put where the string was.
func (j *JSON) Base64() ([]byte, error) {
	raw, err := j.quoted()
	if err != nil || raw == nil {
		return nil, err
	}
	data, err := QuotedBase64(raw)
	if err != nil {
		return nil, Refuse(BadRequest, "%s: %v", j.place(), err)
	}
	return data, nil
}

// QuotedBase64 is what a string of JSON is the base64 of, put where the string was.
func QuotedBase64(raw []byte) ([]byte, error) {
	inside := raw[1 : len(raw)-1]
	if bytes.IndexByte(inside, '\\') >= 0 { // some write a / as \/
		var err error
		if inside, err = jsontext.AppendUnquote(nil, raw); err != nil {
			return nil, errors.New("it is no string")
		}
	}
	return Base64(inside)
}

// quoted is a string with its quotation marks and escapes; nil for null.
func (j *JSON) quoted() ([]byte, error) {
	kind := j.d.PeekKind()
	if kind != '"' && kind != 'n' {
		return nil, j.unwanted("a string")
	}
	raw, err := j.d.ReadValue()
	if err != nil || kind == 'n' {
		return nil, j.bad(err)
	}
	return raw, nil
}

// Scalar is a string of at most 256 bytes, a float64, a bool or, for null, nil.
func (j *JSON) Scalar() (any, error) {
	switch j.d.PeekKind() {
	case '"':
		return j.Text(256)
	case '{', '[':
		return nil, j.unwanted("a string, a number or a boolean")
	}
	t, err := j.d.ReadToken()
	if err != nil {
		return nil, j.bad(err)
	}
	switch t.Kind() {
	case '0':
		v, err := t.Float()
		if err != nil {
			return nil, Refuse(BadRequest, "%s is no number of 64 bits", j.place())
		}
		return v, nil
	case 't', 'f':
		return t.Bool(), nil
	}
	return nil, nil
}

// End refuses a document that goes on.
func (j *JSON) End() error {
	if _, err := j.d.ReadToken(); !errors.Is(err, io.EOF) {
		return Refuse(BadRequest, "the JSON ends at byte %d, but the body goes on", j.d.InputOffset())
	}
	return nil
}

// place is where in the document the reading is.
func (j *JSON) place() string {
	at := string(j.d.StackPointer())
	if at == "" {
		return "the body"
	}
	return "the body's " + Cut(at)
}

func (j *JSON) unwanted(want string) error {
	kind := j.d.PeekKind()
	if kind == jsontext.KindInvalid {
		_, err := j.d.ReadToken()
		return j.bad(err)
	}
	names := map[jsontext.Kind]string{'n': "null", 't': "a boolean", 'f': "a boolean", '"': "a string", '0': "a number", '{': "an object", '[': "an array"}
	return Refuse(BadRequest, "byte %d of the JSON, after %s, begins %s, want %s", j.d.InputOffset(), j.place(), names[kind], want)
}

func (j *JSON) deep() error {
	return Refuse(BadRequest, "the JSON is nested deeper than %d (--max-depth)", j.depth)
}

// bad is a text that is no JSON, as a refusal; nil for nil.
func (j *JSON) bad(err error) error {
	if err == nil {
		return nil
	}
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return Refuse(BadRequest, "the body is no JSON: byte %d: %v", s.ByteOffset, s.Err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return Refuse(BadRequest, "the body is no JSON: it ends within a value")
	}
	return err
}

// unquoted is a quoted string, or "" for one of more than so many bytes.
func unquoted(raw []byte, most int) string {
	if len(raw) > 6*most+2 {
		return ""
	}
	raw, err := jsontext.AppendUnquote(nil, raw)
	if err != nil || len(raw) > most {
		return ""
	}
	return string(raw)
}
