package picture

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/sbinet/npyio/npy"
)

// OpenNpy reads a NumPy file. See ReadNpy.
func OpenNpy(ctx context.Context, path string, l Limits) (*Picture, *Input, error) {
	f, info, err := open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	return ReadNpy(ctx, f, info.Size(), path, l)
}

// ReadNpy reads a NumPy array of size bytes from r. One of the results is not
// nil: uint8 of shape [H, W, 3] is a Picture (red, green, blue), float32 of
// shape [N, 3, H, W] is an Input, ready for the model. Either byte order and
// either memory order will do.
//
// Any other type or rank, a NaN or infinity, and a file that does not hold
// exactly what its header claims give an error that wraps ErrFormat; an array
// over the limits one that wraps ErrTooLarge. All this is checked before memory
// for the array is taken. The context is looked at between pieces of the file.
func ReadNpy(ctx context.Context, r io.ReaderAt, size int64, name string, l Limits) (*Picture, *Input, error) {
	fail := func(err error) (*Picture, *Input, error) {
		return nil, nil, fmt.Errorf("picture: %s: %w", name, err)
	}
	h, err := readNpyHeader(r, size)
	if err != nil {
		return fail(err)
	}
	data := pieces{ctx, io.NewSectionReader(r, h.offset, size-h.offset)}
	switch {
	case h.kind == "u1" && len(h.shape) == 3 && h.shape[2] == 3:
		if err := h.check(size, l, h.shape[0], h.shape[1], 1); err != nil {
			return fail(err)
		}
		pixels, err := h.bytes(data)
		if err != nil {
			return fail(err)
		}
		return &Picture{Height: h.shape[0], Width: h.shape[1], Pixels: pixels}, nil, nil
	case h.kind == "f4" && len(h.shape) == 4 && h.shape[1] == 3:
		if err := h.check(size, l, h.shape[2], h.shape[3], h.shape[0]); err != nil {
			return fail(err)
		}
		values, err := h.floats(data)
		if err != nil {
			return fail(err)
		}
		return nil, &Input{Batch: h.shape[0], Height: h.shape[2], Width: h.shape[3], Data: values}, nil
	}
	return fail(fmt.Errorf("an array of type %s and shape %v; expected uint8 [H, W, 3] (a picture) or float32 [N, 3, H, W] (a tensor): %w",
		h.typeName(), h.shape, ErrFormat))
}

// pieces reads a file in pieces of at most 1 MiB, none once its context is done.
type pieces struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (p pieces) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.r.Read(b[:min(len(b), 1<<20)])
}

// maxNpyHeader bounds the header text; real ones take about 120 bytes.
const maxNpyHeader = 1 << 16

// npyHeader is what the header of a NumPy file says.
type npyHeader struct {
	kind    string // type without byte order: u1, f4, ...
	big     bool   // big-endian
	fortran bool   // first index fastest
	shape   []int
	offset  int64 // of the data, in bytes
}

// readNpyHeader checks magic and header length against the file before
// anything is allocated, then has npyio parse the header.
func readNpyHeader(r io.ReaderAt, size int64) (npyHeader, error) {
	length, err := npyHeaderLength(r, size)
	if err != nil {
		return npyHeader{}, err
	}
	raw := make([]byte, length)
	if _, err := r.ReadAt(raw, 0); err != nil && !(errors.Is(err, io.EOF) && length == size) {
		return npyHeader{}, err
	}
	parsed, err := parseNpyHeader(raw)
	if err != nil {
		return npyHeader{}, fmt.Errorf("damaged NumPy header: %v: %w", err, ErrFormat)
	}
	kind := parsed.Descr.Type
	h := npyHeader{
		kind:    strings.TrimLeft(kind, "<>|="),
		big:     strings.HasPrefix(kind, ">"),
		fortran: parsed.Descr.Fortran,
		shape:   parsed.Descr.Shape,
		offset:  length,
	}
	return h, nil
}

// npyHeaderLength returns the number of bytes before the data.
func npyHeaderLength(r io.ReaderAt, size int64) (int64, error) {
	if size == 0 {
		return 0, fmt.Errorf("the file is empty: %w", ErrFormat)
	}
	head := make([]byte, 12)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return 0, err
	}
	head = head[:min(int64(n), size)]
	if !bytes.HasPrefix(head, npy.Magic[:]) || len(head) < 12 {
		return 0, fmt.Errorf("not a NumPy .npy file: %w", ErrFormat)
	}
	var length int64
	switch major := head[6]; major {
	case 1:
		length = 10 + int64(binary.LittleEndian.Uint16(head[8:]))
	case 2:
		length = 12 + int64(binary.LittleEndian.Uint32(head[8:]))
	default:
		return 0, fmt.Errorf("NumPy format version %d.%d; expected 1 or 2, save the array again with numpy.save: %w", major, head[7], ErrFormat)
	}
	if length > min(size, maxNpyHeader) {
		return 0, fmt.Errorf("a header of %d bytes in a file of %d bytes, the file is cut short or damaged: %w", length, size, ErrFormat)
	}
	return length, nil
}

// parseNpyHeader guards npyio's parser, which may panic on malformed text.
func parseNpyHeader(raw []byte) (h npy.Header, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("not the dictionary that numpy.save writes")
		}
	}()
	r, err := npy.NewReader(bytes.NewReader(raw))
	if err != nil {
		return npy.Header{}, err
	}
	return r.Header, nil
}

// typeName is the usual name of the element type.
func (h npyHeader) typeName() string {
	names := map[string]string{
		"b1": "bool", "u1": "uint8", "i1": "int8", "u2": "uint16", "i2": "int16", "u4": "uint32", "i4": "int32",
		"u8": "uint64", "i8": "int64", "f2": "float16", "f4": "float32", "f8": "float64",
	}
	if n, ok := names[h.kind]; ok {
		return n
	}
	return fmt.Sprintf("%q", h.kind)
}

// check compares the array with the limits and with the size of the file.
func (h npyHeader) check(size int64, l Limits, height, width, batch int) error {
	if err := l.check(batch, height, width); err != nil {
		return fmt.Errorf("an array of shape %v: %w", h.shape, err)
	}
	want := int64(h.count()) * h.elementSize()
	if have := size - h.offset; have != want {
		return fmt.Errorf("%d bytes of data where shape %v of %s takes %d, the file is cut short or damaged: %w",
			have, h.shape, h.typeName(), want, ErrFormat)
	}
	return nil
}

// count is the number of elements; the shape has passed the limits.
func (h npyHeader) count() int {
	n := 1
	for _, side := range h.shape {
		n *= side
	}
	return n
}

func (h npyHeader) elementSize() int64 {
	if h.kind == "f4" {
		return 4
	}
	return 1
}

// bytes reads a uint8 array in row-major order.
func (h npyHeader) bytes(r io.Reader) ([]uint8, error) {
	out := make([]uint8, h.count())
	if _, err := io.ReadFull(r, out); err != nil {
		return nil, err
	}
	if h.fortran {
		out = rowMajor(out, h.shape)
	}
	return out, nil
}

// floats reads a float32 array in row-major order and refuses NaN and infinity.
func (h npyHeader) floats(r io.Reader) ([]float32, error) {
	var order binary.ByteOrder = binary.LittleEndian
	if h.big {
		order = binary.BigEndian
	}
	out := make([]float32, h.count())
	buf := make([]byte, min(4*len(out), 1<<16))
	for done := 0; done < len(out); {
		chunk := buf[:min(4*(len(out)-done), len(buf))]
		if _, err := io.ReadFull(r, chunk); err != nil {
			return nil, err
		}
		for i := 0; i < len(chunk); i += 4 {
			out[done] = math.Float32frombits(order.Uint32(chunk[i:]))
			done++
		}
	}
	if h.fortran {
		out = rowMajor(out, h.shape)
	}
	for i, v := range out {
		if v-v != 0 { // NaN or infinity
			return nil, fmt.Errorf("element %v is %v, a model input must be finite: %w", unravel(i, h.shape), v, ErrFormat)
		}
	}
	return out, nil
}

// rowMajor reorders an array stored with its first index fastest.
func rowMajor[T any](data []T, shape []int) []T {
	strides := make([]int, len(shape))
	step := 1
	for axis, side := range shape {
		strides[axis] = step
		step *= side
	}
	out := make([]T, len(data))
	index := make([]int, len(shape))
	from := 0
	for i := range out {
		out[i] = data[from]
		for axis := len(shape) - 1; axis >= 0; axis-- {
			index[axis]++
			from += strides[axis]
			if index[axis] < shape[axis] {
				break
			}
			from -= index[axis] * strides[axis]
			index[axis] = 0
		}
	}
	return out
}

// unravel turns a row-major position into an index for each axis.
func unravel(i int, shape []int) []int {
	index := make([]int, len(shape))
	for axis, side := range slices.Backward(shape) {
		index[axis], i = i%side, i/side
	}
	return index
}
