// Package jsonlist reads long JSON piece by piece: lists an element at a time, and past what is of no interest.
//
// The package imports none of ours.
package jsonlist

import (
	"context"
	"encoding/json"
	"fmt"
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
