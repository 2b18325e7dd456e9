package loader

import (
	"encoding/binary"
	"math"

	"github.com/glipvk/glipvk/internal/float16"
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

// dtypes are the element types by their names elsewhere: torch's class of a storage, its other
// name for the type, and that of safetensors.
var dtypes = map[DType]struct {
	size                        int64
	storage, alias, safetensors string
}{
	Float32: {4, "FloatStorage", "float", "F32"}, Float64: {8, "DoubleStorage", "double", "F64"},
	Float16: {2, "HalfStorage", "half", "F16"}, BFloat16: {2, "BFloat16Storage", "", "BF16"},
	Int64: {8, "LongStorage", "long", "I64"}, Int32: {4, "IntStorage", "int", "I32"},
	Int16: {2, "ShortStorage", "short", "I16"}, Int8: {1, "CharStorage", "", "I8"},
	Uint64: {8, "", "", "U64"}, Uint32: {4, "", "", "U32"}, Uint16: {2, "", "", "U16"}, Uint8: {1, "ByteStorage", "", "U8"},
	Bool: {1, "BoolStorage", "", "BOOL"}, Float8E5M2: {1, "", "", "F8_E5M2"}, Float8E4M3: {1, "", "", "F8_E4M3"},
	Complex64: {8, "ComplexFloatStorage", "", ""}, Complex128: {16, "ComplexDoubleStorage", "", ""},
}

// Size returns the bytes of one element, 0 for an unknown type.
func (d DType) Size() int64 { return dtypes[d].size }

// storageDType maps torch.<X>Storage to its element type, torchDType a dtype attribute of the
// torch module, safetensorsDType a name of that format; "" for anything else.
func storageDType(name string) DType {
	return dtypeWhere(name, func(d DType) string { return dtypes[d].storage })
}

func torchDType(name string) DType {
	if dtypes[DType(name)].size > 0 {
		return DType(name)
	}
	return dtypeWhere(name, func(d DType) string { return dtypes[d].alias })
}

func safetensorsDType(name string) DType {
	return dtypeWhere(name, func(d DType) string { return dtypes[d].safetensors })
}

func dtypeWhere(name string, called func(DType) string) DType {
	for d := range dtypes {
		if name != "" && called(d) == name {
			return d
		}
	}
	return ""
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
			dst[i] = float16.Widen(le.Uint16(src[2*i:]))
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
