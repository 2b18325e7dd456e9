package picture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/picture"
	"golang.org/x/image/bmp"
)

// encoded returns what encode writes.
func encoded(t *testing.T, encode func(io.Writer) error) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := encode(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func pngBytes(t *testing.T, img image.Image) []byte {
	return encoded(t, func(w io.Writer) error { return png.Encode(w, img) })
}

// filled is a 3 x 2 image of one colour.
func filled[T interface {
	image.Image
	Set(x, y int, c color.Color)
}](img T, c color.Color) T {
	for y := range 2 {
		for x := range 3 {
			img.Set(x, y, c)
		}
	}
	return img
}

func TestPixelFormats(t *testing.T) {
	r := image.Rect(0, 0, 3, 2)
	palette := color.Palette{color.NRGBA{1, 2, 3, 255}, color.NRGBA{200, 100, 50, 7}}
	grey := filled(image.NewGray(r), color.Gray{77})
	for _, row := range []struct {
		name string
		file []byte
		want [3]uint8
	}{
		{"png 8 bit", pngBytes(t, filled(image.NewRGBA(r), color.NRGBA{10, 20, 30, 255})), [3]uint8{10, 20, 30}},
		{"png alpha is dropped", pngBytes(t, filled(image.NewNRGBA(r), color.NRGBA{10, 20, 30, 3})), [3]uint8{10, 20, 30}},
		{"png 16 bit keeps the upper byte", pngBytes(t, filled(image.NewRGBA64(r), color.RGBA64{0x12FF, 0x3480, 0x56FF, 0xFFFF})), [3]uint8{0x12, 0x34, 0x56}},
		{"png 16 bit with alpha", pngBytes(t, filled(image.NewNRGBA64(r), color.NRGBA64{0x12FF, 0x3480, 0x56FF, 0x1234})), [3]uint8{0x12, 0x34, 0x56}},
		{"png grey", pngBytes(t, grey), [3]uint8{77, 77, 77}},
		{"png grey 16 bit", pngBytes(t, filled(image.NewGray16(r), color.Gray16{0x4DFF})), [3]uint8{77, 77, 77}},
		{"png palette", pngBytes(t, filled(image.NewPaletted(r, palette), palette[1])), [3]uint8{200, 100, 50}},
		{"bmp", encoded(t, func(w io.Writer) error {
			return bmp.Encode(w, filled(image.NewRGBA(r), color.NRGBA{10, 20, 30, 255}))
		}), [3]uint8{10, 20, 30}},
		{"gif", encoded(t, func(w io.Writer) error {
			opaque := color.Palette{color.NRGBA{0, 0, 0, 255}, color.NRGBA{200, 100, 50, 255}}
			return gif.Encode(w, filled(image.NewPaletted(r, opaque), opaque[1]), nil)
		}), [3]uint8{200, 100, 50}},
		{"jpeg grey", encoded(t, func(w io.Writer) error { return jpeg.Encode(w, grey, &jpeg.Options{Quality: 100}) }), [3]uint8{77, 77, 77}},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := picture.Decode(t.Context(), bytes.NewReader(row.file), row.name, picture.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if p.Height != 2 || p.Width != 3 {
				t.Fatalf("%d x %d, want 2 x 3", p.Height, p.Width)
			}
			for i := 0; i < len(p.Pixels); i += 3 {
				if got := [3]uint8(p.Pixels[i:]); got != row.want {
					t.Fatalf("pixel %d is %v, want %v", i/3, got, row.want)
				}
			}
		})
	}
}

func TestImage(t *testing.T) {
	p := random(5, 7)
	again, err := picture.Decode(t.Context(), bytes.NewReader(pngBytes(t, p.Image())), "again.png", picture.Limits{})
	if err != nil || again.Height != 5 || again.Width != 7 || !bytes.Equal(again.Pixels, p.Pixels) {
		t.Errorf("written and read again: %d x %d, %v", again.Height, again.Width, err)
	}
}

// Lossy decoders: WebP equals libwebp, JPEG equals libjpeg-turbo.
func TestAgainstReferenceDecoders(t *testing.T) {
	for _, file := range []string{"eye.webp", "eye.jpg"} {
		t.Run(file, func(t *testing.T) {
			got, err := picture.Open(t.Context(), filepath.Join("testdata", file), picture.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			want, err := picture.Open(t.Context(), filepath.Join("testdata", file+".png"), picture.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if got.Height != want.Height || got.Width != want.Width {
				t.Fatalf("%d x %d, want %d x %d", got.Height, got.Width, want.Height, want.Width)
			}
			if !bytes.Equal(got.Pixels, want.Pixels) {
				t.Error("other pixels")
			}
		})
	}
}

// The first frame of a GIF may cover a part of its canvas only.
func TestFirstFrame(t *testing.T) {
	palette := color.Palette{color.NRGBA{200, 100, 50, 255}}
	file := encoded(t, func(w io.Writer) error {
		return gif.EncodeAll(w, &gif.GIF{
			Image:  []*image.Paletted{image.NewPaletted(image.Rect(1, 1, 3, 2), palette), image.NewPaletted(image.Rect(0, 0, 4, 3), palette)},
			Delay:  []int{1, 1},
			Config: image.Config{Width: 4, Height: 3, ColorModel: palette},
		})
	})
	p, err := picture.Decode(t.Context(), bytes.NewReader(file), "frames.gif", picture.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Height != 3 || p.Width != 4 {
		t.Fatalf("%d x %d, want the canvas 3 x 4", p.Height, p.Width)
	}
	lit := 0
	for i := 0; i < len(p.Pixels); i += 3 {
		if p.Pixels[i] == 200 {
			lit++
		}
	}
	if lit != 2 || p.Pixels[3*(4+1)] != 200 || p.Pixels[3*(4+2)] != 200 {
		t.Errorf("pixels (1,1) and (1,2) should be lit, %d are", lit)
	}
}

// withOrientation puts an EXIF block behind the first marker of a JPEG file.
func withOrientation(file []byte, orientation uint16) []byte {
	exif := []byte("Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01")
	exif = append(exif, 0x01, 0x12, 0, 3, 0, 0, 0, 1, byte(orientation>>8), byte(orientation), 0, 0, 0, 0, 0, 0)
	segment := []byte{0xFF, 0xE1, 0, byte(len(exif) + 2)}
	return bytes.Join([][]byte{file[:2], segment, exif, file[2:]}, nil)
}

func TestOrientation(t *testing.T) {
	// Quarters 1 2 over 3 4, as stored.
	stored := image.NewGray(image.Rect(0, 0, 48, 32))
	for y := range 32 {
		for x := range 48 {
			stored.SetGray(x, y, color.Gray{uint8(50 * (1 + x/24 + 2*(y/16)))})
		}
	}
	file := encoded(t, func(w io.Writer) error { return jpeg.Encode(w, stored, &jpeg.Options{Quality: 100}) })
	for _, row := range []struct {
		orientation   uint16
		height, width int
		quarters      [4]int // upper left, upper right, lower left, lower right
	}{
		{1, 32, 48, [4]int{1, 2, 3, 4}},
		{2, 32, 48, [4]int{2, 1, 4, 3}}, // mirrored
		{3, 32, 48, [4]int{4, 3, 2, 1}}, // half a turn
		{4, 32, 48, [4]int{3, 4, 1, 2}}, // upside down
		{5, 48, 32, [4]int{1, 3, 2, 4}}, // transposed
		{6, 48, 32, [4]int{3, 1, 4, 2}}, // quarter turn to the right
		{7, 48, 32, [4]int{4, 2, 3, 1}},
		{8, 48, 32, [4]int{2, 4, 1, 3}}, // quarter turn to the left
		{9, 32, 48, [4]int{1, 2, 3, 4}}, // not an orientation
	} {
		p, err := picture.Decode(t.Context(), bytes.NewReader(withOrientation(file, row.orientation)), "turned.jpg", picture.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if p.Height != row.height || p.Width != row.width {
			t.Errorf("orientation %d: %d x %d, want %d x %d", row.orientation, p.Height, p.Width, row.height, row.width)
			continue
		}
		var got [4]int
		for q := range got {
			y, x := p.Height/4+q/2*p.Height/2, p.Width/4+q%2*p.Width/2
			got[q] = (int(p.Pixels[(y*p.Width+x)*3]) + 25) / 50
		}
		if got != row.quarters {
			t.Errorf("orientation %d: quarters %v, want %v", row.orientation, got, row.quarters)
		}
	}
}

// pngHeader is a PNG file that claims a size and has next to no pixels.
func pngHeader(height, width uint32) []byte {
	ihdr := []byte("IHDR")
	ihdr = binary.BigEndian.AppendUint32(ihdr, width)
	ihdr = binary.BigEndian.AppendUint32(ihdr, height)
	ihdr = append(ihdr, 8, 2, 0, 0, 0)
	file := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	file = append(file, ihdr...)
	file = binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(ihdr))
	return append(file, 0, 0, 0, 9, 'I', 'D', 'A', 'T')
}

func TestRefusals(t *testing.T) {
	chelsea, err := os.ReadFile(filepath.FromSlash("../testdata/pictures/chelsea.png"))
	if err != nil {
		t.Fatal(err)
	}
	truncated, err := os.ReadFile(filepath.FromSlash("../testdata/pictures/truncated.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	webp, err := os.ReadFile(filepath.FromSlash("testdata/eye.webp"))
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(chelsea)
	flipped[len(flipped)/2] ^= 0x55
	for _, row := range []struct {
		name string
		file []byte
		want error
		says string
	}{
		{"empty.png", nil, picture.ErrFormat, "empty"},
		{"one-byte.png", []byte{0x89}, picture.ErrFormat, "not a PNG, JPEG, GIF, WebP, BMP or TIFF"},
		{"text.jpg", []byte("this is not a picture"), picture.ErrFormat, "it is a text"},
		{"truncated.jpg", truncated, picture.ErrFormat, "cut short"},
		{"half.png", chelsea[:len(chelsea)/2], picture.ErrFormat, "cut short"},
		{"signature.png", chelsea[:8], picture.ErrFormat, "cut short"},
		{"half.webp", webp[:len(webp)/2], picture.ErrFormat, "WebP"},
		{"damaged.png", flipped, picture.ErrFormat, "damaged"},
		{"no-rows.png", pngHeader(0, 5), picture.ErrFormat, "empty side"},
		{"no-columns.png", pngHeader(5, 0), picture.ErrFormat, "empty side"},
		{"no-columns.gif", []byte("GIF89a\x00\x00\x05\x00\x00\x00\x00"), picture.ErrFormat, "cut short"},
		{"wide.png", pngHeader(1, 20000), picture.ErrTooLarge, "raise MaxSide"},
		{"huge.png", pngHeader(20000, 20000), picture.ErrTooLarge, "raise MaxSide"},
		{"area.png", pngHeader(16000, 16000), picture.ErrTooLarge, "raise MaxPixels"},
		{"claims.png", pngHeader(1<<31-1, 1<<31-1), picture.ErrTooLarge, "raise MaxSide"},
		{"overflows.png", pngHeader(1<<31, 5), picture.ErrFormat, "claims"},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := allocated()
			_, err := picture.Decode(t.Context(), bytes.NewReader(row.file), row.name, picture.Limits{})
			if !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.says) || !strings.Contains(err.Error(), row.name) {
				t.Errorf("error is %v; want %q in it, and %v", err, row.says, row.want)
			}
			if took := allocated() - before; took > 16<<20 {
				t.Errorf("the refusal took %d bytes", took)
			}
		})
	}
}

// allocated is the number of bytes allocated so far.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestRaisedLimit(t *testing.T) {
	file := pngBytes(t, image.NewGray(image.Rect(0, 0, 20000, 2)))
	_, err := picture.Decode(t.Context(), bytes.NewReader(file), "wide.png", picture.Limits{})
	var limit *picture.LimitError
	if !errors.As(err, &limit) || limit.Option != "MaxSide" || limit.Width != 20000 || limit.Limit != picture.DefaultMaxSide {
		t.Errorf("error is %v, %+v", err, limit)
	}
	p, err := picture.Decode(t.Context(), bytes.NewReader(file), "wide.png", picture.Limits{MaxSide: 20000})
	if err != nil || p.Width != 20000 {
		t.Errorf("with the limit raised: width %d, %v", p.Width, err)
	}
}

func TestOpenMissingFile(t *testing.T) {
	if _, err := picture.Open(t.Context(), filepath.Join(t.TempDir(), "none.png"), picture.Limits{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
	if _, err := picture.Open(t.Context(), t.TempDir(), picture.Limits{}); err == nil {
		t.Error("a folder is accepted")
	}
}

// Pictures of every format that notes an orientation are left as they are stored if that is asked for.
func TestIgnoreOrientation(t *testing.T) {
	jpg := withOrientation(formatFile(t, "s2x2.jpg"), 6)
	for name, file := range map[string][]byte{"turned.jpg": jpg, "turned.png": formatFile(t, "turned6.png"), "turned.tif": formatFile(t, "turned6.tif")} {
		upright, err := picture.Decode(t.Context(), bytes.NewReader(file), name, picture.Limits{}, picture.IgnoreOrientation(false))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		stored, err := picture.Open(t.Context(), path, picture.Limits{}, picture.IgnoreOrientation(true))
		if err != nil {
			t.Fatal(err)
		}
		streamed, _, err := picture.ReadStream(t.Context(), bytes.NewReader(file), name, picture.Limits{}, picture.IgnoreOrientation(true))
		if err != nil || !bytes.Equal(streamed.Pixels, stored.Pixels) {
			t.Errorf("%s as a stream: %v", name, err)
		}
		if stored.Height != upright.Width || stored.Width != upright.Height {
			t.Fatalf("%s: %d x %d as stored, %d x %d upright", name, stored.Height, stored.Width, upright.Height, upright.Width)
		}
		for y := range stored.Height { // a quarter turn to the right: the first row is the last column
			x := stored.Width / 2
			from, to := 3*(y*stored.Width+x), 3*(x*upright.Width+upright.Width-1-y)
			if !bytes.Equal(stored.Pixels[from:from+3], upright.Pixels[to:to+3]) {
				t.Fatalf("%s: pixel %d,%d is another", name, y, x)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	names, err := filepath.Glob(filepath.Join("testdata", "formats", "*.*"))
	if err != nil || len(names) < 100 {
		f.Fatal(len(names), err)
	}
	for _, name := range append(names, "../testdata/pictures/truncated.jpg") {
		file, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			f.Fatal(err)
		}
		if len(file) < 3000 {
			f.Add(file)
		}
	}
	for _, made := range []jpegFile{
		{32, 16, true, []byte{0x11}, 3, nil},
		{32, 48, true, []byte{0x22, 0x11, 0x11}, 30, []byte("\xff\xfe\x00\x04\xff\xda")},
		{9, 17, false, []byte{0x11, 0x11, 0x11, 0x11}, 0, nil},
	} {
		f.Add(made.bytes())
	}
	f.Add(pngHeader(100, 100))
	f.Add([]byte("GIF89a\x02\x00\x05\x00\x00\x00\x00"))
	f.Add([]byte("BM"))
	f.Fuzz(func(t *testing.T, file []byte) {
		before := allocated()
		limits := picture.Limits{MaxSide: 512, MaxMemory: 4 << 20}
		p, err := picture.Decode(t.Context(), bytes.NewReader(file), "fuzz", limits)
		if took := int64(allocated() - before); took > limits.MaxMemory+64*int64(len(file))+8<<20 {
			t.Errorf("it took %d bytes", took)
		}
		if err == nil && (len(p.Pixels) != 3*p.Height*p.Width || len(p.Pixels) == 0) {
			t.Errorf("%d bytes for %d x %d", len(p.Pixels), p.Height, p.Width)
		}
	})
}
