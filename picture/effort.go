package picture

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"image"
	"io"
)

// effort is what decoding a picture takes.
type effort struct {
	bytes  int64 // of memory, all that the decoder asks for, and the result
	scans  int   // times that the pixels are gone over
	length int64 // bytes of the file that belong to the picture; the decoder sees no others
}

// manyScans is how many scans a picture of the largest size may have: encoders make 10
// where libjpeg's choice of them is kept. A smaller one may have more.
const manyScans = 20

// allow refuses a picture that takes too much memory or work.
func (l Limits) allow(height, width int, e effort) error {
	if most := l.memory(); e.bytes > most {
		return &LimitError{Height: height, Width: width, Option: "MaxMemory", Limit: most, Need: e.bytes}
	}
	if most := l.pixels(); int64(e.scans)*int64(height)*int64(width)/manyScans > most {
		return &LimitError{Height: height, Width: width, Option: "MaxPixels", Limit: most, Need: int64(e.scans)}
	}
	return nil
}

// surveyGIF: one frame of indices, at most as large as the canvas, and once more where
// its rows are interlaced.
func surveyGIF(_ *bufio.Reader, size int64, cfg image.Config) (effort, error) {
	return effort{bytes: 2 * area(cfg), scans: 1, length: size}, nil
}

// surveyWebP: lossy, planes in whole blocks of 16 x 16; lossless, and what is see-through,
// 4 bytes a pixel, as much again for an image of indices or a filter, and tables.
func surveyWebP(r *bufio.Reader, size int64, cfg image.Config) (effort, error) {
	const lossless = 10
	e := effort{scans: 1, length: size}
	at := int64(12)
	if _, err := r.Discard(int(at)); err != nil {
		return e, err
	}
	for {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return e, err
		}
		at += int64(len(head))
		length := int64(binary.LittleEndian.Uint32(head[4:]))
		if length > size-at { // the decoder would take the memory first
			return e, io.ErrUnexpectedEOF
		}
		switch string(head[:4]) {
		case "VP8L":
			e.bytes += lossless * area(cfg)
			return e, nil
		case "VP8 ":
			blocks := int64((cfg.Width+15)/16) * int64((cfg.Height+15)/16)
			e.bytes += blocks*(16*16*3/2+16) + length
			return e, nil
		case "ALPH":
			e.bytes += (lossless + 1) * area(cfg)
		}
		length += length % 2
		if _, err := io.CopyN(io.Discard, r, length); err != nil {
			return e, err
		}
		at += length
	}
}

// resultBytes is the memory for each pixel of the picture that is made, and made again
// where it is stored in another orientation.
func resultBytes(orientation int) int64 {
	if orientation > 1 {
		return 3 + 3
	}
	return 3
}

// area is the number of pixels.
func area(cfg image.Config) int64 { return int64(cfg.Height) * int64(cfg.Width) }

// mebibytes is for error texts, rounded up.
func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", (n+1<<20-1)>>20) }
