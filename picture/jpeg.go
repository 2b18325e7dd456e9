package picture

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// jpegDecoder reads a JPEG picture: 8 bits, baseline, extended or progressive, with
// Huffman codes. It takes what libjpeg takes, see doc.go.
type jpegDecoder struct {
	jpegBits
	ctx      context.Context
	frame    *jpegFrame // nil before its segment
	quant    [4]*[64]int32
	huffman  [2][4]*jpegHuffman // of differences of the mean, and of the rest
	interval int                // groups of blocks between two restart markers; 0: there are none
	jfif     bool
	adobe    int                    // colour transform that Adobe's marker names; -1: none
	rgb      bool                   // three components are red, green, blue, whatever the file says
	check    func(*jpegFrame) error // refuses a frame; nil: none

	scan jpegScan // under way
}

// newJPEGDecoder makes a decoder of the picture at the start of r.
func newJPEGDecoder(ctx context.Context, r io.Reader) *jpegDecoder {
	d := &jpegDecoder{jpegBits: jpegBits{r: r, buf: make([]byte, 1<<14)}, ctx: ctx, adobe: -1}
	d.huffman = standardHuffman()
	return d
}

// decode reads the picture at the start of r, whose frame must be the one that the survey found: what that takes was bounded.
func (s *jpegSurvey) decode(ctx context.Context, r io.Reader) (Picture, error) {
	d := newJPEGDecoder(ctx, r)
	d.check = func(f *jpegFrame) error {
		if f.height != s.frame.height || f.width != s.frame.width || f.bytes() > s.frame.bytes() {
			return fmt.Errorf("a frame of %d x %d pixels (height x width) behind one of %d x %d", f.height, f.width, s.frame.height, s.frame.width)
		}
		return nil
	}
	return d.decode()
}

// decode reads the picture.
func (d *jpegDecoder) decode() (Picture, error) {
	for {
		d.seek()
		marker := d.marker
		d.marker = 0
		last := marker == jpegEOI
		if last && d.ended && !d.complete() {
			return Picture{}, d.failure()
		}
		if !last {
			var err error
			if last, err = d.segment(marker); err != nil {
				return Picture{}, err
			}
		}
		switch {
		case last && d.frame == nil:
			return Picture{}, errors.New("no frame before the end")
		case last:
			return d.picture()
		}
	}
}

// complete reports whether every sample came to its last bit: only then may the mark of
// the end be missing.
func (d *jpegDecoder) complete() bool {
	if d.frame == nil {
		return false
	}
	for i := range d.frame.parts {
		p := &d.frame.parts[i]
		if p.quant == nil {
			return false
		}
		for _, exact := range p.exact {
			if d.frame.progressive && !exact {
				return false
			}
		}
	}
	return true
}

// segment deals with a marker, and what follows it; last says that the picture is there.
func (d *jpegDecoder) segment(marker byte) (last bool, err error) {
	if isJPEGAlone(marker) {
		return false, nil
	}
	if marker < jpegFirstSOF {
		return false, fmt.Errorf("unknown marker 0xff%02x", marker)
	}
	var length [2]byte
	if err := d.read(length[:]); err != nil {
		return false, err
	}
	content := make([]byte, max(int(length[0])<<8+int(length[1])-2, 0))
	if err := d.read(content); err != nil {
		return false, err
	}
	switch {
	case marker == jpegDQT:
		return false, d.quantisers(content)
	case marker == jpegDHT:
		return false, d.codes(content)
	case isJPEGFrame(marker):
		if d.frame != nil {
			return false, errors.New("a second frame")
		}
		d.frame, err = newJPEGFrame(marker, content)
		if err == nil && d.check != nil {
			err = d.check(d.frame)
		}
		if err == nil {
			d.frame.allocate()
		}
		return false, err
	case marker == jpegDRI && len(content) == 2:
		d.interval = int(content[0])<<8 + int(content[1])
	case marker == jpegJFIF && len(content) >= 14 && string(content[:5]) == "JFIF\x00":
		d.jfif = true
	case marker == jpegAdobe && len(content) >= 12 && string(content[:5]) == "Adobe":
		d.adobe = int(content[11])
	case marker == jpegSOS:
		if err := d.startScan(content); err != nil {
			return false, err
		}
		if err := d.readScan(); err != nil {
			return false, err
		}
		return !d.frame.progressive && len(d.scan.parts) == len(d.frame.parts), nil
	}
	return false, nil
}

// quantisers reads the content of a segment that defines quantisation tables.
func (d *jpegDecoder) quantisers(content []byte) error {
	for len(content) > 0 {
		wide, table := int(content[0]>>4), content[0]&15
		size := 64 << wide
		if content = content[1:]; wide > 1 || table > 3 || len(content) < size {
			return errors.New("a damaged quantisation table")
		}
		q := new([64]int32)
		for i := range q {
			if q[zigzag[i]] = int32(content[i<<wide]); wide == 1 {
				q[zigzag[i]] = int32(content[2*i])<<8 + int32(content[2*i+1])
			}
		}
		d.quant[table] = q
		content = content[size:]
	}
	return nil
}

// codes reads the content of a segment that defines Huffman codes.
func (d *jpegDecoder) codes(content []byte) error {
	for len(content) > 0 {
		if len(content) < 17 || content[0]>>4 > 1 || content[0]&15 > 3 {
			return errHuffman
		}
		total := 0
		for _, n := range content[1:17] {
			total += int(n)
		}
		if total > 256 || len(content) < 17+total {
			return errHuffman
		}
		h, err := newHuffman(content[1:17], content[17:17+total])
		if err != nil {
			return err
		}
		d.huffman[content[0]>>4][content[0]&15] = h
		content = content[17+total:]
	}
	return nil
}

// picture makes the picture of the samples.
func (d *jpegDecoder) picture() (Picture, error) {
	if d.err != nil && !errors.Is(d.err, io.EOF) { // the rest could not be read
		return Picture{}, d.err
	}
	f := d.frame
	if f.progressive {
		for i := range f.parts {
			f.parts[i].transform(d.ctx)
		}
	}
	pic := newPicture(f.height, f.width)
	colour := d.colour()
	parallel(d.ctx, f.height, rowsPerPiece, func(from, to int) {
		rows := make([][]uint8, len(f.parts))
		for i := range rows {
			rows[i] = make([]uint8, f.width)
		}
		for y := from; y < to; y++ {
			for i := range f.parts {
				p := &f.parts[i]
				p.plane.upsample(rows[i], y, f.h/p.h, f.v/p.v)
			}
			colour(pic.row(y), rows)
		}
	})
	return pic, nil
}

// colour chooses how samples become red, green, blue, by libjpeg's rules, and of inks by
// OpenCV's formula.
func (d *jpegDecoder) colour() func(dst []uint8, rows [][]uint8) {
	parts := d.frame.parts
	switch len(parts) {
	case 1:
		return func(dst []uint8, rows [][]uint8) {
			for x, v := range rows[0] {
				dst[3*x], dst[3*x+1], dst[3*x+2] = v, v, v
			}
		}
	case 4:
		return func(dst []uint8, rows [][]uint8) { inkRow(dst, rows, d.adobe > 0) }
	}
	named := parts[0].id == 'R' && parts[1].id == 'G' && parts[2].id == 'B'
	if d.rgb || !d.jfif && (d.adobe == 0 || d.adobe < 0 && named) {
		return func(dst []uint8, rows [][]uint8) {
			for x := range rows[0] {
				dst[3*x], dst[3*x+1], dst[3*x+2] = rows[0][x], rows[1][x], rows[2][x]
			}
		}
	}
	return func(dst []uint8, rows [][]uint8) {
		luma, cb, cr := rows[0], rows[1][:len(rows[0])], rows[2][:len(rows[0])]
		for x, v := range luma {
			dst[3*x], dst[3*x+1], dst[3*x+2] = jpegRGB(int(v), int(cb[x]), int(cr[x]))
		}
	}
}

// inkRow turns inks, which a file stores inverted, into colours; luma says that the first
// three are stored as luma and chroma of the inverted inks.
func inkRow(dst []uint8, rows [][]uint8, luma bool) {
	for x := range rows[0] {
		c, m, y := rows[0][x], rows[1][x], rows[2][x]
		if luma {
			r, g, b := jpegRGB(int(c), int(m), int(y))
			c, m, y = 255-r, 255-g, 255-b
		}
		light := int(rows[3][x])
		for i, ink := range [3]uint8{c, m, y} {
			dst[3*x+i] = uint8(light - (255-int(ink))*light>>8)
		}
	}
}
