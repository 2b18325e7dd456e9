package loader

import (
	"encoding/binary"
	"hash/crc32"
	"runtime"
	"sync"
	"unsafe"
)

// pieceBytes is how much of the file a core reads at a time; streamChunk divides it.
const pieceBytes = 4 << 20

// decode writes the elements that begin at byte from to dst, on all cores, and returns
// the checksum of their bytes if summed. Nothing is mapped: a file that shrinks while it is being
// read is an error, where it would be a fault of the whole program.
func (s *segment) decode(dst []float32, from int64, d DType, summed bool) (uint32, error) {
	item := int(d.Size())
	each := pieceBytes / item
	pieces := make(chan int, (len(dst)+each-1)/each)
	sums, errs := make([]uint32, cap(pieces)), make([]error, cap(pieces))
	for i := range cap(pieces) {
		pieces <- i
	}
	close(pieces)
	work := func() {
		var room []byte
		for i := range pieces {
			part := dst[i*each : min((i+1)*each, len(dst))]
			sums[i], errs[i] = s.piece(part, from+int64(i)*pieceBytes, d, summed, &room)
		}
	}
	var others sync.WaitGroup
	for range min(cap(pieces), runtime.GOMAXPROCS(0)) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	for i, err := range errs {
		if err != nil {
			return 0, err
		}
		if summed && i > 0 {
			sums[0] = joined(sums[0], sums[i], int64(min(each, len(dst)-i*each)*item))
		}
	}
	return sums[0], nil
}

// piece decodes the elements that begin at byte from. Bytes of float32 are read to where
// they belong, others through room, which is made when it is first needed.
func (s *segment) piece(dst []float32, from int64, d DType, summed bool, room *[]byte) (sum uint32, err error) {
	item := int(d.Size())
	asStored := d == Float32 && binary.NativeEndian.Uint16([]byte{1, 0}) == 1
	for len(dst) > 0 {
		part := dst[:min(len(dst), streamChunk/item)]
		dst = dst[len(part):]
		var bytes []byte
		if asStored {
			bytes = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(part))), len(part)*item)
		} else {
			if *room == nil {
				*room = make([]byte, min(streamChunk, (len(part)+len(dst))*item))
			}
			bytes = (*room)[:len(part)*item]
		}
		if n, err := s.r.ReadAt(bytes, s.offset+from); n < len(bytes) {
			return 0, readErr("tensor data", err)
		}
		from += int64(len(bytes))
		if summed {
			sum = crc32.Update(sum, crc32.IEEETable, bytes)
		}
		if !asStored {
			decode(part, bytes, d)
		}
	}
	return sum, nil
}

// joined is the checksum of some bytes and n more, whose own is second: the polynomial
// of the first is multiplied by x to the power of 8n, that of the second added.
func joined(first, second uint32, n int64) uint32 {
	power, square := uint32(1)<<31, uint32(1)<<23 // 1 and x to the power of 8
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			power = product(power, square)
		}
		square = product(square, square)
	}
	return product(first, power) ^ second
}

// product multiplies polynomials over two elements modulo that of CRC-32. The top bit is
// the coefficient of 1, the next that of x.
func product(a, b uint32) uint32 {
	var sum uint32
	for ; a != 0; a <<= 1 {
		if a>>31 != 0 {
			sum ^= b
		}
		b = b>>1 ^ b&1*crc32.IEEE // times x
	}
	return sum
}
