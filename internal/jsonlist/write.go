package jsonlist

import (
	"bytes"
	"encoding/json"
	"io"
)

// Encoder writes JSON, a value on each line, and leaves <, > and & as they are.
func Encoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// Compact is a value as JSON on a line, without its end.
func Compact(v any) (string, error) {
	var b bytes.Buffer
	err := Encoder(&b).Encode(v)
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), err
}

// List writes a list to W element by element.
type List struct {
	W      io.Writer
	Indent string // what stands before each line of an element; "" writes each on one line
	N      int    // elements so far

	text bytes.Buffer // of the element that is written
}

// Add writes elements.
func (l *List) Add(elements ...any) error {
	for _, v := range elements {
		l.text.Reset()
		l.text.WriteString(",\n" + l.Indent)
		if l.N == 0 {
			l.text.Reset()
			l.text.WriteString("[\n" + l.Indent)
		}
		e := Encoder(&l.text)
		e.SetIndent(l.Indent, l.Indent)
		if err := e.Encode(v); err != nil {
			return err
		}
		l.N++
		if _, err := l.W.Write(bytes.TrimSuffix(l.text.Bytes(), []byte("\n"))); err != nil {
			return err
		}
	}
	return nil
}

// End closes the list, without an end of the line.
func (l *List) End() error {
	text := "\n]"
	if l.N == 0 {
		text = "[]"
	}
	_, err := io.WriteString(l.W, text)
	return err
}
