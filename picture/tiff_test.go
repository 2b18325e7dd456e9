package picture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/picture"
)

// Cut TIFF files are said to be, whatever is missing.
func TestCutTIFF(t *testing.T) {
	for _, name := range []string{"rgb-big.tif", "tiles.tif", "deflate.tif", "jpeg.tif", "lzw.tif"} {
		file := formatFile(t, name)
		for n := 4; n < len(file); n += 7 {
			p, err := picture.Decode(t.Context(), bytes.NewReader(file[:n]), name, picture.Limits{})
			if err == nil && n > len(file)-32 { // tags that make no difference
				continue
			}
			if !errors.Is(err, picture.ErrFormat) || !strings.Contains(err.Error(), "cut short") {
				t.Fatalf("%s, %d of %d bytes: %d x %d, %v", name, n, len(file), p.Height, p.Width, err)
			}
		}
	}
}

// set changes the first value of a tag of a little-endian file.
func set(t *testing.T, file []byte, tag uint16, value uint32) []byte {
	t.Helper()
	file = bytes.Clone(file)
	at := binary.LittleEndian.Uint32(file[4:])
	entries := file[at+2:][:12*int(binary.LittleEndian.Uint16(file[at:]))]
	for ; len(entries) > 0; entries = entries[12:] {
		if binary.LittleEndian.Uint16(entries) != tag {
			continue
		}
		switch n := binary.LittleEndian.Uint32(entries[4:]); {
		case binary.LittleEndian.Uint16(entries[2:]) == 3 && n <= 2:
			binary.LittleEndian.PutUint16(entries[8:], uint16(value))
		case binary.LittleEndian.Uint16(entries[2:]) == 3:
			for i := range n {
				binary.LittleEndian.PutUint16(file[binary.LittleEndian.Uint32(entries[8:])+2*i:], uint16(value))
			}
		default:
			binary.LittleEndian.PutUint32(entries[8:], value)
		}
		return file
	}
	t.Fatalf("no tag %d", tag)
	return nil
}

// What is not read is named, and no claim takes memory or time.
func TestRefusedTIFF(t *testing.T) {
	file, tiles, jpeg := formatFile(t, "rgb-little.tif"), formatFile(t, "tiles.tif"), formatFile(t, "jpeg.tif")
	for _, row := range []struct {
		file []byte
		want error
		says string
	}{
		{set(t, file, 259, 34712), picture.ErrFormat, "compression 34712"},
		{set(t, file, 259, 6), picture.ErrFormat, "compression 6"},
		{set(t, file, 262, 8), picture.ErrFormat, "colour kind 8"},
		{set(t, file, 258, 32), picture.ErrFormat, "32 bits"},
		{set(t, file, 258, 12), picture.ErrFormat, "12 bits"},
		{set(t, file, 278, 0), picture.ErrFormat, "without a size"},
		{set(t, file, 278, 1), picture.ErrFormat, "segments of pixels"},
		{set(t, file, 256, 0), picture.ErrFormat, "empty side"},
		{set(t, file, 256, 60000), picture.ErrTooLarge, "raise MaxSide"},
		{set(t, file, 277, 60000), picture.ErrFormat, "60000 samples"},
		{set(t, tiles, 322, 60000), picture.ErrTooLarge, "raise MaxPixels"},
		{set(t, jpeg, 257, 2), picture.ErrFormat, "is a JPEG picture of"},
		{set(t, set(t, jpeg, 262, 1), 277, 1), picture.ErrFormat, "a segment of 1 samples a pixel is a JPEG picture of 3"},
		{[]byte("II*\x00\xff\xff\xff\xff"), picture.ErrFormat, "cut short"},
		{[]byte("II+\x00\x08\x00\x00\x00\x10\x00\x00\x00"), picture.ErrFormat, "BigTIFF"},
	} {
		before := allocated()
		limits := picture.Limits{MaxPixels: 10_000}
		_, err := picture.Decode(t.Context(), bytes.NewReader(row.file), "odd.tif", limits)
		if !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("error %v, want %q in it", err, row.says)
		}
		if took := allocated() - before; took > 1<<20 {
			t.Errorf("%s: it took %d bytes", row.says, took)
		}
	}
}
