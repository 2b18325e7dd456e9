package picture

import (
	"errors"
	"io"
)

// jpegBits reads a JPEG file byte by byte, and between markers bit by bit.
type jpegBits struct {
	r     io.Reader
	buf   []byte
	ahead []byte // of buf, not read yet
	err   error  // that reading ended with, io.EOF too
	ended bool   // nothing is left, and more was asked for

	marker byte   // that stopped the bits, and is not dealt with yet; 0: none
	acc    uint64 // bits read ahead, from the highest; zeros below
	n      uint   // how many
	short  bool   // more bits were asked for than there are before the marker: the rest is zeros
}

// load reads on; false at the end or where reading fails.
func (b *jpegBits) load() bool {
	for len(b.ahead) == 0 && b.err == nil {
		var n int
		n, b.err = b.r.Read(b.buf)
		b.ahead = b.buf[:n]
	}
	return len(b.ahead) > 0
}

// next is the next byte; false as load.
func (b *jpegBits) next() (byte, bool) {
	if len(b.ahead) == 0 && !b.load() {
		b.ended = true
		return 0, false
	}
	c := b.ahead[0]
	b.ahead = b.ahead[1:]
	return c, true
}

// read fills p.
func (b *jpegBits) read(p []byte) error {
	for i := range p {
		c, ok := b.next()
		if !ok {
			return b.failure()
		}
		p[i] = c
	}
	return nil
}

// failure is why there is no more.
func (b *jpegBits) failure() error { return noEOF(b.err) }

// seek goes on to the next marker, over anything else, unless one waits already. At the
// end of the file it is that of the end.
func (b *jpegBits) seek() {
	for b.marker == 0 {
		c, ok := b.next()
		for ok && c == 0xff { // any number of them may fill the place before a marker
			if c, ok = b.next(); c != 0xff {
				b.marker = c
			}
		}
		if !ok {
			b.marker = jpegEOI
		}
	}
}

// refill reads bits ahead, up to a marker.
func (b *jpegBits) refill() {
	for b.n <= 56 && b.marker == 0 {
		c, ok := b.next()
		if !ok {
			b.marker = jpegEOI
			return
		}
		if c == 0xff {
			for c == 0xff && ok {
				c, ok = b.next()
			}
			switch {
			case !ok:
				b.marker = jpegEOI
				return
			case c != 0:
				b.marker = c
				return
			}
			c = 0xff // 0xff00 stands for it
		}
		b.acc |= uint64(c) << (56 - b.n)
		b.n += 8
	}
}

// drop discards the bits read ahead.
func (b *jpegBits) drop() { b.acc, b.n = 0, 0 }

// need makes count bits be there, zeros if nothing else.
func (b *jpegBits) need(count uint) {
	if b.n >= count {
		return
	}
	if b.refill(); b.n < count {
		b.short, b.n = true, 64
	}
}

// take is the number that the next count bits write, at most 17 of them.
func (b *jpegBits) take(count uint) int32 {
	b.need(count)
	v := int32(b.acc >> (64 - count)) // 0 for count 0
	b.acc <<= count
	b.n -= count
	return v
}

// signed is the value of count bits as JPEG stores differences and coefficients: those
// that begin with 0 are negative.
func (b *jpegBits) signed(count uint) int32 {
	v := b.take(count)
	if count > 0 && v < 1<<(count-1) {
		v += 1 - 1<<count
	}
	return v
}

// quick is how many bits of a code are looked up at once.
const quick = 9

// jpegHuffman is a table of codes of 1 to 16 bits.
type jpegHuffman struct {
	short   [1 << quick]uint16 // by the next bits: length << 8 and symbol of codes so short; 0: none
	beyond  [17]int32          // by length: the code behind the last one, to 16 bits
	first   [17]int32          // by length: index of the first symbol less its code
	symbols []byte
}

var errHuffman = errors.New("a table of Huffman codes makes no sense")

// newHuffman makes the table of the numbers of codes by length, and their symbols.
func newHuffman(counts []byte, symbols []byte) (*jpegHuffman, error) {
	h := &jpegHuffman{symbols: append([]byte(nil), symbols...)}
	code, index := int32(0), int32(0)
	for length := int32(1); length <= 16; length++ {
		count := int32(counts[length-1])
		h.first[length] = index - code
		for range count {
			if code >= 1<<length || int(index) >= len(symbols) {
				return nil, errHuffman
			}
			if length <= quick {
				entry := uint16(length)<<8 | uint16(symbols[index])
				for i := range int32(1) << (quick - length) {
					h.short[code<<(quick-length)+i] = entry
				}
			}
			code++
			index++
		}
		h.beyond[length] = code << (16 - length)
		code <<= 1
	}
	return h, nil
}

// symbol reads one. Bits that are no code count as symbol 0, as in libjpeg.
func (b *jpegBits) symbol(h *jpegHuffman) byte {
	if b.n < 16 {
		b.refill()
	}
	if entry := h.short[b.acc>>(64-quick)]; entry != 0 {
		length := uint(entry >> 8)
		b.need(length)
		b.acc <<= length
		b.n -= length
		return byte(entry)
	}
	code := int32(b.acc >> 48)
	for length := uint(quick + 1); length <= 16; length++ {
		if code < h.beyond[length] {
			b.take(length)
			return h.symbols[h.first[length]+code>>(16-length)]
		}
	}
	b.take(17) // libjpeg tells it by one bit more
	return 0
}
