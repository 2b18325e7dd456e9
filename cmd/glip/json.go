package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// encoder writes JSON, an object on each line, and leaves <, > and & as they are.
func encoder(w io.Writer) *json.Encoder {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc
}

// writeJSON prints v as one indented object.
func writeJSON(w io.Writer, v any) error {
	enc := encoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// array writes a JSON list element by element.
type array struct {
	w io.Writer
	n int // elements so far
}

// add writes elements.
func (a *array) add(elements ...any) error {
	for _, v := range elements {
		var text bytes.Buffer
		enc := encoder(&text)
		enc.SetIndent("  ", "  ")
		if err := enc.Encode(v); err != nil {
			return err
		}
		before := ",\n  "
		if a.n == 0 {
			before = "[\n  "
		}
		a.n++
		if _, err := fmt.Fprintf(a.w, "%s%s", before, bytes.TrimSpace(text.Bytes())); err != nil {
			return err
		}
	}
	return nil
}

// end closes the list.
func (a *array) end() error {
	text := "\n]\n"
	if a.n == 0 {
		text = "[]\n"
	}
	_, err := io.WriteString(a.w, text)
	return err
}
