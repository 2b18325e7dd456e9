package picture

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// zigzag is where the coefficients of a block stand, in the order in which they are
// stored; what is stored behind the last one lands on it.
var zigzag = [64 + 16]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
	63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
}

// jpegScan is a scan: some coefficients, or bits of them, of some components.
type jpegScan struct {
	parts       []*jpegPart
	mean, rest  [4]*jpegHuffman // for each part
	first, last int             // coefficients
	low         uint            // lowest bit that comes, of a progressive picture
	refines     bool            // it brings that bit alone
	before      [4]int32        // for each part: the mean of the block before
	run         int             // blocks to come that hold nothing more
}

// startScan reads the head of a scan.
func (d *jpegDecoder) startScan(content []byte) error {
	if d.frame == nil {
		return errors.New("a scan before the frame")
	}
	n := 0
	if len(content) > 0 {
		n = int(content[0])
	}
	if n < 1 || n > 4 || len(content) != 2*n+4 {
		return errors.New("the start of a scan has a wrong length")
	}
	s := jpegScan{last: 63}
	for i := range n {
		p := d.part(content[1+2*i], s.parts)
		if p == nil {
			return fmt.Errorf("a scan of component %d, which the frame has not", content[1+2*i])
		}
		mean, rest := content[2+2*i]>>4, content[2+2*i]&15
		if mean > 3 || rest > 3 {
			return errHuffman
		}
		s.mean[i], s.rest[i] = d.huffman[0][mean], d.huffman[1][rest]
		s.parts = append(s.parts, p)
	}
	if d.frame.progressive {
		spectrum := content[1+2*n:]
		s.first, s.last, s.low, s.refines = int(spectrum[0]), int(spectrum[1]), uint(spectrum[2]&15), spectrum[2]>>4 > 0
		mean := s.first == 0 && s.last == 0
		if !mean && (s.first == 0 || s.last < s.first || s.last > 63 || n > 1) || s.low > 13 || s.refines && uint(spectrum[2]>>4) != s.low+1 {
			return errors.New("a progressive scan of coefficients that do not go together")
		}
	}
	d.scan = s
	return d.checkScan()
}

// part finds a component that is not yet in a scan.
func (d *jpegDecoder) part(id byte, taken []*jpegPart) *jpegPart {
	for i := range d.frame.parts {
		if p := &d.frame.parts[i]; p.id == id && !slices.Contains(taken, p) {
			return p
		}
	}
	return nil
}

// checkScan looks for the tables that a scan needs, and keeps note of what it brings.
func (d *jpegDecoder) checkScan() error {
	s := &d.scan
	for i, p := range s.parts {
		if s.first == 0 && !s.refines && s.mean[i] == nil || s.last > 0 && s.rest[i] == nil {
			return errors.New("a table of Huffman codes is missing")
		}
		if s.first == 0 && !s.refines && slices.ContainsFunc(s.mean[i].symbols, func(bits byte) bool { return bits > 15 }) {
			return errHuffman
		}
		if p.quant == nil {
			if p.quant = d.quant[p.table]; p.quant == nil {
				return errors.New("a quantisation table is missing")
			}
		}
		for k := s.first; k <= s.last; k++ {
			p.exact[k] = s.low == 0
		}
	}
	return nil
}

// readScan decodes a scan. Where restart markers are lost or the data of an interval end
// early, the blocks that are missing are left as they were, as libjpeg leaves them; a file
// that ends before the last block is cut short.
func (d *jpegDecoder) readScan() error {
	s := &d.scan
	across, down := d.frame.groups()
	if len(s.parts) == 1 {
		across, down = s.parts[0].across, s.parts[0].down
	}
	d.drop()
	d.short = false
	left, restart := d.interval, byte(0)
	for y := range down {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		for x := range across {
			if d.interval > 0 && left == 0 {
				d.restart(restart)
				left, restart = d.interval, (restart+1)&7
			}
			left--
			if d.short {
				continue
			}
			d.group(y, x)
			if d.short && d.ended {
				return d.failure()
			}
		}
	}
	d.drop()
	return nil
}

// restart looks for the restart marker of this number. One of the next two, or a marker
// of another kind, says that it is lost, and waits; one of the two before is skipped, and any
// other taken for it: libjpeg's rules.
func (d *jpegDecoder) restart(number byte) {
	d.drop()
	d.scan.before, d.scan.run = [4]int32{}, 0
	for {
		d.seek()
		ahead := (d.marker - jpegFirstRST - number) & 7
		switch {
		case d.marker < jpegFirstSOF, d.marker >= jpegFirstRST && d.marker <= jpegLastRST && ahead >= 6:
			d.marker = 0
			continue
		case d.marker < jpegFirstRST, d.marker > jpegLastRST, ahead == 1, ahead == 2:
			return
		}
		d.marker, d.short = 0, false
		return
	}
}

// group decodes the blocks that stand together.
func (d *jpegDecoder) group(y, x int) {
	s := &d.scan
	if len(s.parts) == 1 {
		d.block(0, y, x)
		return
	}
	for i, p := range s.parts {
		for v := range p.v {
			for h := range p.h {
				d.block(i, y*p.v+v, x*p.h+h)
			}
		}
	}
}

// block decodes what the scan has of a block of component i.
func (d *jpegDecoder) block(i, y, x int) {
	s := &d.scan
	p := s.parts[i]
	if !d.frame.progressive {
		var c [64]int32
		d.sequential(i, p.quant, &c)
		idct(p.plane.data[(y*p.plane.stride+x)*8:], p.plane.stride, &c)
		return
	}
	c := (*[64]int16)(p.coeffs[(y*p.stride+x)*64:])
	switch {
	case s.first > 0 && s.refines:
		d.refineRest(c)
	case s.first > 0:
		d.progressiveRest(c)
	case s.refines:
		c[0] |= int16(d.take(1) << s.low)
	default:
		c[0] = int16(d.mean(i) << s.low)
	}
}

// mean is the first coefficient of the next block.
func (d *jpegDecoder) mean(i int) int32 {
	s := &d.scan
	s.before[i] += d.signed(uint(d.symbol(s.mean[i])))
	return s.before[i]
}

// sequential decodes a whole block.
func (d *jpegDecoder) sequential(i int, quant, c *[64]int32) {
	c[0] = int32(int16(d.mean(i))) * quant[0]
	rest := d.scan.rest[i]
	for k := 1; k < 64; k++ {
		symbol := d.symbol(rest)
		zeros, bits := int(symbol>>4), uint(symbol&15)
		if bits == 0 {
			if zeros != 15 {
				return
			}
			k += zeros
			continue
		}
		k += zeros
		at := zigzag[k]
		c[at] = d.signed(bits) * quant[at]
	}
}

// progressiveRest decodes the upper bits of some coefficients of a block.
func (d *jpegDecoder) progressiveRest(c *[64]int16) {
	s := &d.scan
	if s.run > 0 {
		s.run--
		return
	}
	for k := s.first; k <= s.last; k++ {
		symbol := d.symbol(s.rest[0])
		zeros, bits := int(symbol>>4), uint(symbol&15)
		if bits == 0 {
			if zeros < 15 {
				s.run = 1<<zeros + int(d.take(uint(zeros))) - 1
				return
			}
			k += zeros
			continue
		}
		k += zeros
		c[zigzag[k]] = int16(d.signed(bits) << s.low)
	}
}

// refineRest decodes the next bit of some coefficients of a block.
func (d *jpegDecoder) refineRest(c *[64]int16) {
	s := &d.scan
	k := s.first
	for s.run == 0 && k <= s.last {
		symbol := d.symbol(s.rest[0])
		zeros, bits := int(symbol>>4), symbol&15
		fresh := int16(0)
		switch {
		case bits != 0:
			if fresh = -1 << s.low; d.take(1) == 1 {
				fresh = 1 << s.low
			}
		case zeros < 15:
			s.run = 1<<zeros + int(d.take(uint(zeros)))
		}
		if s.run > 0 {
			break
		}
		k = d.refine(c, k, zeros)
		if fresh != 0 {
			c[zigzag[k]] = fresh
		}
		k++
	}
	if s.run > 0 {
		d.refine(c, k, -1)
		s.run--
	}
}

// refine reads the next bit of the coefficients from k that are not zero, until it met so
// many zeros and one; -1: to the last one. It returns where it stopped.
func (d *jpegDecoder) refine(c *[64]int16, k, zeros int) int {
	s := &d.scan
	for ; k <= s.last; k++ {
		v := &c[zigzag[k]]
		switch {
		case *v == 0 && zeros == 0:
			return k
		case *v == 0:
			zeros--
		case d.take(1) == 1 && *v>>s.low&1 == 0:
			if *v > 0 {
				*v += 1 << s.low
			} else {
				*v -= 1 << s.low
			}
		}
	}
	return k
}

// transform makes the samples of a progressive picture's component.
func (p *jpegPart) transform(ctx context.Context) {
	if p.quant == nil {
		return // no scan of it
	}
	parallel(ctx, p.down, 4, func(from, to int) {
		var c [64]int32
		for y := from; y < to; y++ {
			for x := range p.across {
				for k, v := range p.coeffs[(y*p.stride+x)*64:][:64] {
					c[k] = int32(v) * p.quant[k]
				}
				idct(p.plane.data[(y*p.plane.stride+x)*8:], p.plane.stride, &c)
			}
		}
	})
}
