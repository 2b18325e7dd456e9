package picture

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// tiffTags are the tags that are looked at, by number.
const (
	tiffWidth       = 256
	tiffHeight      = 257
	tiffBits        = 258
	tiffCompression = 259
	tiffColour      = 262
	tiffFillOrder   = 266
	tiffStrips      = 273
	tiffOrientation = 274
	tiffSamples     = 277
	tiffStripRows   = 278
	tiffStripBytes  = 279
	tiffPlanes      = 284
	tiffFaxOptions  = 292
	tiffPredictor   = 317
	tiffPalette     = 320
	tiffTileWidth   = 322
	tiffTileHeight  = 323
	tiffTiles       = 324
	tiffTileBytes   = 325
	tiffFormat      = 339
	tiffJPEGTables  = 347
)

// Kinds of colour of TIFF.
const (
	tiffWhiteIsZero = 0
	tiffBlackIsZero = 1
	tiffRGB         = 2
	tiffPaletted    = 3
	tiffCMYK        = 5
	tiffYCbCr       = 6
)

// tiffDecoder is the memory for undoing the compression of a segment.
const tiffDecoder = 64 << 10

// tiffFile is the first picture of a TIFF file.
type tiffFile struct {
	s     *source
	size  int64
	order binary.ByteOrder
	tags  map[int][]uint32

	height, width  int
	bits, samples  int // of a sample, and of a pixel
	colour         int
	compression    int
	separate       bool // each sample has segments of its own
	predicted      bool // a sample is stored as the difference to the one before
	tileH, tileW   int  // of a segment
	across, down   int  // segments
	offsets, bytes []uint32
}

// beginTIFF reads the directory of the first picture, which may stand anywhere.
func beginTIFF(s *source, size int64) (job, error) {
	t := &tiffFile{s: s, size: size, order: binary.LittleEndian}
	var head [8]byte
	if _, err := io.ReadFull(s.buffer, head[:]); err != nil {
		return job{}, err
	}
	if head[0] == 'M' {
		t.order = binary.BigEndian
	}
	if err := t.readTags(int64(t.order.Uint32(head[4:]))); err != nil {
		return job{}, err
	}
	if err := t.layOut(); err != nil {
		return job{}, err
	}
	turn := int(t.tag(tiffOrientation, 1))
	if turn < 1 || turn > 8 {
		turn = 1
	}
	// For each segment a row, and where it is compressed the decoder, or where it is a JPEG
	// picture, one of these.
	segment := int64(t.tileW) * int64(t.samples) * int64(t.bits/8+1)
	switch t.compression {
	case tiffPlain, tiffPackBits:
	case tiffJPEG:
		segment = 6*(int64(t.tileW)+16)*(int64(t.tileH)+16) + tiffDecoder
	default:
		segment += tiffDecoder
	}
	work := int64(t.across) * int64(t.tileW) * int64(t.down) * int64(t.tileH)
	if t.compression != tiffJPEG {
		work = int64(t.across) * int64(t.tileW) * int64(t.height)
	}
	scans := 1
	if t.height > 0 && t.width > 0 {
		scans = int(max(work/int64(t.height)/int64(t.width), 1))
	}
	return job{height: t.height, width: t.width, effort: effort{bytes: segment * int64(t.across) * int64(t.down), scans: scans, length: size}, turn: turn,
		decode: func(ctx context.Context, _ io.Reader) (Picture, error) { return t.decode(ctx) }}, nil
}

// section is a reader of a part of the file.
func (t *tiffFile) section(at, length int64) (*bufio.Reader, error) {
	if at > t.size || length > t.size-at {
		return nil, io.ErrUnexpectedEOF
	}
	if _, err := t.s.Seek(at, io.SeekStart); err != nil {
		return nil, err
	}
	t.s.buffer.Reset(io.LimitReader(t.s, length))
	return t.s.buffer, nil
}

// readTags reads a directory of tags whose values are whole numbers.
func (t *tiffFile) readTags(at int64) error {
	const entrySize, most = 12, 1 << 20 // bytes, values of a tag
	var count [2]byte
	r, err := t.section(at, 2)
	if err != nil {
		return err
	}
	if _, err := io.ReadFull(r, count[:]); err != nil {
		return err
	}
	entries := make([]byte, entrySize*int(t.order.Uint16(count[:])))
	if r, err = t.section(at+2, int64(len(entries))); err != nil {
		return err
	}
	if _, err := io.ReadFull(r, entries); err != nil {
		return err
	}
	t.tags = map[int][]uint32{}
	for ; len(entries) > 0; entries = entries[entrySize:] {
		tag, kind, n := int(t.order.Uint16(entries)), t.order.Uint16(entries[2:]), int64(t.order.Uint32(entries[4:]))
		wide := map[uint16]int64{1: 1, 3: 2, 4: 4, 7: 1}[kind] // bytes of a value
		if _, known := tiffKnown[tag]; !known || wide == 0 {
			continue
		}
		if n > most {
			return fmt.Errorf("tag %d has %d values", tag, n)
		}
		content := entries[8:12]
		if n*wide > 4 {
			if r, err = t.section(int64(t.order.Uint32(content)), n*wide); err != nil {
				return err
			}
			content = make([]byte, n*wide)
			if _, err := io.ReadFull(r, content); err != nil {
				return err
			}
		}
		values := make([]uint32, n)
		for i := range values {
			switch wide {
			case 1:
				values[i] = uint32(content[i])
			case 2:
				values[i] = uint32(t.order.Uint16(content[2*i:]))
			default:
				values[i] = t.order.Uint32(content[4*i:])
			}
		}
		t.tags[tag] = values
	}
	return nil
}

// tiffKnown are the tags that are kept.
var tiffKnown = map[int]struct{}{
	tiffWidth: {}, tiffHeight: {}, tiffBits: {}, tiffCompression: {}, tiffColour: {}, tiffFillOrder: {}, tiffStrips: {}, tiffOrientation: {},
	tiffSamples: {}, tiffStripRows: {}, tiffStripBytes: {}, tiffPlanes: {}, tiffFaxOptions: {}, tiffPredictor: {}, tiffPalette: {},
	tiffTileWidth: {}, tiffTileHeight: {}, tiffTiles: {}, tiffTileBytes: {}, tiffFormat: {}, tiffJPEGTables: {},
}

// tag is the first value of a tag, or what is meant where it is missing.
func (t *tiffFile) tag(tag int, missing uint32) uint32 {
	if v := t.tags[tag]; len(v) > 0 {
		return v[0]
	}
	return missing
}

// layOut finds sizes and segments, and refuses what is not read.
func (t *tiffFile) layOut() error {
	const most = 1 << 24 // of a side; Limits says less
	for _, tag := range []int{tiffWidth, tiffHeight, tiffTileWidth, tiffTileHeight} {
		if v := t.tag(tag, 0); v > most {
			return fmt.Errorf("tag %d is %d", tag, v)
		}
	}
	t.height, t.width = int(t.tag(tiffHeight, 0)), int(t.tag(tiffWidth, 0))
	t.compression, t.colour = int(t.tag(tiffCompression, 1)), int(t.tag(tiffColour, tiffBlackIsZero))
	t.samples, t.bits = int(t.tag(tiffSamples, 1)), int(t.tag(tiffBits, 1))
	t.separate, t.predicted = t.tag(tiffPlanes, 1) == 2 && t.samples > 1, t.tag(tiffPredictor, 1) == 2
	if err := t.check(); err != nil {
		return err
	}
	t.tileH, t.tileW = int(min(t.tag(tiffStripRows, most), uint32(max(t.height, 1)))), t.width
	t.offsets, t.bytes = t.tags[tiffStrips], t.tags[tiffStripBytes]
	if tiles := t.tags[tiffTiles]; tiles != nil {
		t.tileH, t.tileW = int(t.tag(tiffTileHeight, 0)), int(t.tag(tiffTileWidth, 0))
		t.offsets, t.bytes = tiles, t.tags[tiffTileBytes]
	}
	if t.height == 0 || t.width == 0 {
		return nil // Limits refuses it
	}
	if t.tileH == 0 || t.tileW == 0 {
		return errors.New("segments without a size")
	}
	t.across, t.down = (t.width+t.tileW-1)/t.tileW, (t.height+t.tileH-1)/t.tileH
	planes := 1
	if t.separate {
		planes = t.samples
	}
	if t.bytes == nil && len(t.offsets) == 1 && t.compression == tiffPlain {
		t.bytes = []uint32{uint32(min(t.size-min(int64(t.offsets[0]), t.size), 1<<32-1))}
	}
	if need := int64(t.across) * int64(t.down) * int64(planes); int64(len(t.offsets)) < need || int64(len(t.bytes)) < need {
		return fmt.Errorf("%d segments of pixels, want %d", min(len(t.offsets), len(t.bytes)), need)
	}
	return nil
}

// check refuses kinds of pixels that are not read.
func (t *tiffFile) check() error {
	for _, bits := range t.tags[tiffBits] {
		if int(bits) != t.bits {
			return errors.New("samples of different sizes are not read")
		}
	}
	if v := t.tag(tiffFormat, 1); v != 1 && v != 4 || t.bits > 16 {
		return fmt.Errorf("samples of %d bits of format %d (1 whole, 2 signed, 3 floating point) are not read: save it with 8 bits", t.bits, v)
	}
	ok, least := false, 1
	switch t.colour {
	case tiffWhiteIsZero, tiffBlackIsZero:
		ok = t.bits == 1 || t.bits == 2 || t.bits == 4 || t.bits == 8 || t.bits == 16
	case tiffPaletted:
		ok = (t.bits == 1 || t.bits == 2 || t.bits == 4 || t.bits == 8) && len(t.tags[tiffPalette]) >= 3<<t.bits
	case tiffRGB:
		ok, least = t.bits == 8 || t.bits == 16, 3
	case tiffCMYK:
		ok, least = (t.bits == 8 || t.bits == 16) && !t.separate, 4
	case tiffYCbCr:
		ok, least = t.compression == tiffJPEG && t.bits == 8, 3
	}
	if !ok || t.samples < least || t.samples > 16 || t.bits < 8 && t.samples > 1 {
		return fmt.Errorf("%d samples of %d bits of colour kind %d are not read: save it as RGB with 8 bits", t.samples, t.bits, t.colour)
	}
	if v := t.tag(tiffPredictor, 1); v > 2 || v == 2 && t.bits < 8 {
		return fmt.Errorf("predictor %d with samples of %d bits is not read", v, t.bits)
	}
	return t.checkCompression()
}
