package main

import (
	"io"

	"github.com/glipvk/glipvk/internal/jsonlist"
)

// indent is what stands before the lines of objects that people may read.
const indent = "  "

// writeJSON prints v as one indented object.
func writeJSON(w io.Writer, v any) error {
	e := jsonlist.Encoder(w)
	e.SetIndent("", indent)
	return e.Encode(v)
}

// endJSON closes a list, and the line.
func endJSON(l *jsonlist.List) error {
	if err := l.End(); err != nil {
		return err
	}
	_, err := io.WriteString(l.W, "\n")
	return err
}
