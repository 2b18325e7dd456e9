package cpu

import "unsafe"

// aligned is memory for n floats that begins at a cache line: a vector load that crosses
// lines costs two. Go does not move what is on the heap.
func aligned(n int) []float32 {
	const spare = cacheLine / 4
	data := make([]float32, n+spare)
	skip := 0
	if off := int(uintptr(unsafe.Pointer(unsafe.SliceData(data))) % cacheLine); off != 0 {
		skip = (cacheLine - off) / 4
	}
	return data[skip:][:n:n]
}
