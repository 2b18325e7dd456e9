// Package jsonlist reads long JSON piece by piece: lists an element at a time, and past what is of no interest; and writes lists so.
//
// The package imports none of ours.
package jsonlist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Each reads a list of at most so many elements. element decodes one of them, by its place.
func Each(ctx context.Context, d *json.Decoder, most int, element func(i int) error) error {
	if err := Delim(d, '['); err != nil {
		return err
	}
	for i := 0; d.More(); i++ {
		if i%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if i >= most {
			return fmt.Errorf("more than %d elements", most)
		}
		if err := element(i); err != nil {
			return err
		}
	}
	return Delim(d, ']')
}

// Elements reads a list of at most so many elements of a type, and calls take with each and its place. An element whose fields have
// other types than they should is given as far as it could be read; odd says what could not be.
func Elements[T any](ctx context.Context, d *json.Decoder, most int, take func(i int, e T, odd error) error) error {
	return Each(ctx, d, most, func(i int) error {
		var e T
		var odd *json.UnmarshalTypeError
		err := d.Decode(&e)
		if errors.As(err, &odd) {
			err = take(i, e, odd)
		} else if err == nil {
			err = take(i, e, nil)
		}
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		return nil
	})
}

// Skip passes over a value, however long it is.
func Skip(ctx context.Context, d *json.Decoder) error {
	for depth, n := 0, 0; ; n++ {
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
		if depth == 0 {
			return nil
		}
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// Delim reads a bracket.
func Delim(d *json.Decoder, want json.Delim) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	if t != want {
		return fmt.Errorf("%v instead of %v", t, want)
	}
	return nil
}

// Explained says more of errors of JSON whose own words lead nowhere.
func Explained(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && (strings.Contains(err.Error(), "'N'") || strings.Contains(err.Error(), "'I'")) {
		return fmt.Errorf("%w; is it NaN or Infinity, which Python writes and JSON does not have?", err)
	}
	if syntax != nil && strings.Contains(err.Error(), "'ï'") {
		return fmt.Errorf("%w; is it a byte order mark, which JSON does not have? save the file as UTF-8 without one", err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends in the middle", err)
	}
	return err
}
