package cpu

import (
	"syscall"
	"unsafe"
)

// inLargePages asks the system to back memory that nobody has touched yet by large pages: it is had in a fraction of the time,
// and products find more of it. It is as good without.
func inLargePages(data []float32) {
	const advice = 14 // MADV_HUGEPAGE
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), 4*len(data))
	skip := (largePage - int(uintptr(unsafe.Pointer(unsafe.SliceData(bytes)))%largePage)) % largePage
	_ = syscall.Madvise(bytes[skip:][:(len(bytes)-skip)/largePage*largePage], advice)
}
