package picture

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// What a header says is what decoding gives, of every picture of the tests, and is refused for the same reason.
func TestReadHeader(t *testing.T) {
	var files []string
	for _, pattern := range []string{"testdata/*", "testdata/*/*", "../testdata/world/*/*.png", "../testdata/world/*.png"} {
		list, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, list...)
	}
	read, refused := 0, 0
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // a folder
		}
		for _, limits := range []Limits{{}, {MaxSide: 40}, {MaxPixels: 900}, {MaxMemory: 1 << 12}} {
			header, headerErr := ReadHeader(t.Context(), bytes.NewReader(data), path, limits)
			pic, err := Decode(t.Context(), bytes.NewReader(data), path, limits)
			switch {
			case errors.Is(err, ErrTooLarge):
				refused++
				if headerErr == nil || headerErr.Error() != err.Error() {
					t.Errorf("%s, %+v: header %v, decoding %v", path, limits, headerErr, err)
				}
			case err == nil:
				read++
				if headerErr != nil || header.Extent != (Extent{pic.Height, pic.Width}) || header.Bytes < int64(3*pic.Height*pic.Width) {
					t.Errorf("%s: %+v, %v; decoding gives %d x %d", path, header, headerErr, pic.Height, pic.Width)
				}
			}
		}
	}
	if read < 20 || refused < 20 {
		t.Errorf("%d files read, %d refused: want more of both to compare", read, refused)
	}
}
