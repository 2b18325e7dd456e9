package loader

import (
	"encoding/binary"
	"math"
)

// DType names an element type as PyTorch does, without the "torch." in front.
type DType string

// Element types found in checkpoints. All but the complex and 8-bit float
// ones are widened or rounded to float32 by [Checkpoint.Tensor].
const (
	Float32    DType = "float32"
	Float64    DType = "float64"
	Float16    DType = "float16"
	BFloat16   DType = "bfloat16"
	Int64      DType = "int64"
	Int32      DType = "int32"
	Int16      DType = "int16"
	Int8       DType = "int8"
	Uint64     DType = "uint64"
	Uint32     DType = "uint32"
	Uint16     DType = "uint16"
	Uint8      DType = "uint8"
	Bool       DType = "bool"
	Float8E5M2 DType = "float8_e5m2"
	Float8E4M3 DType = "float8_e4m3fn"
	Complex64  DType = "complex64"
	Complex128 DType = "complex128"
)

// Size returns the bytes of one element, 0 for an unknown type.
func (d DType) Size() int64 {
	switch d {
	case Uint8, Int8, Bool, Float8E5M2, Float8E4M3:
		return 1
	case Float16, BFloat16, Int16, Uint16:
		return 2
	case Float32, Int32, Uint32:
		return 4
	case Float64, Int64, Uint64, Complex64:
		return 8
	case Complex128:
		return 16
	}
	return 0
}

// readable says whether decode knows the type.
func (d DType) readable() bool {
	switch d {
	case Float8E5M2, Float8E4M3, Complex64, Complex128:
		return false
	}
	return d.Size() > 0
}

// decode widens or rounds (to nearest even) little-endian elements to float32.
// len(src) is len(dst) times the element size.
func decode(dst []float32, src []byte, d DType) {
	le := binary.LittleEndian
	switch d {
	case Float32:
		for i := range dst {
			dst[i] = math.Float32frombits(le.Uint32(src[4*i:]))
		}
	case Float64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(le.Uint64(src[8*i:])))
		}
	case Float16:
		for i := range dst {
			dst[i] = halfToFloat32(le.Uint16(src[2*i:]))
		}
	case BFloat16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(le.Uint16(src[2*i:])) << 16)
		}
	default:
		decodeInteger(dst, src, d)
	}
}

func decodeInteger(dst []float32, src []byte, d DType) {
	le := binary.LittleEndian
	for i := range dst {
		switch d {
		case Int64:
			dst[i] = float32(int64(le.Uint64(src[8*i:])))
		case Uint64:
			dst[i] = float32(le.Uint64(src[8*i:]))
		case Int32:
			dst[i] = float32(int32(le.Uint32(src[4*i:])))
		case Uint32:
			dst[i] = float32(le.Uint32(src[4*i:]))
		case Int16:
			dst[i] = float32(int16(le.Uint16(src[2*i:])))
		case Uint16:
			dst[i] = float32(le.Uint16(src[2*i:]))
		case Int8:
			dst[i] = float32(int8(src[i]))
		case Uint8:
			dst[i] = float32(src[i])
		case Bool:
			dst[i] = 0
			if src[i] != 0 {
				dst[i] = 1
			}
		}
	}
}

// halfToFloat32 widens an IEEE 754 binary16, exactly; NaN payloads are kept.
func halfToFloat32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp := uint32(h>>10) & 0x1f
	frac := uint32(h & 0x3ff)
	switch exp {
	case 0x1f: // infinity, NaN
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	case 0: // zero, subnormal: frac * 2^-24 is exact in float32
		f := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(sign | math.Float32bits(f))
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}
