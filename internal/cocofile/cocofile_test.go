package cocofile_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/internal/cocofile"
)

var errKind = errors.New("of a kind")

// counting counts elements, and those that are odd.
func counting(count, odd *int) cocofile.Lists {
	note := func(err error) error {
		if *count++; err != nil {
			*odd++
		}
		return nil
	}
	return cocofile.Lists{
		Image:      func(_ int, _ cocofile.Image, odd error) error { return note(odd) },
		Annotation: func(_ int, _ cocofile.Annotation, odd error) error { return note(odd) },
		Category:   func(_ int, _ cocofile.Category, odd error) error { return note(odd) },
	}
}

func TestRead(t *testing.T) {
	for text, want := range map[string]struct {
		count, odd int
		says       string
	}{
		`{"info": [{}], "annotations": [{"bbox": [1, 2, 3, 4]}, {"bbox": "x", "image_id": 3}], "images": [{"id": 1.0}], "categories": [{}]}`: {4, 1, ""},
		`{"images": [1]}`:                 {1, 1, ""},
		`{"images": {}}`:                  {0, 0, "images: { instead of ["},
		`[]`:                              {0, 0, "[ instead of {"},
		`{"images": [{}], "images": []}`:  {1, 0, "images: a second list"},
		`{"images": [{}]} {}`:             {1, 0, "something else behind its end"},
		"\ufeff{}":                        {0, 0, "byte order mark"},
		`{"images": [{"id": 1}`:           {1, 0, "ends in the middle"},
		`{"images": [{"id": NaN}]}`:       {0, 0, "images: element 0: invalid character 'N'"},
		`{"images": [{"id": 1}], "x": [1`: {1, 0, "ends in the middle"},
	} {
		count, odd := 0, 0
		err := cocofile.Read(t.Context(), strings.NewReader(text), errKind, counting(&count, &odd))
		if count != want.count || odd != want.odd || (err == nil) != (want.says == "") || err != nil && (!errors.Is(err, errKind) || !strings.Contains(err.Error(), want.says)) {
			t.Errorf("%s: %d elements, %d odd, %v, want %+v", text, count, odd, err, want)
		}
	}
	stop := errors.New("stop")
	err := cocofile.Read(t.Context(), strings.NewReader(`{"images": [{}, {}]}`), errKind, cocofile.Lists{Image: func(i int, _ cocofile.Image, _ error) error { return stop }})
	if !errors.Is(err, stop) || !strings.Contains(err.Error(), "images: element 0") {
		t.Error(err)
	}
}

// What is not there, and what is called off, is no error about the content.
func TestOpen(t *testing.T) {
	count, odd := 0, 0
	at := filepath.Join(t.TempDir(), "a.json")
	if err := cocofile.Open(t.Context(), at, errKind, counting(&count, &odd)); !errors.Is(err, os.ErrNotExist) || errors.Is(err, errKind) {
		t.Error(err)
	}
	if err := os.WriteFile(at, []byte(`{"images": [`+strings.Repeat("{}, ", 5000)+`{}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := cocofile.Open(ctx, at, errKind, counting(&count, &odd)); !errors.Is(err, context.Canceled) || errors.Is(err, errKind) {
		t.Error(err)
	}
	if err := cocofile.Open(t.Context(), at, errKind, counting(&count, &odd)); err != nil || count != 5001 {
		t.Error(err, count)
	}
}

func TestIsCrowd(t *testing.T) {
	for text, want := range map[string][2]bool{
		"": {false, true}, "null": {false, true}, "0": {false, true}, "0.0": {false, true}, "false": {false, true}, "1": {true, true}, "1.0": {true, true}, "2": {true, true}, "true": {true, true}, `"no"`: {false, false}, "[]": {false, false},
	} {
		crowd, ok := cocofile.Annotation{Crowd: json.RawMessage(text)}.IsCrowd()
		if got := [2]bool{crowd, ok}; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	for v, want := range map[float64]bool{3: true, -2: true, 0: true, 1.5: false, 1 << 53: false} {
		if _, ok := cocofile.Whole(&v); ok != want {
			t.Errorf("%v: %v", v, ok)
		}
	}
}
