package picture_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/glipvk/glipvk/picture"
)

// The size of a picture is that of the decoded one, whatever its format and orientation.
func TestSize(t *testing.T) {
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
			width, height, failed := picture.Size(t.Context(), name, picture.Limits{}, picture.IgnoreOrientation(stored))
			if err != nil {
				continue // which may show in its pixels only
			}
			if seen++; failed != nil || width != p.Width || height != p.Height {
				t.Errorf("%s: %d x %d, %v, want %d x %d", name, width, height, failed, p.Width, p.Height)
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d pictures were read", seen)
	}
	if _, _, err := picture.Size(t.Context(), filepath.Join("testdata", "README.md"), picture.Limits{}); !errors.Is(err, picture.ErrFormat) {
		t.Error(err)
	}
	if _, _, err := picture.Size(t.Context(), filepath.Join("testdata", "eye.jpg"), picture.Limits{MaxPixels: 10}); !errors.Is(err, picture.ErrTooLarge) {
		t.Error(err)
	}
	if _, _, err := picture.Size(t.Context(), "gone.jpg", picture.Limits{}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
