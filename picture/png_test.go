package picture_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/picture"
)

// A PNG file may lack what stands behind its pixels, but none of these, interlaced or not.
func TestCutPNG(t *testing.T) {
	for _, name := range []string{"pieces.png", "kind2-8-interlaced.png", "kind3-4.png", "kind0-16.png"} {
		file := formatFile(t, name)
		whole, err := picture.Decode(t.Context(), bytes.NewReader(file), name, picture.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		const endChunk, sums = 12, 4 + 4 // of the last data
		for n := 8; n < len(file); n++ {
			p, err := picture.Decode(t.Context(), bytes.NewReader(file[:n]), name, picture.Limits{})
			switch {
			case err == nil && (n < len(file)-endChunk-sums-2 || !bytes.Equal(p.Pixels, whole.Pixels)):
				t.Fatalf("%s is read from %d of %d bytes", name, n, len(file))
			case err != nil && (n >= len(file)-endChunk-sums || !strings.Contains(err.Error(), "cut short")):
				t.Fatalf("%s, %d of %d bytes: %v", name, n, len(file), err)
			}
		}
	}
}

// The chunks' checksums tell what is damaged; zlib's own over the same data is not looked at.
func TestDamagedPNG(t *testing.T) {
	want, err := picture.Decode(t.Context(), bytes.NewReader(formatFile(t, "no-sum-of-zlib.png")), "want.png", picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := picture.Decode(t.Context(), bytes.NewReader(formatFile(t, "sum-of-zlib.png")), "got.png", picture.Limits{})
	if err != nil || !bytes.Equal(got.Pixels, want.Pixels) {
		t.Errorf("a wrong checksum of zlib: %v", err)
	}
	file := formatFile(t, "kind3-8.png")
	for _, row := range []struct{ part, says string }{
		{"IHDR", "no sound header"}, {"PLTE", `checksum of chunk "PLTE"`}, {"IDAT", "checksum of pixels"},
	} {
		damaged := bytes.Clone(file)
		at := bytes.Index(damaged, []byte(row.part))
		damaged[at-1+4+1+int(damaged[at-1])+3+int(damaged[at-2])<<8] ^= 1 // last byte of the checksum
		_, err := picture.Decode(t.Context(), bytes.NewReader(damaged), "damaged.png", picture.Limits{})
		if !errors.Is(err, picture.ErrFormat) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: error %v, want %q in it", row.part, err, row.says)
		}
	}
	// A second header is none of those that Limits were asked about.
	second := formatFile(t, "kind2-8.png")
	header := pngHeader(5000, 5000)
	end := len("\x89PNG\r\n\x1a\n") + 4 + 4 + 13 + 4 // of the first
	second = slices.Concat(second[:end], header[end-25:end], second[end:])
	before := allocated()
	_, err = picture.Decode(t.Context(), bytes.NewReader(second), "second.png", picture.Limits{MaxPixels: 10_000})
	if took := allocated() - before; !errors.Is(err, picture.ErrFormat) || !strings.Contains(err.Error(), "a second header") || took > 1<<20 {
		t.Errorf("a second header: error %v, it took %d bytes", err, took)
	}
	late := bytes.Replace(file, []byte("PLTE"), []byte("pLTE"), 1) // without a palette
	_, err = picture.Decode(t.Context(), bytes.NewReader(late), "late.png", picture.Limits{})
	if !errors.Is(err, picture.ErrFormat) || !strings.Contains(err.Error(), "no palette") {
		t.Errorf("without a palette: %v", err)
	}
}
