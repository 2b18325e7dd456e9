package loader

import (
	"hash/crc32"
	"io"
	"math"
	"sync"
)

// Limits on what a file may declare.
const (
	maxRank     = 8
	streamChunk = 1 << 18 // bytes that a core holds while a tensor is decoded
)

// TensorInfo describes a tensor without reading it.
type TensorInfo struct {
	Name    string // as it stands in the file
	DType   DType
	Shape   []int  // rank 0 for a scalar; a size may be 0
	Strides []int  // in elements, one per dimension
	Offset  int64  // of the first element in its storage, in elements
	Storage string // key of the storage; tensors of one key share bytes
	Bytes   int64  // elements times element size, whatever the storage holds
}

// segment is a run of bytes of the file: one storage.
type segment struct {
	r      io.ReaderAt
	offset int64 // in bytes
	size   int64 // in bytes
	crc    uint32
	hasCRC bool

	mu       sync.Mutex
	verified bool
}

// stream passes the bytes of the segment to sink, in order, in pieces of at most
// streamChunk bytes.
func (s *segment) stream(sink func([]byte)) error {
	buf := make([]byte, min(s.size, streamChunk))
	for done := int64(0); done < s.size; {
		piece := buf[:min(s.size-done, int64(len(buf)))]
		if m, err := s.r.ReadAt(piece, s.offset+done); m < len(piece) {
			return readErr("tensor data", err)
		}
		sink(piece)
		done += int64(len(piece))
	}
	return nil
}

// verify checks the checksum of the whole segment, once.
func (s *segment) verify() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.hasCRC || s.verified {
		return nil
	}
	sum := crc32.NewIEEE()
	if err := s.stream(func(b []byte) { sum.Write(b) }); err != nil {
		return err
	}
	return s.settle(sum.Sum32())
}

// settle compares a computed checksum with the recorded one.
func (s *segment) settle(sum uint32) error {
	if sum != s.crc {
		return formatErr("the bytes have checksum %08x, the archive recorded %08x: the file was damaged; copy or download it again", sum, s.crc)
	}
	s.verified = true
	return nil
}

// tensor is a tensor of the chosen dictionary, checked against its storage.
type tensor struct {
	info TensorInfo
	base int64 // first element within the segment, in elements (storage views of old files)
	seg  *segment
}

// newTensor checks a description against the bytes that exist. numel is the
// number of elements its storage (or storage view) declares.
func newTensor(info TensorInfo, seg *segment, base, numel, fileSize int64) (*tensor, error) {
	if err := checkLayout(&info, numel, fileSize); err != nil {
		return nil, err
	}
	return &tensor{info: info, base: base, seg: seg}, nil
}

// checkLayout refuses shapes, strides and offsets that leave the storage, wrap
// around, or would make more data than the file holds. It sets info.Bytes.
func checkLayout(info *TensorInfo, numel, fileSize int64) error {
	item := info.DType.Size()
	if len(info.Shape) != len(info.Strides) {
		return formatErr("it has %d sizes and %d strides", len(info.Shape), len(info.Strides))
	}
	if len(info.Shape) > maxRank {
		return formatErr("rank %d exceeds %d", len(info.Shape), maxRank)
	}
	if info.Offset < 0 {
		return formatErr("storage offset %d is negative", info.Offset)
	}
	count, last, empty := int64(1), info.Offset, false
	for d, size := range info.Shape {
		stride := int64(info.Strides[d])
		if size < 0 || stride < 0 {
			return formatErr("shape %v with strides %v: negative numbers make no sense", info.Shape, info.Strides)
		}
		if size == 0 {
			empty = true
			continue
		}
		var ok bool
		if count, ok = mul(count, int64(size)); !ok {
			return formatErr("shape %v overflows", info.Shape)
		}
		step, ok := mul(int64(size)-1, stride)
		if !ok || step > math.MaxInt64-last {
			return formatErr("shape %v with strides %v overflows", info.Shape, info.Strides)
		}
		last += step
	}
	if empty {
		info.Bytes = 0
		return nil
	}
	if last >= numel {
		return formatErr("shape %v with strides %v at offset %d reaches element %d of a storage of %d", info.Shape, info.Strides, info.Offset, last, numel)
	}
	bytes, ok := mul(count, item)
	if !ok || bytes > fileSize {
		return formatErr("shape %v of %s needs more bytes than the file has (%d)", info.Shape, info.DType, fileSize)
	}
	info.Bytes = bytes
	return nil
}

// mul multiplies non-negative numbers and reports whether the result fits.
func mul(a, b int64) (int64, bool) {
	if a != 0 && b > math.MaxInt64/a {
		return 0, false
	}
	return a * b, true
}

// elements is the number of elements.
func (t *tensor) elements() int { return int(t.info.Bytes / max(t.info.DType.Size(), 1)) }

// read writes the elements to out in row-major order.
func (t *tensor) read(out []float32, skipCRC bool) error {
	switch {
	case !t.info.DType.readable():
		return formatErr("elements of type %s are not supported; convert the tensor to float32 and save again", t.info.DType)
	case len(out) != t.elements():
		return formatErr("shape %v has %d elements, %d were asked for", t.info.Shape, t.elements(), len(out))
	case len(out) == 0:
		return nil
	}
	first := t.base + t.info.Offset
	if contiguous(t.info.Shape, t.info.Strides) {
		return t.readRun(out, first, skipCRC)
	}
	span := int64(1)
	for d, size := range t.info.Shape {
		span += int64(size-1) * int64(t.info.Strides[d])
	}
	run := make([]float32, span)
	if err := t.readRun(run, first, skipCRC); err != nil {
		return err
	}
	gather(out, run, t.info.Shape, t.info.Strides)
	return nil
}

// readRun decodes len(dst) consecutive elements starting at element first of the
// segment. The checksum is that of the whole segment; where dst is all of it, which is
// usual, it is verified in the same pass.
func (t *tensor) readRun(dst []float32, first int64, skipCRC bool) error {
	s, item := t.seg, t.info.DType.Size()
	whole := first == 0 && int64(len(dst))*item == s.size
	if !skipCRC && !whole {
		if err := s.verify(); err != nil {
			return err
		}
	}
	summed := whole && s.hasCRC && !skipCRC
	sum, err := s.decode(dst, first*item, t.info.DType, summed)
	if err != nil || !summed {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settle(sum)
}

// contiguous says whether the strides are those of a row-major array; the
// stride of a dimension of size 1 does not matter.
func contiguous(shape, strides []int) bool {
	want := 1
	for d := len(shape) - 1; d >= 0; d-- {
		if shape[d] != 1 && strides[d] != want {
			return false
		}
		want *= shape[d]
	}
	return true
}

// rowMajor returns the strides of a contiguous array.
func rowMajor(shape []int) []int {
	strides := make([]int, len(shape))
	step := 1
	for d := len(shape) - 1; d >= 0; d-- {
		strides[d] = step
		step *= max(shape[d], 1)
	}
	return strides
}

// gather copies a strided view of src into dst, row-major.
func gather(dst, src []float32, shape, strides []int) {
	index := make([]int, len(shape))
	at := 0
	for i := range dst {
		dst[i] = src[at]
		for d := len(shape) - 1; d >= 0; d-- {
			index[d]++
			at += strides[d]
			if index[d] < shape[d] {
				break
			}
			at -= shape[d] * strides[d]
			index[d] = 0
		}
	}
}
