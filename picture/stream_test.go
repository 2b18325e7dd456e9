package picture_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/glipvk/glipvk/picture"
)

// endless yields a byte for ever and counts.
type endless struct {
	b byte
	n int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.b
	}
	e.n += len(p)
	return len(p), nil
}

// A stream gives what a file of its bytes does, however it is cut, and is read within limits.
func TestReadStream(t *testing.T) {
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 70, 30))); err != nil {
		t.Fatal(err)
	}
	p, in, err := picture.ReadStream(t.Context(), iotest.OneByteReader(bytes.NewReader(file.Bytes())), "-", picture.Limits{})
	if err != nil || in != nil || p.Width != 70 || p.Height != 30 {
		t.Errorf("%+v, %v, %v", p, in, err)
	}
	array := npyFile("<f4", "False", "(1, 3, 1, 2)", bytes.Repeat([]byte("\x00\x00\x80\x3f"), 6))
	p, in, err = picture.ReadStream(t.Context(), bytes.NewReader(array), "-", picture.Limits{})
	if err != nil || p != nil || in.Width != 2 || in.Data[5] != 1 {
		t.Errorf("%+v, %v, %v", p, in, err)
	}
	for name, c := range map[string]struct {
		r    io.Reader
		want error
		says string
	}{
		"empty":     {strings.NewReader(""), picture.ErrFormat, "empty"},
		"text":      {strings.NewReader("hello, world"), picture.ErrFormat, "-"},
		"cut short": {bytes.NewReader(file.Bytes()[:60]), picture.ErrFormat, "-"},
		"too long":  {io.MultiReader(bytes.NewReader(file.Bytes()), &endless{}), picture.ErrTooLarge, "MaxMemory"},
	} {
		if _, _, err := picture.ReadStream(t.Context(), c.r, "-", picture.Limits{MaxMemory: 100_000}); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	noise := &endless{b: 'x'}
	if _, _, err := picture.ReadStream(t.Context(), noise, "-", picture.Limits{}); !errors.Is(err, picture.ErrFormat) || noise.n > 1<<20 {
		t.Errorf("%d bytes were read of what is no picture: %v", noise.n, err)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	silent, w := io.Pipe()
	defer w.Close()
	if _, _, err := picture.ReadStream(short, silent, "-", picture.Limits{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nothing came out of a stream: %v", err)
	}
}
