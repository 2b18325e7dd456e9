package cpu

import "unsafe"

// cacheLine is the number of bytes in one; values begin at lines. lineFloats is that of floats.
const (
	cacheLine  = 64
	lineFloats = cacheLine / 4
)

// aligned is memory for n floats that begins at a cache line: a vector load that crosses
// lines costs two. Go does not move what is on the heap. Much of it comes in large pages where the system has them.
func aligned(n int) []float32 {
	data := make([]float32, n+lineFloats)
	skip := 0
	if off := int(uintptr(unsafe.Pointer(unsafe.SliceData(data))) % cacheLine); off != 0 {
		skip = (cacheLine - off) / 4
	}
	data = data[skip:][:n:n]
	if 4*n >= 2*largePage {
		inLargePages(data)
	}
	return data
}

// largePage is the size of one in bytes.
const largePage = 2 << 20
