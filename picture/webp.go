package picture

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"io"

	"golang.org/x/image/webp"
)

// webpFrame is where a WebP file has its picture, or the first one of an animation.
type webpFrame struct {
	kind          string // VP8 or VP8L, the name of its chunk
	at, length    int64  // of the chunk's content in the file
	offset        image.Point
	height, width int // of the canvas: an animation's, or the picture
}

// The head of a chunk of a RIFF file.
const riffHead = 8

// beginWebP looks for the picture; data of transparency and colour are left alone.
func beginWebP(s *source, size int64) (job, error) {
	r := s.buffer
	const start = riffHead + 4
	if _, err := r.Discard(start); err != nil {
		return job{}, err
	}
	f, err := findWebP(r, start, size)
	if err != nil {
		return job{}, err
	}
	cfg, err := webp.DecodeConfig(f.alone(r))
	if err != nil {
		return job{}, err
	}
	if f.height == 0 {
		f.height, f.width = cfg.Height, cfg.Width
	}
	height, width := int64(cfg.Height), int64(cfg.Width)
	j := job{height: f.height, width: f.width, effort: effort{scans: 1, length: f.at + f.length}, turn: 1, decode: f.decode}
	// Lossy, planes in whole blocks of 16 x 16; lossless, 4 bytes a pixel, as much again for
	// an image of indices or a filter, and tables.
	const lossless = 10
	if f.kind == "VP8L" {
		j.effort.bytes = lossless * height * width
	} else {
		j.effort.bytes = (width+15)/16*((height+15)/16)*(16*16*3/2+16) + f.length
	}
	return j, nil
}

// findWebP goes through the chunks of a file of so many bytes, from one that begins at
// at, up to the content of the first picture.
func findWebP(r *bufio.Reader, at, size int64) (*webpFrame, error) {
	const canvasSize, frameSize = 10, 16
	f := &webpFrame{}
	for {
		var head [riffHead]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, err
		}
		at += riffHead
		length := int64(binary.LittleEndian.Uint32(head[4:]))
		if length > size-at { // the decoder would take the memory first
			return nil, io.ErrUnexpectedEOF
		}
		f.kind, f.at, f.length = string(head[:4]), at, length
		var content []byte
		switch {
		case f.kind == "VP8 ", f.kind == "VP8L":
			return f, nil
		case f.kind == "VP8X" && length >= canvasSize:
			content = make([]byte, canvasSize)
		case f.kind == "ANMF" && length >= frameSize:
			content = make([]byte, frameSize)
		}
		if _, err := io.ReadFull(r, content); err != nil {
			return nil, err
		}
		if f.kind == "VP8X" && len(content) > 0 && content[0]&2 != 0 {
			f.width, f.height = 1+uint24(content[4:]), 1+uint24(content[7:])
		}
		at += int64(len(content))
		if f.kind == "ANMF" && len(content) > 0 { // the picture's chunks follow within
			f.offset = image.Pt(2*uint24(content), 2*uint24(content[3:]))
			continue
		}
		rest := length + length%2 - int64(len(content))
		if _, err := io.CopyN(io.Discard, r, rest); err != nil {
			return nil, err
		}
		at += rest
	}
}

// uint24 is a number of 3 bytes.
func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// alone is the picture as a file of its own, where r stands at its content.
func (f *webpFrame) alone(r io.Reader) io.Reader {
	even := uint32(f.length + f.length%2)
	head := binary.LittleEndian.AppendUint32([]byte("RIFF"), 4+riffHead+even)
	head = append(head, "WEBP"+f.kind...)
	head = binary.LittleEndian.AppendUint32(head, uint32(f.length))
	return io.MultiReader(bytes.NewReader(head), io.LimitReader(r, f.length), bytes.NewReader(make([]byte, f.length%2)))
}

// decode reads the picture.
func (f *webpFrame) decode(ctx context.Context, file io.Reader) (Picture, error) {
	if _, err := io.CopyN(io.Discard, file, f.at); err != nil {
		return Picture{}, err
	}
	img, err := webp.Decode(f.alone(file))
	if err != nil {
		return Picture{}, err
	}
	if !img.Bounds().Add(f.offset).In(image.Rect(0, 0, f.width, f.height)) {
		return Picture{}, errors.New("a frame that reaches over its canvas")
	}
	return fromImage(ctx, img, f.offset, f.height, f.width)
}
