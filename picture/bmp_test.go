package picture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/picture"
)

// bmpFile writes a BMP file with a header of any size from 40 bytes on.
func bmpFile(height, width, header int, bits uint16, packing uint32, masks []uint32, palette [][4]byte, pixels []byte) []byte {
	info := binary.LittleEndian.AppendUint32(nil, uint32(header))
	info = binary.LittleEndian.AppendUint32(info, uint32(width))
	info = binary.LittleEndian.AppendUint32(info, uint32(int32(height)))
	info = binary.LittleEndian.AppendUint16(info, 1)
	info = binary.LittleEndian.AppendUint16(info, bits)
	info = binary.LittleEndian.AppendUint32(info, packing)
	info = append(info, make([]byte, 20)...)
	for _, m := range masks {
		info = binary.LittleEndian.AppendUint32(info, m)
	}
	info = append(info, make([]byte, max(header-len(info), 0))...)
	for _, c := range palette {
		info = append(info, c[:]...)
	}
	file := []byte("BM\x00\x00\x00\x00\x00\x00\x00\x00")
	return slices.Concat(binary.LittleEndian.AppendUint32(file, uint32(14+len(info))), info, pixels)
}

// Masks mean the same in or behind headers of any size, and any masks are heeded.
func TestBMPMasks(t *testing.T) {
	for _, header := range []int{40, 52, 56, 64, 108, 124} {
		for _, row := range []struct {
			bits   uint16
			masks  []uint32
			pixels []byte
			want   [6]uint8
		}{
			{16, []uint32{0xf800, 0x7e0, 0x1f}, []byte{0x34, 0x12, 0xff, 0xff}, [6]uint8{0x10, 0x44, 0xa0, 0xf8, 0xfc, 0xf8}},
			{16, []uint32{0x7c00, 0x3e0, 0x1f}, []byte{0x34, 0x12, 0xff, 0xff}, [6]uint8{0x20, 0x88, 0xa0, 0xf8, 0xf8, 0xf8}},
			{16, []uint32{0xf, 0xf0, 0xf00}, []byte{0x34, 0x12, 0xff, 0xff}, [6]uint8{0x40, 0x30, 0x20, 0xf0, 0xf0, 0xf0}},
			{32, []uint32{0xff, 0xff00, 0xff0000}, []byte{1, 2, 3, 4, 5, 6, 7, 8}, [6]uint8{1, 2, 3, 5, 6, 7}},
			{32, []uint32{0xff000000, 0xff0000, 0xff00}, []byte{1, 2, 3, 4, 5, 6, 7, 8}, [6]uint8{4, 3, 2, 8, 7, 6}},
			{32, []uint32{0x3ff00000, 0xffc00, 0}, []byte{0xff, 0xff, 0xf, 0x20, 0, 0, 0, 0}, [6]uint8{128, 255, 0, 0, 0, 0}},
		} {
			file := bmpFile(1, 2, header, row.bits, 3, row.masks, nil, row.pixels)
			p, err := picture.Decode(t.Context(), bytes.NewReader(file), "masks.bmp", picture.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if got := [6]uint8(p.Pixels); got != row.want {
				t.Errorf("header of %d bytes, masks %x: %v, want %v", header, row.masks, got, row.want)
			}
		}
	}
}

// Runs of 4 bits, skips, and what goes over a row's end.
func TestBMPRuns(t *testing.T) {
	palette := make([][4]byte, 16)
	for i := range palette {
		palette[i] = [4]byte{byte(i), byte(i), byte(i), 0}
	}
	pixels := []byte{
		4, 0x78, 0, 0, // 7 8 7 8
		2, 0x55, 0, 2, 1, 1, 2, 0x9a, 0, 0, // 5 5; one to the right in the next row: 9 a
		0, 3, 0x12, 0x30, 9, 0x46, 0, 1, // 1 2 3, and more of 4 6 than fit
	}
	file := bmpFile(4, 5, 40, 4, 2, nil, palette, pixels)
	p, err := picture.Decode(t.Context(), bytes.NewReader(file), "runs.bmp", picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := []byte{1, 2, 3, 4, 6, 0, 0, 0, 9, 10, 5, 5, 0, 0, 0, 7, 8, 7, 8, 0}
	for i, w := range want {
		if p.Pixels[3*i] != w {
			t.Errorf("pixel %d,%d is %d, want %d", i/5, i%5, p.Pixels[3*i], w)
		}
	}
}

// Files that lack pixels are cut short; what is not read is named.
func TestRefusedBMP(t *testing.T) {
	for _, name := range []string{"rle8.bmp", "rle4.bmp", "565.bmp", "24-down.bmp", "1-os2.bmp"} {
		file := formatFile(t, name)
		for n := 2; n < len(file)-4; n++ { // the mark of the end, or padding
			_, err := picture.Decode(t.Context(), bytes.NewReader(file[:n]), name, picture.Limits{})
			if !errors.Is(err, picture.ErrFormat) || !strings.Contains(err.Error(), "cut short") {
				t.Fatalf("%s, %d of %d bytes: %v", name, n, len(file), err)
			}
		}
	}
	for _, row := range []struct {
		file []byte
		says string
	}{
		{bmpFile(1, 2, 40, 0, 4, nil, nil, nil), "compression 4"},
		{bmpFile(1, 2, 40, 2, 0, nil, nil, nil), "2 bits a pixel"},
		{bmpFile(0, 2, 40, 24, 0, nil, nil, nil), "empty side"},
		{bmpFile(1, -2, 40, 24, 0, nil, nil, nil), "width of -2"},
		{bmpFile(-1<<31, 2, 40, 24, 0, nil, nil, nil), "MaxSide"},
	} {
		_, err := picture.Decode(t.Context(), bytes.NewReader(row.file), "odd.bmp", picture.Limits{})
		if err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("error %v, want %q in it", err, row.says)
		}
	}
}
