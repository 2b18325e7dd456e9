package picture

import (
	"bufio"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// pngHeader is what the first chunk of a PNG file says.
type pngHeader struct {
	height, width int
	depth, kind   byte // bits a sample, and the kind of colour
	interlaced    bool
}

// Kinds of colour of PNG; 4 more than grey or colour is one with transparency.
const (
	pngGrey    = 0
	pngColour  = 2
	pngPalette = 3
)

// pngSignature is the length of what PNG files begin with.
const pngSignature = 8

// newPNGHeader reads the content of a header chunk.
func newPNGHeader(c []byte) (pngHeader, error) {
	if len(c) != 13 {
		return pngHeader{}, errors.New("the header has a wrong length")
	}
	width, height := binary.BigEndian.Uint32(c), binary.BigEndian.Uint32(c[4:])
	const most = 1<<31 - 1
	if width > most || height > most {
		return pngHeader{}, fmt.Errorf("it claims %d x %d pixels (height x width)", height, width)
	}
	h := pngHeader{height: int(height), width: int(width), depth: c[8], kind: c[9], interlaced: c[12] == 1}
	depths := map[byte]string{pngGrey: "\x01\x02\x04\x08\x10", pngColour: "\x08\x10", pngPalette: "\x01\x02\x04\x08", pngGrey | 4: "\x08\x10", pngColour | 4: "\x08\x10"}
	for _, depth := range []byte(depths[h.kind]) {
		if depth == h.depth && c[10] == 0 && c[11] == 0 && c[12] <= 1 {
			return h, nil
		}
	}
	return pngHeader{}, fmt.Errorf("%d bits of colour kind %d, compression %d, filter %d, interlace %d: there is no such PNG", h.depth, h.kind, c[10], c[11], c[12])
}

// bits of a pixel.
func (h pngHeader) bits() int {
	samples := [...]int{pngGrey: 1, pngColour: 3, pngPalette: 1, pngGrey | 4: 2, pngColour | 4: 4}
	return samples[h.kind] * int(h.depth)
}

// pngChunk is the head of a chunk.
type pngChunk struct {
	length uint32
	name   string
}

// nextPNGChunk reads the head of a chunk.
func nextPNGChunk(r io.Reader) (pngChunk, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return pngChunk{}, err
	}
	return pngChunk{binary.BigEndian.Uint32(head[:]), string(head[4:])}, nil
}

// read is a chunk's content, at most the first so many bytes, and whether its checksum is right.
func (c pngChunk) read(r io.Reader, most uint32) (content []byte, sound bool, err error) {
	content = make([]byte, min(c.length, most))
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, false, err
	}
	sum := c.sum()
	sum.Write(content)
	if _, err := io.CopyN(sum, r, int64(c.length)-int64(len(content))); err != nil {
		return nil, false, err
	}
	sound, err = checksum(r, sum)
	return content, sound, err
}

// sum is the checksum of a chunk before its content.
func (c pngChunk) sum() hash.Hash32 {
	sum := crc32.NewIEEE()
	io.WriteString(sum, c.name)
	return sum
}

// checksum reads a chunk's checksum, and compares it.
func checksum(r io.Reader, sum hash.Hash32) (bool, error) {
	var want [4]byte
	_, err := io.ReadFull(r, want[:])
	return binary.BigEndian.Uint32(want[:]) == sum.Sum32(), err
}

// beginPNG reads the header, and looks for the orientation.
func beginPNG(s *source, size int64) (job, error) {
	r := s.buffer
	if _, err := r.Discard(pngSignature); err != nil {
		return job{}, err
	}
	c, err := nextPNGChunk(r)
	if err != nil {
		return job{}, err
	}
	content, sound, err := c.read(r, 13)
	if err != nil {
		return job{}, err
	}
	if c.name != "IHDR" || !sound || c.length != 13 {
		return job{}, errors.New("no sound header at the start")
	}
	h, err := newPNGHeader(content)
	if err != nil {
		return job{}, err
	}
	j := job{height: h.height, width: h.width, effort: effort{scans: 1, length: size}, decode: decodePNG, turn: 1}
	for {
		if c, err = nextPNGChunk(r); err != nil || c.name == "IEND" {
			return j, nil // decoding tells whether the pixels are all there
		}
		if c.name != "eXIf" || c.length > exifMost {
			if _, err := io.CopyN(io.Discard, r, int64(c.length)+4); err != nil {
				return j, nil
			}
			continue
		}
		if content, sound, err = c.read(r, exifMost); err == nil && sound {
			j.turn = exifOrientation(content)
		}
	}
}

// pngData is the compressed data of the IDAT chunks, as one stream.
type pngData struct {
	r    *bufio.Reader
	left uint32 // of the chunk under way
	sum  hash.Hash32
	done error // what ended it
}

// Read implements io.Reader.
func (d *pngData) Read(p []byte) (int, error) {
	for d.left == 0 && d.done == nil {
		d.done = d.next()
	}
	if d.done != nil {
		return 0, d.done
	}
	n, err := d.r.Read(p[:min(len(p), int(min(d.left, 1<<20)))])
	d.sum.Write(p[:n])
	d.left -= uint32(n)
	d.done = err
	return n, err
}

// errPNGEnd is what ends the data of a whole file.
var errPNGEnd = errors.New("the end comes before the last row")

// next ends a chunk, and goes on to the next one with data, past those that may be left out.
func (d *pngData) next() error {
	if err := d.finish(); err != nil {
		return err
	}
	for {
		c, err := nextPNGChunk(d.r)
		switch {
		case err != nil:
			return err
		case c.name == "IDAT":
			d.left, d.sum = c.length, c.sum()
			return nil
		case c.name == "IEND":
			return errPNGEnd
		case c.name[0]&0x20 == 0:
			return fmt.Errorf("a chunk %q between the pixels", c.name)
		}
		if _, err := io.CopyN(io.Discard, d.r, int64(c.length)+4); err != nil {
			return err
		}
	}
}

// finish reads the rest of the chunk under way, and compares its checksum.
func (d *pngData) finish() error {
	if d.sum == nil {
		return nil
	}
	if _, err := io.CopyN(d.sum, d.r, int64(d.left)); err != nil {
		return err
	}
	sound, err := checksum(d.r, d.sum)
	if err == nil && !sound {
		err = errors.New("a wrong checksum of pixels")
	}
	d.left, d.sum = 0, nil
	return err
}

// decodePNG reads the picture. Chunks that are no part of the pixels may be damaged, the
// last ones missing, and the checksum of the uncompressed data is not looked at, since
// the chunks have their own.
func decodePNG(ctx context.Context, file io.Reader) (Picture, error) {
	r := bufio.NewReaderSize(file, 1<<14)
	if _, err := r.Discard(pngSignature); err != nil {
		return Picture{}, err
	}
	var p pngPixels
	for {
		c, err := nextPNGChunk(r)
		if err != nil {
			return Picture{}, err
		}
		if c.name == "IDAT" {
			return p.decode(ctx, &pngData{r: r, left: c.length, sum: c.sum()})
		}
		content, sound, err := c.read(r, 3*256)
		switch critical := c.name[0]&0x20 == 0; {
		case err != nil:
			return Picture{}, err
		case !critical:
		case !sound:
			return Picture{}, fmt.Errorf("a wrong checksum of chunk %q", c.name)
		case c.name == "IHDR" && p.width > 0: // nobody bounded what that one claims
			err = errors.New("a second header")
		case c.name == "IHDR":
			p.pngHeader, err = newPNGHeader(content)
		case c.name == "PLTE":
			if c.length%3 != 0 || c.length > 3*256 {
				err = errors.New("a palette of a wrong length")
			}
			copy(p.palette[:], content)
			p.colours = len(content) / 3
		default:
			err = fmt.Errorf("a chunk %q before the pixels", c.name)
		}
		if err != nil {
			return Picture{}, err
		}
	}
}

// pngPixels turns the rows of a PNG picture into pixels.
type pngPixels struct {
	pngHeader
	palette [3 * 256]uint8 // a colour past its end is black
	colours int
}

// decode reads the rows.
func (p *pngPixels) decode(ctx context.Context, data *pngData) (Picture, error) {
	if p.kind == pngPalette && p.colours == 0 {
		return Picture{}, errors.New("no palette before the pixels")
	}
	packed := bufio.NewReader(data)
	var head [2]byte // of zlib: method and window, then flags
	if _, err := io.ReadFull(packed, head[:]); err != nil {
		return Picture{}, err
	}
	if head[0]&15 != 8 || head[1]&0x20 != 0 || binary.BigEndian.Uint16(head[:])%31 != 0 {
		return Picture{}, errors.New("the pixels are not compressed as zlib does")
	}
	inflate := flate.NewReader(packed)
	defer inflate.Close()
	pic := newPicture(p.height, p.width)
	passes := pngPasses()
	if !p.interlaced {
		passes = []pngPass{{0, 0, 1, 1}}
	}
	for _, pass := range passes {
		if err := p.pass(ctx, inflate, pic, pass); err != nil {
			if data.done != nil {
				err = data.done
			}
			return Picture{}, err
		}
	}
	// Data behind the last row do no harm, and a file may end here.
	err := data.done
	if err == nil {
		err = data.finish()
	}
	if err != nil && err != errPNGEnd && !isEnd(err) {
		return Picture{}, err
	}
	return pic, nil
}
