package picture

import (
	"fmt"

	"github.com/glipvk/glipvk/internal/memory"
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
	return memory.Want(e.bytes, "what it is decoded in")
}

// resultBytes is the memory for each pixel of the picture that is made, and made again
// where it is stored in another orientation.
func resultBytes(orientation int) int64 {
	if orientation > 1 {
		return 3 + 3
	}
	return 3
}

// mebibytes is for error texts, rounded up.
func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", (n+1<<20-1)>>20) }
