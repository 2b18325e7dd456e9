package picture_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/glipvk/glipvk/picture"
)

// A header says the size of the decoded picture, whatever its format and orientation.
func TestOpenHeader(t *testing.T) {
	names, err := filepath.Glob(filepath.Join("testdata", "formats", "*.*"))
	if err != nil || len(names) < 100 {
		t.Fatal(len(names), err)
	}
	for o := range uint16(10) {
		path := filepath.Join(t.TempDir(), "turned.jpg")
		if err := os.WriteFile(path, withOrientation(formatFile(t, "s2x2.jpg"), o), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, path)
	}
	seen := 0
	for _, name := range names {
		for _, stored := range []bool{false, true} {
			p, err := picture.Open(t.Context(), name, picture.Limits{}, picture.IgnoreOrientation(stored))
			header, failed := picture.OpenHeader(t.Context(), name, picture.Limits{}, picture.IgnoreOrientation(stored))
			if err != nil {
				continue // which may show in its pixels only
			}
			if seen++; failed != nil || header.Width != p.Width || header.Height != p.Height {
				t.Errorf("%s: %+v, %v, want %d x %d", name, header, failed, p.Width, p.Height)
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d pictures were read", seen)
	}
	if _, err := picture.OpenHeader(t.Context(), filepath.Join("testdata", "README.md"), picture.Limits{}); !errors.Is(err, picture.ErrFormat) {
		t.Error(err)
	}
	if _, err := picture.OpenHeader(t.Context(), filepath.Join("testdata", "eye.jpg"), picture.Limits{MaxPixels: 10}); !errors.Is(err, picture.ErrTooLarge) {
		t.Error(err)
	}
	if _, err := picture.OpenHeader(t.Context(), "gone.jpg", picture.Limits{}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
