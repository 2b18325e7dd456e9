package picture_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/glipvk/glipvk/internal/file/filetest"
	"github.com/glipvk/glipvk/picture"
	"golang.org/x/image/bmp"
)

// jpegFile makes JPEG files without content: all coefficients are 0.
type jpegFile struct {
	height, width int
	progressive   bool
	sampling      []byte // of each component: across in the upper half, down in the lower
	scans         int    // of a progressive picture, behind the first
	between       []byte // stands between the scans
}

// bytes is the file.
func (f jpegFile) bytes() []byte {
	var out bytes.Buffer
	segment := func(marker byte, content ...byte) {
		out.Write([]byte{0xff, marker})
		out.Write(binary.BigEndian.AppendUint16(nil, uint16(len(content)+2)))
		out.Write(content)
	}
	out.Write([]byte{0xff, 0xd8})
	if len(f.sampling) == 4 {
		segment(0xee, []byte("Adobe\x00\x64\x00\x00\x00\x00\x00")...)
	}
	segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)
	frame := []byte{8, byte(f.height >> 8), byte(f.height), byte(f.width >> 8), byte(f.width), byte(len(f.sampling))}
	for i, s := range f.sampling {
		frame = append(frame, byte(i+1), s, 0)
	}
	kind, last := byte(0xc0), byte(63)
	if f.progressive {
		kind, last = 0xc2, 0
	}
	segment(kind, frame...)
	// One code of one bit in each table: a difference of 0, the end of 2^14 blocks.
	segment(0xc4, append([]byte{0x00, 1}, make([]byte, 16)...)...)
	end := byte(0xe0)
	if !f.progressive {
		end = 0 // the end of this block
	}
	segment(0xc4, append(append([]byte{0x10, 1}, make([]byte, 15)...), end)...)
	scan := []byte{byte(len(f.sampling))}
	for i := range f.sampling {
		scan = append(scan, byte(i+1), 0)
	}
	segment(0xda, append(scan, 0, last, 0)...)
	// In a block 1 bit for the difference, and 1 for the end; zeros that are too many do no harm.
	blocks := (f.width + 31) / 8 * ((f.height + 31) / 8)
	out.Write(make([]byte, (blocks*len(f.sampling)*2+7)/8))
	for range f.scans {
		out.Write(f.between)
		segment(0xda, 1, 1, 0, 1, 63, 0)
		out.Write(make([]byte, (blocks/(1<<14)+1)*2))
	}
	out.Write([]byte{0xff, 0xd9})
	return out.Bytes()
}

// need is what decoding a file is said to take, in bytes.
func need(t *testing.T, file []byte) int64 {
	t.Helper()
	_, err := picture.Decode(t.Context(), bytes.NewReader(file), "needy", picture.Limits{MaxMemory: 1})
	var limit *picture.LimitError
	if !errors.As(err, &limit) || limit.Option != "MaxMemory" || !strings.Contains(err.Error(), "raise MaxMemory") {
		t.Fatalf("error %v", err)
	}
	return limit.Need
}

// Decoding takes no more memory than was said before, and that is what Limits says for
// each pixel.
func TestMemory(t *testing.T) {
	r := image.Rect(0, 0, 1024, 512)
	gray, nrgba, deep, indexed := image.NewGray(r), image.NewNRGBA(r), image.NewNRGBA64(r), image.NewPaletted(r, palette.Plan9)
	for i := range gray.Pix {
		gray.Pix[i], indexed.Pix[i] = uint8(i), uint8(i)
	}
	for i := range nrgba.Pix {
		nrgba.Pix[i] = uint8(i)
	}
	jpegOf := func(progressive bool, sampling ...byte) []byte {
		return jpegFile{height: 512, width: 1024, progressive: progressive, sampling: sampling, scans: map[bool]int{true: 2}[progressive]}.bytes()
	}
	for _, tc := range []struct {
		name     string
		file     []byte
		perPixel float64 // 0: the size is another
	}{
		{"png 8 bit", pngBytes(t, nrgba), 3},
		{"png 16 bit", pngBytes(t, deep), 3},
		{"png palette", pngBytes(t, indexed), 3},
		{"gif", encoded(t, func(w io.Writer) error { return gif.Encode(w, indexed, nil) }), 3},
		{"bmp", encoded(t, func(w io.Writer) error { return bmp.Encode(w, nrgba) }), 3},
		{"bmp palette", encoded(t, func(w io.Writer) error { return bmp.Encode(w, indexed) }), 3},
		{"jpeg grey", jpegOf(false, 0x11), 4},
		{"jpeg 4:2:0", jpegOf(false, 0x22, 0x11, 0x11), 4.5},
		{"jpeg 4:4:4", jpegOf(false, 0x11, 0x11, 0x11), 6},
		{"jpeg of four", jpegOf(false, 0x11, 0x11, 0x11, 0x11), 7},
		{"jpeg turned", withOrientation(jpegOf(false, 0x22, 0x11, 0x11), 6), 7.5},
		{"progressive grey", jpegOf(true, 0x11), 6},
		{"progressive 4:2:0", jpegOf(true, 0x22, 0x11, 0x11), 7.5},
		{"progressive 4:4:4", jpegOf(true, 0x11, 0x11, 0x11), 12},
		{"progressive of four", jpegOf(true, 0x11, 0x11, 0x11, 0x11), 15},
		{"webp", formatFile(t, "../eye.webp"), 0},
		{"jpeg with a ragged edge", formatFile(t, "../eye.jpg"), 0},
		{"tiff", formatFile(t, "rgb-big.tif"), 0},
		{"tiff of tiles", formatFile(t, "tiles.tif"), 0},
		{"tiff of jpeg", formatFile(t, "jpeg.tif"), 0},
		{"tiff lzw", formatFile(t, "lzw.tif"), 0},
		{"tiff deflate", formatFile(t, "deflate.tif"), 0},
		{"webp animated", formatFile(t, "lossy-alpha-animated-moved.webp"), 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			said := need(t, tc.file) // the first reading of metadata makes tables
			if want := tc.perPixel * 512 * 1024; want > 0 && math.Abs(float64(said)-want) > 1 {
				t.Errorf("it takes %.2f bytes a pixel, want %g", float64(said)/(512*1024), tc.perPixel)
			}
			before := allocated()
			_, err := picture.Decode(t.Context(), bytes.NewReader(tc.file), tc.name, picture.Limits{MaxMemory: said})
			took := int64(allocated() - before)
			const besides = 256 << 10 // buffers, tables, rows
			if err != nil || took > said+besides {
				t.Errorf("it took %d bytes of %d, %v", took, said, err)
			}
			if tc.perPixel > 0 && took < said/2 {
				t.Errorf("it took %d bytes of %d", took, said)
			}
			_, err = picture.Decode(t.Context(), bytes.NewReader(tc.file), tc.name, picture.Limits{MaxMemory: said - 1})
			if !errors.Is(err, picture.ErrTooLarge) {
				t.Errorf("with a byte less: %v", err)
			}
		})
	}
}

// A picture of many scans is refused before they are decoded, unless it is small.
func TestManyScans(t *testing.T) {
	within := picture.Limits{MaxPixels: 1_000_000}
	grey := []byte{0x11}
	for _, tc := range []struct {
		name    string
		file    jpegFile
		limits  picture.Limits
		refused string
	}{
		{"400 scans of 64 million pixels", jpegFile{8000, 8000, true, grey, 399, nil}, picture.Limits{}, "in 400 scans"},
		{"20 at the limit", jpegFile{1000, 1000, true, grey, 19, nil}, within, ""},
		{"21 at the limit", jpegFile{1000, 1000, true, grey, 20, nil}, within, "in 21 scans"},
		{"200 of a tenth", jpegFile{200, 500, true, grey, 199, nil}, within, ""},
		{"tables and remarks between", jpegFile{1000, 1000, true, grey, 20, []byte("\xff\xfe\x00\x04\x00\x00\xff\xff\xff")}, within, "in 21 scans"},
		{"hidden in a remark", jpegFile{1000, 1000, true, grey, 10, []byte("\xff\xfe\x00\x07\xff\xda\xff\xda\x00")}, within, "in 31 scans"},
		{"in a remark before the end", jpegFile{1000, 1000, true, grey, 10, []byte("\xff\xfe\x00\x04\xff\xd9")}, within, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := tc.file.bytes()
			filetest.Soon(t)
			p, err := picture.Decode(t.Context(), bytes.NewReader(file), "scans.jpg", tc.limits)
			if tc.refused == "" {
				if err != nil || p.Height != tc.file.height || p.Width != tc.file.width {
					t.Errorf("%d x %d, %v", p.Height, p.Width, err)
				}
				return
			}
			if !errors.Is(err, picture.ErrTooLarge) || !strings.Contains(err.Error(), tc.refused) || !strings.Contains(err.Error(), "raise MaxPixels") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// Nothing behind the end of a JPEG picture is looked at.
func TestBehindTheEnd(t *testing.T) {
	film := bytes.Repeat([]byte{0xff, 0xda, 0, 3, 1}, 100_000)
	file := append(jpegFile{64, 64, true, []byte{0x22, 0x11, 0x11}, 3, nil}.bytes(), film...)
	if _, err := picture.Decode(t.Context(), bytes.NewReader(file), "film.jpg", picture.Limits{MaxPixels: 4096}); err != nil {
		t.Error(err)
	}
}

// A WebP file that claims more than it holds is refused before memory is taken for it.
func TestWebPClaims(t *testing.T) {
	file := formatFile(t, "../eye.webp")
	at := bytes.Index(file, []byte("VP8 "))
	claims := bytes.Clone(file)
	binary.LittleEndian.PutUint32(claims[4:], 1<<31-2)
	binary.LittleEndian.PutUint32(claims[at+4:], 1<<30)
	before := allocated()
	_, err := picture.Decode(t.Context(), bytes.NewReader(claims), "claims.webp", picture.Limits{})
	if took := allocated() - before; !errors.Is(err, picture.ErrFormat) || !strings.Contains(err.Error(), "cut short") || took > 1<<20 {
		t.Errorf("%d bytes, %v", took, err)
	}
}

// slow is a file that comes little by little.
type slow struct {
	*bytes.Reader
	read func()
}

func (s slow) Read(p []byte) (int, error) {
	s.read()
	return s.Reader.Read(p[:min(len(p), 64)])
}

// Decoding ends soon when its context does, wherever it is.
func TestCancelled(t *testing.T) {
	noise := image.NewNRGBA(image.Rect(0, 0, 300, 300))
	for i := range noise.Pix {
		noise.Pix[i] = uint8(i * i >> 3)
	}
	for name, file := range map[string][]byte{
		"png": pngBytes(t, noise), "webp": formatFile(t, "../eye.webp"), "tiff": formatFile(t, "rgb16-big.tif"), "tiff deflate": formatFile(t, "deflate.tif"),
		"jpeg": encoded(t, func(w io.Writer) error { return jpeg.Encode(w, noise, nil) }),
		"gif":  encoded(t, func(w io.Writer) error { return gif.Encode(w, noise, nil) }),
		"bmp":  encoded(t, func(w io.Writer) error { return bmp.Encode(w, noise) }),
	} {
		reads := 0
		if _, err := picture.Decode(context.Background(), slow{bytes.NewReader(file), func() { reads++ }}, name, picture.Limits{}); err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{1, 2, reads / 2, reads - 1} {
			ctx, cancel := context.WithCancel(t.Context())
			count, late := 0, 0
			r := slow{bytes.NewReader(file), func() {
				if count++; count == at {
					cancel()
				} else if count > at {
					late++
				}
			}}
			_, err := picture.Decode(ctx, r, name, picture.Limits{})
			if !errors.Is(err, context.Canceled) || errors.Is(err, picture.ErrFormat) || !strings.Contains(err.Error(), name) || late > 0 {
				t.Errorf("%s, cancelled at read %d of %d: %v, %d reads more", name, at, reads, err, late)
			}
			cancel()
		}
	}
}

// A caller with a deadline is back soon, whatever the decoder does.
func TestDeadline(t *testing.T) {
	file := jpegFile{8000, 8000, true, []byte{0x11}, 10, nil}.bytes()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := picture.Decode(ctx, bytes.NewReader(file), "large.jpg", picture.Limits{})
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 3*time.Second {
		t.Errorf("back after %v with %v", took, err)
	}
}

func TestOddFiles(t *testing.T) {
	for _, name := range []string{"odd.png", "odd.npy"} {
		for _, odd := range filetest.Odds(t, name) {
			t.Run(name+"/"+odd.Name, func(t *testing.T) {
				filetest.Soon(t)
				_, err := picture.Open(t.Context(), odd.Path, picture.Limits{})
				if name == "odd.npy" {
					_, _, err = picture.OpenNpy(t.Context(), odd.Path, picture.Limits{})
				}
				if !errors.Is(err, picture.ErrFormat) || !strings.Contains(err.Error(), odd.Path+": not a regular file but "+odd.Says) {
					t.Errorf("error %v", err)
				}
			})
		}
	}
}

func TestNpyCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	file := npyFile("|u1", "False", "(2, 3, 3)", make([]byte, 18))
	_, _, err := picture.ReadNpy(ctx, bytes.NewReader(file), int64(len(file)), "array.npy", picture.Limits{})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Preparing a picture ends soon when its context does, by every rule of resizing.
func TestApplyCancelled(t *testing.T) {
	pic := random(300, 300)
	for _, rule := range []picture.Interpolation{picture.Bicubic, picture.Bilinear, picture.OpenCVLinear, picture.OpenCVCubic, picture.OpenCVArea} {
		p := picture.Pipeline{Resize: picture.Exact(8000, 8000), Interpolation: rule}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		began := time.Now()
		in, err := p.Apply(ctx, pic)
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, picture.ErrFormat) || in.Data != nil || took > 3*time.Second {
			t.Errorf("rule %d: back after %v with %v", rule, took, err)
		}
		cancel()
	}
}
