package picture

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// gifFrame is the first frame of a GIF file, on its canvas.
type gifFrame struct {
	height, width   int // of the canvas
	y, x, rows, row int // place of the frame, rows and pixels in a row
	interlaced      bool
	palette         [256][3]uint8 // a colour past its end is black
}

// beginGIF looks for the first frame that has pixels. The canvas grows where it does not
// hold that.
func beginGIF(s *source, size int64) (job, error) {
	f, err := nextGIFFrame(s.buffer)
	if err != nil {
		return job{}, err
	}
	decode := func(ctx context.Context, file io.Reader) (Picture, error) {
		r := bufio.NewReader(file)
		f, err := nextGIFFrame(r)
		if err != nil {
			return Picture{}, err
		}
		return f.decode(ctx, r)
	}
	return job{height: f.height, width: f.width, effort: effort{scans: 1, length: size}, turn: 1, decode: decode}, nil
}

// nextGIFFrame reads up to the data of the first frame that has pixels.
func nextGIFFrame(r *bufio.Reader) (*gifFrame, error) {
	var screen [13]byte
	if _, err := io.ReadFull(r, screen[:]); err != nil {
		return nil, err
	}
	f := &gifFrame{width: int(binary.LittleEndian.Uint16(screen[6:])), height: int(binary.LittleEndian.Uint16(screen[8:]))}
	for i := range f.palette {
		f.palette[i] = [3]uint8{uint8(i), uint8(i), uint8(i)} // without a palette
	}
	if err := f.readPalette(r, screen[10]); err != nil {
		return nil, err
	}
	for {
		kind, err := r.ReadByte()
		switch {
		case err != nil:
			return nil, err
		case kind == ',':
			var place [9]byte
			if _, err := io.ReadFull(r, place[:]); err != nil {
				return nil, err
			}
			at := func(i int) int { return int(binary.LittleEndian.Uint16(place[i:])) }
			f.x, f.y, f.row, f.rows = at(0), at(2), at(4), at(6)
			f.interlaced = place[8]&0x40 != 0
			if err := f.readPalette(r, place[8]); err != nil {
				return nil, err
			}
			if f.row > 0 && f.rows > 0 {
				f.width, f.height = max(f.width, f.x+f.row), max(f.height, f.y+f.rows)
				return f, nil
			}
			_, err = r.Discard(1) // the length of a code
		case kind == '!':
			_, err = r.Discard(1) // what it is about
		case kind == ';':
			return nil, errors.New("no frame before the end")
		default:
			continue // stray bytes between blocks
		}
		if err == nil {
			_, err = io.Copy(io.Discard, &gifData{r: r})
		}
		if err != nil {
			return nil, err
		}
	}
}

// readPalette reads the palette that flags announce, if they do.
func (f *gifFrame) readPalette(r io.Reader, flags byte) error {
	if flags&0x80 == 0 {
		return nil
	}
	f.palette = [256][3]uint8{}
	for i := range 2 << (flags & 7) {
		if _, err := io.ReadFull(r, f.palette[i][:]); err != nil {
			return err
		}
	}
	return nil
}

// gifData is what a row of blocks holds.
type gifData struct {
	r    *bufio.Reader
	left int // of the block
}

// ReadByte implements io.ByteReader.
func (d *gifData) ReadByte() (byte, error) {
	if d.left == 0 {
		length, err := d.r.ReadByte()
		if err != nil {
			return 0, noEOF(err)
		}
		if length == 0 {
			return 0, io.EOF
		}
		d.left = int(length)
	}
	d.left--
	b, err := d.r.ReadByte()
	return b, noEOF(err)
}

// Read implements io.Reader.
func (d *gifData) Read(p []byte) (int, error) {
	for i := range p {
		b, err := d.ReadByte()
		if err != nil {
			return i, err
		}
		p[i] = b
	}
	return len(p), nil
}

// decode reads the pixels. The canvas around the frame is black.
func (f *gifFrame) decode(ctx context.Context, r *bufio.Reader) (Picture, error) {
	width, err := r.ReadByte()
	if err != nil {
		return Picture{}, noEOF(err)
	}
	if width < 1 || width > 11 {
		return Picture{}, fmt.Errorf("codes of %d bits", width)
	}
	data := gifData{r: r}
	codes := gifCodes{read: data.ReadByte, first: uint(width)}
	codes.clear()
	pic := newPicture(f.height, f.width)
	line := make([]uint8, f.row)
	passes := [][2]int{{0, 1}}
	if f.interlaced {
		passes = [][2]int{{0, 8}, {4, 8}, {2, 4}, {1, 2}}
	}
	for _, pass := range passes {
		for y := pass[0]; y < f.rows; y += pass[1] {
			if err := ctx.Err(); err != nil {
				return Picture{}, err
			}
			if err := codes.fill(line); err != nil {
				return Picture{}, noEOF(err)
			}
			row := pic.row(f.y + y)[3*f.x:]
			for x, index := range line {
				copy(row[3*x:3*x+3], f.palette[index][:])
			}
		}
	}
	return pic, nil
}

// gifCodes undoes the compression of Lempel, Ziv and Welch as GIF has it: a code stands
// for the string of an earlier one and a byte more.
type gifCodes struct {
	read    func() (byte, error)
	first   uint // bits of a byte
	bits    uint // of a code
	next    int  // code that comes to be next
	before  int  // the code before; -1: none
	acc     uint32
	n       uint
	earlier [1 << 12]uint16 // by code: the code of its string but for the last byte
	last    [1 << 12]byte   // by code: its last byte
	text    []byte          // of a string, what is not taken yet, backwards
	buf     [1 << 12]byte
}

// clear forgets all strings.
func (c *gifCodes) clear() { c.bits, c.next, c.before = c.first+1, 1<<c.first+2, -1 }

// fill takes bytes.
func (c *gifCodes) fill(dst []uint8) error {
	for i := range dst {
		for len(c.text) == 0 {
			if err := c.code(); err != nil {
				return err
			}
		}
		dst[i] = c.text[len(c.text)-1]
		c.text = c.text[:len(c.text)-1]
	}
	return nil
}

// code reads a code, and finds its string.
func (c *gifCodes) code() error {
	for c.n < c.bits {
		b, err := c.read()
		if err != nil {
			return err
		}
		c.acc |= uint32(b) << c.n
		c.n += 8
	}
	code, clear := int(c.acc&(1<<c.bits-1)), 1<<c.first
	c.acc >>= c.bits
	c.n -= c.bits
	switch {
	case code == clear:
		c.clear()
		return nil
	case code == clear+1:
		return io.EOF
	case code > c.next || code == c.next && c.before < 0 || c.before < 0 && code > clear:
		return errors.New("a code that stands for nothing yet")
	}
	text, at := c.buf[:0], code
	if code == c.next { // the string before, and its first byte again
		text, at = append(text, 0), c.before
	}
	for at > clear {
		text = append(text, c.last[at])
		at = int(c.earlier[at])
	}
	text = append(text, byte(at))
	if code == c.next {
		text[0] = byte(at)
	}
	if c.before >= 0 && c.next < len(c.earlier) {
		c.earlier[c.next], c.last[c.next] = uint16(c.before), byte(at)
		c.next++
		if c.next == 1<<c.bits && c.bits < 12 {
			c.bits++
		}
	}
	c.before, c.text = code, text
	return nil
}
