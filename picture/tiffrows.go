package picture

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"math/bits"

	"golang.org/x/image/ccitt"
	"golang.org/x/image/tiff/lzw"
)

// Compressions of TIFF.
const (
	tiffPlain      = 1
	tiffFax3       = 3
	tiffFax4       = 4
	tiffLZW        = 5
	tiffJPEG       = 7
	tiffDeflate    = 8
	tiffPackBits   = 32773
	tiffOldDeflate = 32946
)

// checkCompression refuses a compression that is not read.
func (t *tiffFile) checkCompression() error {
	ok := false
	switch t.compression {
	case tiffPlain, tiffLZW, tiffDeflate, tiffOldDeflate, tiffPackBits:
		ok = true
	case tiffFax3, tiffFax4:
		ok = t.bits == 1 && t.samples == 1 && t.tag(tiffFaxOptions, 0)&1 == 0
	case tiffJPEG:
		ok = t.bits == 8 && !t.separate && (t.colour == tiffYCbCr || t.colour == tiffRGB) && t.samples == 3 || t.bits == 8 && t.colour == tiffBlackIsZero && t.samples == 1
	}
	if !ok {
		return fmt.Errorf("compression %d of these pixels is not read: save it without compression", t.compression)
	}
	return nil
}

// decode reads the segments.
func (t *tiffFile) decode(ctx context.Context) (Picture, error) {
	pic := newPicture(t.height, t.width)
	for i := range len(t.offsets) {
		plane, at := i/(t.across*t.down), i%(t.across*t.down)
		if plane > 0 && !t.separate || plane > 2 || plane > 0 && t.colour != tiffRGB {
			break // no part of the picture, or transparency
		}
		if err := ctx.Err(); err != nil {
			return Picture{}, err
		}
		r, err := t.section(int64(t.offsets[i]), int64(t.bytes[i]))
		if err != nil {
			return Picture{}, err
		}
		y, x := at/t.across*t.tileH, at%t.across*t.tileW
		if t.compression == tiffJPEG {
			err = t.jpeg(ctx, r, pic, y, x)
		} else {
			err = t.segment(ctx, r, pic, plane, y, x)
		}
		if err != nil {
			return Picture{}, err
		}
	}
	return pic, nil
}

// jpeg reads a segment that is a JPEG picture, without the tables that all have in common.
func (t *tiffFile) jpeg(ctx context.Context, r *bufio.Reader, pic Picture, y, x int) error {
	tables := make([]byte, len(t.tags[tiffJPEGTables]))
	for i, v := range t.tags[tiffJPEGTables] {
		tables[i] = byte(v)
	}
	tables = bytes.TrimSuffix(tables, []byte{0xff, jpegEOI})
	d := newJPEGDecoder(ctx, io.MultiReader(bytes.NewReader(tables), r))
	d.rgb = t.colour == tiffRGB
	d.check = func(f *jpegFrame) error {
		if f.progressive || f.height > t.tileH+15 || f.width > t.tileW+15 {
			return fmt.Errorf("a segment of %d x %d pixels (height x width) is a JPEG picture of %d x %d, or progressive", t.tileH, t.tileW, f.height, f.width)
		}
		if len(f.parts) != t.samples {
			return fmt.Errorf("a segment of %d samples a pixel is a JPEG picture of %d", t.samples, len(f.parts))
		}
		return nil
	}
	part, err := d.decode()
	if err != nil {
		return err
	}
	width := min(part.Width, t.width-x)
	for k := range min(part.Height, t.tileH, t.height-y) {
		copy(pic.row(y + k)[3*x:3*(x+width)], part.row(k))
	}
	return nil
}

// open undoes the compression of a segment.
func (t *tiffFile) open(r *bufio.Reader) (io.Reader, error) {
	var raw io.Reader = r
	if t.tag(tiffFillOrder, 1) == 2 {
		raw = reversedBits{r}
	}
	switch t.compression {
	case tiffFax3, tiffFax4:
		format := map[int]ccitt.SubFormat{tiffFax3: ccitt.Group3, tiffFax4: ccitt.Group4}[t.compression]
		return ccitt.NewReader(raw, ccitt.MSB, format, t.tileW, t.tileH, &ccitt.Options{Invert: true}), nil
	case tiffLZW:
		return lzw.NewReader(raw, lzw.MSB, 8), nil
	case tiffDeflate, tiffOldDeflate:
		return zlib.NewReader(raw)
	case tiffPackBits:
		return &packBits{r: bufio.NewReader(raw)}, nil
	}
	return raw, nil
}

// segment reads the rows of a segment.
func (t *tiffFile) segment(ctx context.Context, raw *bufio.Reader, pic Picture, plane, y, x int) error {
	r, err := t.open(raw)
	if err != nil {
		return err
	}
	pixel := t.samples
	if t.separate {
		pixel = 1
	}
	line := make([]uint8, (t.tileW*pixel*t.bits+7)/8)
	width := min(t.tileW, t.width-x)
	for k := range min(t.tileH, t.height-y) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := io.ReadFull(r, line); err != nil {
			return noEOF(err)
		}
		if t.predicted {
			t.undoDifferences(line, pixel)
		}
		row := pic.row(y + k)[3*x:][:3*width]
		if t.separate && t.colour == tiffRGB {
			for i := range width {
				row[3*i+plane] = t.rounded(line, i)
			}
			continue
		}
		t.convert(row, line, pixel)
	}
	return nil
}

// undoDifferences adds to each sample the same one of the pixel before.
func (t *tiffFile) undoDifferences(line []uint8, pixel int) {
	if t.bits == 8 {
		for i := pixel; i < len(line); i++ {
			line[i] += line[i-pixel]
		}
		return
	}
	for i := 2 * pixel; i < len(line); i += 2 {
		t.order.PutUint16(line[i:], t.order.Uint16(line[i:])+t.order.Uint16(line[i-2*pixel:]))
	}
}

// rounded is sample i of 8 or 16 bits, in 8 bits.
func (t *tiffFile) rounded(line []uint8, i int) uint8 {
	if t.bits == 8 {
		return line[i]
	}
	return uint8((uint32(t.order.Uint16(line[2*i:]))*255 + 32767) / 65535)
}

// level is a sample of a picture with one, in 8 bits: of 16 the upper ones.
func (t *tiffFile) level(line []uint8, i int) uint8 {
	switch t.bits {
	case 16:
		return uint8(t.order.Uint16(line[2*i:]) >> 8)
	case 8:
		return line[i]
	}
	return sample(line, i, t.bits)
}

// convert turns a row's samples, step of them for each pixel, into pixels, by libtiff's
// formulas.
func (t *tiffFile) convert(dst, line []uint8, step int) {
	palette := t.tags[tiffPalette]
	scale := 255 / (1<<min(t.bits, 8) - 1)
	for i := range len(dst) / 3 {
		p := dst[3*i : 3*i+3]
		switch t.colour {
		case tiffWhiteIsZero, tiffBlackIsZero:
			v := uint8(int(t.level(line, i*step)) * scale)
			if t.colour == tiffWhiteIsZero {
				v = 255 - v
			}
			p[0], p[1], p[2] = v, v, v
		case tiffPaletted:
			v, colours := int(t.level(line, i*step)), 1<<t.bits
			p[0], p[1], p[2] = uint8(palette[v]>>8), uint8(palette[colours+v]>>8), uint8(palette[2*colours+v]>>8)
		case tiffRGB:
			p[0], p[1], p[2] = t.rounded(line, i*step), t.rounded(line, i*step+1), t.rounded(line, i*step+2)
		case tiffCMYK:
			light := 255 - int(t.rounded(line, i*step+3))
			for c := range p {
				p[c] = uint8(light * (255 - int(t.rounded(line, i*step+c))) / 255)
			}
		}
	}
}

// reversedBits are bytes whose bits stand in the other order.
type reversedBits struct{ r io.Reader }

// Read implements io.Reader.
func (b reversedBits) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	for i := range p[:n] {
		p[i] = bits.Reverse8(p[i])
	}
	return n, err
}

// packBits undoes runs of bytes.
type packBits struct {
	r    *bufio.Reader
	run  int // times that value comes yet
	raw  int // bytes that come as they are
	what byte
}

// Read implements io.Reader.
func (b *packBits) Read(p []byte) (int, error) {
	for i := range p {
		for b.run == 0 && b.raw == 0 {
			head, err := b.r.ReadByte()
			switch {
			case err != nil:
				return i, err
			case head < 128:
				b.raw = int(head) + 1
			case head > 128:
				b.run = 257 - int(head)
				b.what, err = b.r.ReadByte()
			}
			if err != nil {
				return i, err
			}
		}
		if b.run > 0 {
			p[i] = b.what
			b.run--
			continue
		}
		v, err := b.r.ReadByte()
		if err != nil {
			return i, err
		}
		p[i] = v
		b.raw--
	}
	return len(p), nil
}
