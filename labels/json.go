package labels

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/glipvk/glipvk/internal/jsonlist"
)

// encoder writes JSON, a value on each line, and leaves <, > and & as they are.
func encoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// compact is a value as JSON on a line without its end.
func compact(v any) (string, error) {
	var b bytes.Buffer
	err := encoder(&b).Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// list writes a JSON list, an element a line.
type list struct {
	w io.Writer
	n int
}

func (l *list) add(v any) error {
	before := ",\n"
	if l.n == 0 {
		before = "[\n"
	}
	l.n++
	if _, err := io.WriteString(l.w, before); err != nil {
		return err
	}
	text, err := compact(v)
	if err == nil {
		_, err = io.WriteString(l.w, text)
	}
	return err
}

func (l *list) end() error {
	text := "\n]"
	if l.n == 0 {
		text = "[]"
	}
	_, err := io.WriteString(l.w, text)
	return err
}

// explained says more of errors of JSON whose own words lead nowhere.
func explained(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && (strings.Contains(err.Error(), "'N'") || strings.Contains(err.Error(), "'I'")) {
		return fmt.Errorf("%w; is it NaN or Infinity, which Python writes and JSON does not have?", err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends in the middle", err)
	}
	return err
}

// elements reads a list, calling take with each element.
func elements[T any](ctx context.Context, d *json.Decoder, most int, take func(T) error) error {
	return jsonlist.Each(ctx, d, most, func(i int) error {
		var e T
		err := d.Decode(&e)
		if err == nil {
			err = take(e)
		}
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		return nil
	})
}
