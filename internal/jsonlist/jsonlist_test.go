package jsonlist_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/internal/jsonlist"
)

func TestEach(t *testing.T) {
	for text, want := range map[string]string{
		`[1, 2, 3]`: "", `[]`: "", `[1, 2, 3, 4]`: "more than 3 elements", `{}`: "{ instead of [", `[1, "a"]`: "cannot unmarshal", `[1`: "EOF", `[1 2]`: "after array element",
	} {
		d := json.NewDecoder(strings.NewReader(text))
		sum := 0
		err := jsonlist.Each(t.Context(), d, 3, func(i int) error {
			var n int
			err := d.Decode(&n)
			if n != i+1 && err == nil {
				t.Errorf("%s: element %d is %d", text, i, n)
			}
			sum += n
			return err
		})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestSkip(t *testing.T) {
	d := json.NewDecoder(strings.NewReader(`{"a": [1, {"b": []}], "c": "d"} 7 [`))
	for range 2 {
		if err := jsonlist.Skip(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if err := jsonlist.Skip(t.Context(), d); err == nil {
		t.Error("half a list was a value")
	}
}

// Both end when they are told to.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	long := "[" + strings.Repeat("1, ", 5000) + "1]"
	if err := jsonlist.Skip(ctx, json.NewDecoder(strings.NewReader(long))); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := jsonlist.Each(ctx, json.NewDecoder(strings.NewReader(long)), 9, func(int) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
