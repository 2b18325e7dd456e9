package kernels

import (
	"fmt"
	"unsafe"

	"github.com/glipvk/glipvk/engine"
	"github.com/glipvk/glipvk/internal/float16"
)

// Precision says how weights and the values between joined operations are stored.
// Products accumulate, and norms, softmax and the residual stream are, in 32 bits always.
type Precision string

const (
	// F32 stores 32-bit floats. It is the default.
	F32 Precision = "f32"
	// F16 stores the matrices of linear layers, and what joined operations hand to one
	// another, as 16-bit floats: half the memory, a relative L2 error near 1e-3.
	F16 Precision = "f16"
	// Auto is F16 on graphics cards that store 16-bit values, else F32.
	Auto Precision = "auto"
)

// Settle says which precision a device gets for the wanted one, "" being F32, and why
// where that is not simply what was asked for. Every device can do F16: two values lie in a
// word, which shaders take apart themselves. The error is for an unknown name.
func Settle(info engine.Info, want Precision) (got Precision, why string, err error) {
	switch want {
	case "", F32:
		return F32, "", nil
	case F16:
		return F16, "", nil
	case Auto:
		switch {
		case info.Kind == "cpu":
			return F32, "on a software driver 16-bit values save memory, not time", nil
		case !info.Caps.Storage16:
			return F32, fmt.Sprintf("%s has no 16-bit storage and would gain nothing", info.Name), nil
		}
		return F16, fmt.Sprintf("%s has 16-bit storage", info.Name), nil
	}
	return "", "", fmt.Errorf("kernels: no precision is called %q; there are %q, %q and %q", want, F32, F16, Auto)
}

// mostHalf is the greatest finite 16-bit float.
const mostHalf = 65504

// halfBytes converts to 16-bit floats.
func halfBytes(f []float32) []byte {
	h := make([]uint16, len(f))
	for i, x := range f {
		h[i] = float16.Round(x)
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(h))), 2*len(h))
}
