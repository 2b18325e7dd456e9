package picture_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/picture"
)

// formatFile reads a file of testdata/formats.
func formatFile(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", "formats", name))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// A JPEG file may lack the mark of its end, but no bit of its pixels.
func TestCutJPEG(t *testing.T) {
	for _, name := range []string{"s2x2.jpg", "s2x1.jpg", "restarts.jpg", "separate-scans.jpg", "grey-progressive.jpg", "cmyk.jpg"} {
		file := formatFile(t, name)
		whole, err := picture.Decode(t.Context(), bytes.NewReader(file), name, picture.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for n := 2; n < len(file); n++ {
			p, err := picture.Decode(t.Context(), bytes.NewReader(file[:n]), name, picture.Limits{})
			switch {
			case n < len(file)-2 && (!errors.Is(err, picture.ErrFormat) || !strings.Contains(err.Error(), "cut short")):
				t.Fatalf("%s, %d of %d bytes: %v", name, n, len(file), err)
			case n >= len(file)-2 && (err != nil || !bytes.Equal(p.Pixels, whole.Pixels)):
				t.Fatalf("%s without the last %d bytes: %v", name, len(file)-n, err)
			}
		}
	}
}

// What is not read is named.
func TestRefusedJPEG(t *testing.T) {
	file := formatFile(t, "s2x2.jpg")
	frame := bytes.Index(file, []byte{0xff, 0xc0})
	for _, row := range []struct {
		name   string
		change func(frame []byte)
		says   string
	}{
		{"lossless", func(f []byte) { f[1] = 0xc3 }, "lossless"},
		{"hierarchical", func(f []byte) { f[1] = 0xc5 }, "hierarchical"},
		{"arithmetic", func(f []byte) { f[1] = 0xc9 }, "arithmetic coding"},
		{"progressive arithmetic", func(f []byte) { f[1] = 0xca }, "arithmetic coding"},
		{"12 bits", func(f []byte) { f[4] = 12 }, "12 bits a sample"},
		{"no rows", func(f []byte) { f[5], f[6] = 0, 0 }, "empty side"},
		{"two components", func(f []byte) { f[9], f[3] = 2, 14 }, "2 components"},
		{"no sampling", func(f []byte) { f[11] = 0x02 }, "sampling factors 0 x 2"},
		{"sampling of 3 and 2", func(f []byte) { f[11], f[14] = 0x31, 0x21 }, "no whole part"},
		{"five components", func(f []byte) { f[9] = 5 }, "wrong length"},
	} {
		changed := bytes.Clone(file)
		row.change(changed[frame:])
		_, err := picture.Decode(t.Context(), bytes.NewReader(changed), "odd.jpg", picture.Limits{})
		if !errors.Is(err, picture.ErrFormat) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: error %v, want %q in it", row.name, err, row.says)
		}
	}
}
