package picture

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// bmpHeader is what a BMP file says of its picture.
type bmpHeader struct {
	height, width int
	topDown       bool
	bits          int // of a pixel
	packing       uint32
	masks         [3]uint32 // of red, green, blue, where a pixel has 16 or 32 bits
	palette       [256][3]uint8
	at            int64 // of the pixels, in the file
}

// Kinds of packing in BMP files.
const (
	bmpPlain  = 0
	bmpRLE8   = 1
	bmpRLE4   = 2
	bmpMasks  = 3
	bmpMasks4 = 6 // one for transparency too
)

// beginBMP reads the header.
func beginBMP(f *source, size int64) (job, error) {
	h, err := readBMPHeader(f.buffer)
	if err != nil {
		return job{}, err
	}
	return job{height: h.height, width: h.width, effort: effort{scans: 1, length: size}, turn: 1, decode: h.decode}, nil
}

// readBMPHeader reads headers of any length, from OS/2's of 12 bytes on, and the palette.
func readBMPHeader(r *bufio.Reader) (*bmpHeader, error) {
	const fileHead, oldest, most = 14, 12, 1 << 10
	var head [fileHead + 4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(head[fileHead:])
	if size < oldest || size > oldest && size < 16 || size > most {
		return nil, fmt.Errorf("a header of %d bytes", size)
	}
	c := make([]byte, max(size, 40)) // what a short header leaves out is 0
	if _, err := io.ReadFull(r, c[4:size]); err != nil {
		return nil, err
	}
	h := &bmpHeader{at: int64(binary.LittleEndian.Uint32(head[10:]))}
	end, entry, used := int64(fileHead+size), 4, uint32(0)
	height := int32(binary.LittleEndian.Uint32(c[8:]))
	if size == oldest {
		h.width, height, h.bits = int(binary.LittleEndian.Uint16(c[4:])), int32(binary.LittleEndian.Uint16(c[6:])), int(binary.LittleEndian.Uint16(c[10:]))
		entry = 3
	} else {
		h.width, h.bits = int(int32(binary.LittleEndian.Uint32(c[4:]))), int(binary.LittleEndian.Uint16(c[14:]))
		h.packing, used = binary.LittleEndian.Uint32(c[16:]), binary.LittleEndian.Uint32(c[32:])
	}
	if h.height, h.topDown = int(height), height < 0; h.topDown {
		h.height = -h.height
	}
	if err := h.check(); err != nil {
		return nil, err
	}
	masks := c[40:]
	if h.packing == bmpMasks || h.packing == bmpMasks4 {
		if len(masks) < 12 {
			masks = make([]byte, 12)
			if _, err := io.ReadFull(r, masks); err != nil {
				return nil, err
			}
			end += 12
		}
		for i := range h.masks {
			h.masks[i] = binary.LittleEndian.Uint32(masks[4*i:])
		}
	}
	return h, h.readPalette(r, end, entry, used)
}

// check refuses pixels that are not read, and gives those of 16 and 32 bits their usual masks.
func (h *bmpHeader) check() error {
	if h.width < 0 {
		return fmt.Errorf("a width of %d pixels", h.width)
	}
	ok := false
	switch h.packing {
	case bmpPlain:
		ok = h.bits == 1 || h.bits == 4 || h.bits == 8 || h.bits == 16 || h.bits == 24 || h.bits == 32
	case bmpRLE8:
		ok = h.bits == 8
	case bmpRLE4:
		ok = h.bits == 4
	case bmpMasks, bmpMasks4:
		ok = h.bits == 16 || h.bits == 32
	}
	if !ok {
		return fmt.Errorf("%d bits a pixel with compression %d are not read: save it again without compression", h.bits, h.packing)
	}
	h.masks = [3]uint32{0xff0000, 0xff00, 0xff}
	if h.bits == 16 {
		h.masks = [3]uint32{0x7c00, 0x3e0, 0x1f}
	}
	return nil
}

// readPalette reads the colours that begin at end, of so many bytes each.
func (h *bmpHeader) readPalette(r *bufio.Reader, end int64, entry int, used uint32) error {
	if h.bits > 8 {
		if h.at == 0 {
			h.at = end
		}
		return nil
	}
	colours := int64(1) << h.bits
	if used > 0 && used < 256 {
		colours = int64(used)
	}
	if h.at > end {
		colours = min(colours, (h.at-end)/int64(entry))
	}
	for i := range colours {
		var c [4]byte // blue, green, red
		if _, err := io.ReadFull(r, c[:entry]); err != nil {
			return err
		}
		h.palette[i] = [3]uint8{c[2], c[1], c[0]}
	}
	if h.at == 0 {
		h.at = end + colours*int64(entry)
	}
	return nil
}

// row is row y of the file in the picture.
func (h *bmpHeader) row(pic Picture, y int) []uint8 {
	if !h.topDown {
		y = h.height - 1 - y
	}
	return pic.row(y)
}

// decode reads the pixels.
func (h *bmpHeader) decode(ctx context.Context, file io.Reader) (Picture, error) {
	if _, err := io.CopyN(io.Discard, file, h.at); err != nil {
		return Picture{}, err
	}
	pic := newPicture(h.height, h.width)
	if h.packing == bmpRLE8 || h.packing == bmpRLE4 {
		r := bmpRuns{bmpHeader: h, r: bufio.NewReader(file), pic: pic}
		return pic, r.decode(ctx)
	}
	line := make([]uint8, (h.width*h.bits+31)/32*4)
	used := (h.width*h.bits + 7) / 8
	for y := range h.height {
		if err := ctx.Err(); err != nil {
			return Picture{}, err
		}
		if n, err := io.ReadFull(file, line); err != nil && (n < used || y < h.height-1 || !isEnd(err)) {
			return Picture{}, err
		}
		h.convert(h.row(pic, y), line)
	}
	return pic, nil
}

// convert turns a row into pixels.
func (h *bmpHeader) convert(dst, line []uint8) {
	switch h.bits {
	case 1, 4, 8:
		for x := range h.width {
			copy(dst[3*x:3*x+3], h.palette[sample(line, x, h.bits)][:])
		}
	case 24:
		for i := 0; i < len(dst); i += 3 {
			dst[i], dst[i+1], dst[i+2] = line[i+2], line[i+1], line[i]
		}
	default:
		for x := range h.width {
			v := uint32(binary.LittleEndian.Uint16(line[x*h.bits/8:]))
			if h.bits == 32 {
				v = binary.LittleEndian.Uint32(line[4*x:])
			}
			for c, mask := range h.masks {
				dst[3*x+c] = masked(v, mask)
			}
		}
	}
}

// masked is the upper 8 bits of what a mask covers, or all of them with zeros behind, as
// OpenCV has it.
func masked(v, mask uint32) uint8 {
	length := bits.Len32(mask >> bits.TrailingZeros32(mask))
	v = (v & mask) >> bits.TrailingZeros32(mask)
	if length > 8 {
		return uint8(v >> (length - 8))
	}
	return uint8(v << (8 - length))
}

// bmpRuns reads pixels that are packed by runs of one index, or of 4 bits two in turn.
type bmpRuns struct {
	*bmpHeader
	r    *bufio.Reader
	pic  Picture
	y, x int
}

// decode reads to the mark of the end. Pixels that are left out have the first colour.
func (b *bmpRuns) decode(ctx context.Context) error {
	for y := range b.height {
		row := b.pic.row(y)
		for i := 0; i < len(row); i += 3 {
			copy(row[i:i+3], b.palette[0][:])
		}
	}
	for b.y < b.height {
		if err := ctx.Err(); err != nil {
			return err
		}
		var code [2]byte
		if _, err := io.ReadFull(b.r, code[:]); err != nil {
			if isEnd(err) && b.y == b.height-1 && b.x >= b.width {
				return nil // only the mark is missing
			}
			return err
		}
		length, what := int(code[0]), code[1]
		switch {
		case length > 0:
			for i := range length {
				b.put(b.index(what, i))
			}
		case what == 0: // end of the row
			b.y, b.x = b.y+1, 0
		case what == 1: // end of the picture
			return nil
		case what == 2:
			if _, err := io.ReadFull(b.r, code[:]); err != nil {
				return err
			}
			b.x, b.y = b.x+int(code[0]), b.y+int(code[1])
		default:
			if err := b.plain(int(what)); err != nil {
				return err
			}
		}
	}
	return nil
}

// plain reads pixels that are no run, in whole pairs of bytes.
func (b *bmpRuns) plain(count int) error {
	size := (count*b.bits + 7) / 8
	var line [256]byte
	if n, err := io.ReadFull(b.r, line[:(size+1)&^1]); err != nil && n < size {
		return err
	}
	for i := range count {
		b.put(b.index(line[i*b.bits/8], i))
	}
	return nil
}

// index is that of pixel i in a byte.
func (b *bmpRuns) index(v byte, i int) byte {
	switch {
	case b.bits == 8:
		return v
	case i%2 == 0:
		return v >> 4
	}
	return v & 15
}

// put writes the next pixel; what goes over the end of a row is left out.
func (b *bmpRuns) put(index byte) {
	if b.x < b.width && b.y < b.height {
		copy(b.row(b.pic, b.y)[3*b.x:], b.palette[index][:])
	}
	b.x++
}
