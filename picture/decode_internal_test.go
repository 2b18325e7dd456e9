package picture

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A decoder ends by itself when its context does, and is not left to work on: that of WebP
// with the read that it is at, which is not tried here.
func TestDecodersEnd(t *testing.T) {
	for _, name := range []string{"s2x2.jpg", "s2x1.jpg", "kind2-8.png", "kind2-8-interlaced.png", "plain.gif", "24-v40.bmp", "rle8.bmp", "rgb-big.tif", "jpeg.tif"} {
		file, err := os.ReadFile(filepath.Join("testdata", "formats", name))
		if err != nil {
			t.Fatal(err)
		}
		s := &source{ctx: t.Context(), r: bytes.NewReader(file), buffer: bufio.NewReader(nil)}
		size, f, err := s.format()
		if err != nil {
			t.Fatal(err)
		}
		j, err := rewound(s, func(*bufio.Reader) (job, error) { return f.begin(s, size) })
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := j.decode(ctx, bytes.NewReader(file)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := j.decode(t.Context(), bytes.NewReader(file)); err != nil {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A frame that is not the one whose memory was bounded is refused before it takes any.
func TestOtherFrame(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("testdata", "formats", "s2x2.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	s := &jpegSurvey{frame: &jpegFrame{height: 1, width: 1}}
	if _, err := s.decode(t.Context(), bytes.NewReader(file)); err == nil || !strings.Contains(err.Error(), "behind one of 1 x 1") {
		t.Errorf("error %v", err)
	}
}
