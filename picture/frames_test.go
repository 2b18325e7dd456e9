package picture_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/picture"
)

// Cut GIF and WebP files are said to be, unless all that is missing stands behind the pixels.
func TestCutFrames(t *testing.T) {
	for name, behind := range map[string]int{
		"plain.gif": 4, "interlaced.gif": 4, "no-palette.gif": 4, "lossy.webp": 0, "lossless.webp": 1,
	} {
		file := formatFile(t, name)
		for n := 6; n < len(file)-behind; n++ {
			_, err := picture.Decode(t.Context(), bytes.NewReader(file[:n]), name, picture.Limits{})
			if !errors.Is(err, picture.ErrFormat) || n >= 12 && !strings.Contains(err.Error(), "cut short") {
				t.Fatalf("%s, %d of %d bytes: %v", name, n, len(file), err)
			}
		}
	}
}

// A frame without pixels is passed over; one that makes no sense is refused.
func TestOddGIF(t *testing.T) {
	file := formatFile(t, "plain.gif")
	at := bytes.IndexByte(file[13+3*256:], ',') + 13 + 3*256
	with := func(insert string) []byte {
		return bytes.Join([][]byte{file[:at], []byte(insert), file[at:]}, nil)
	}
	want, err := picture.Decode(t.Context(), bytes.NewReader(file), "plain.gif", picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, insert := range []string{",\x01\x00\x01\x00\x00\x00\x05\x00\x00\x02\x02\x4c\x01\x00", "!\xfe\x00", "!\xf9\x04\x01\x00\x00\x03\x00", "\x00\x00"} {
		p, err := picture.Decode(t.Context(), bytes.NewReader(with(insert)), "odd.gif", picture.Limits{})
		if err != nil || !bytes.Equal(p.Pixels, want.Pixels) {
			t.Errorf("with %q: %v", insert, err)
		}
	}
	for _, row := range []struct {
		file []byte
		says string
	}{
		{with(";"), "no frame"},
		{with(",\x00\x00\x00\x00\x11\x00\x0b\x00\x00\x0d\x01\x00\x00"), "codes of 13 bits"},
		{with(",\x00\x00\x00\x00\x11\x00\x0b\x00\x00\x02\x02\x7c\x01\x00"), "stands for nothing"},
		{with(",\x00\x00\x00\x00\xff\xff\x0b\x00\x00\x02\x02\x7c\x01\x00"), "MaxSide"},
	} {
		_, err := picture.Decode(t.Context(), bytes.NewReader(row.file), "odd.gif", picture.Limits{})
		if err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("error %v, want %q in it", err, row.says)
		}
	}
}

// A frame of an animation that reaches over its canvas is refused.
func TestWebPOverCanvas(t *testing.T) {
	file := formatFile(t, "lossy-animated-moved.webp")
	at := bytes.Index(file, []byte("ANMF")) + 8
	file[at+2] = 1 // 2 * 65536 columns to the right
	_, err := picture.Decode(t.Context(), bytes.NewReader(file), "over.webp", picture.Limits{})
	if !errors.Is(err, picture.ErrFormat) || !strings.Contains(err.Error(), "over its canvas") {
		t.Errorf("error %v", err)
	}
}
