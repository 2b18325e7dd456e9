package kernels

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/glipvk/glipvk/engine"
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

// half is the 16-bit float nearest to x, ties to even, as IEEE 754 rounds. What is too
// large becomes infinite, NaN stays NaN.
func half(x float32) uint16 {
	b := math.Float32bits(x)
	sign, exponent, fraction := uint16(b>>16&0x8000), int(b>>23&0xff)-127, b&0x7fffff
	switch {
	case exponent == 128 && fraction != 0:
		return sign | 0x7e00
	case exponent > 15:
		return sign | 0x7c00
	case exponent >= -14:
		return sign + uint16(exponent+15)<<10 + rounded(fraction, 13)
	case exponent >= -25:
		return sign + rounded(fraction|0x800000, uint(-exponent-1))
	}
	return sign
}

// rounded drops the low bits of x, to nearest, ties to even; a carry is meant to run over.
func rounded(x uint32, low uint) uint16 {
	kept, rest, tie := x>>low, x&(1<<low-1), uint32(1)<<(low-1)
	if rest > tie || rest == tie && kept&1 == 1 {
		kept++
	}
	return uint16(kept)
}

// halfBytes converts to 16-bit floats.
func halfBytes(f []float32) []byte {
	h := make([]uint16, len(f))
	for i, x := range f {
		h[i] = half(x)
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(h))), 2*len(h))
}
