package synthetic

import "math"

// Float16 is x as IEEE 754 binary16: round to nearest even, subnormals kept,
// overflow to infinity from 65520 on, NaN stays NaN.
func Float16(x float32) uint16 {
	bits := math.Float32bits(x)
	sign, abs := uint16(bits>>16&0x8000), bits&0x7FFFFFFF
	switch {
	case abs > 0x7F800000: // NaN, made quiet so that its payload cannot vanish
		return sign | 0x7E00 | uint16(abs>>13&0x3FF)
	case abs >= 0x477FF000: // 65520, halfway between 65504 and the next step
		return sign | 0x7C00
	case abs < 0x38800000: // below 2^-14
		// Steps of 2^-24 are the float32 steps just above 0.5, so the addition
		// does the rounding.
		return sign | uint16(math.Float32bits(math.Float32frombits(abs)+0.5)-0x3F000000)
	}
	abs += 0xFFF + abs>>13&1
	return sign | uint16((abs-0x38000000)>>13)
}

// FromFloat16 widens a binary16 number; this is exact.
func FromFloat16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, frac := uint32(h>>10&0x1F), uint32(h&0x3FF)
	switch exp {
	case 0:
		abs := float32(frac) / (1 << 24)
		return math.Float32frombits(sign | math.Float32bits(abs))
	case 0x1F:
		return math.Float32frombits(sign | 0x7F800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// BFloat16 is x as bfloat16: the upper half of a float32, rounded to nearest
// even; NaN stays NaN.
func BFloat16(x float32) uint16 {
	bits := math.Float32bits(x)
	if bits&0x7FFFFFFF > 0x7F800000 {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7FFF + bits>>16&1) >> 16)
}

// FromBFloat16 widens a bfloat16 number; this is exact.
func FromBFloat16(h uint16) float32 {
	return math.Float32frombits(uint32(h) << 16)
}

// RoundFloat16 rounds every element to binary16 and widens it again, in place:
// what a model sees whose checkpoint was stored in that type.
func RoundFloat16(data []float32) {
	for i, x := range data {
		data[i] = FromFloat16(Float16(x))
	}
}

// RoundBFloat16 rounds every element to bfloat16 and widens it again, in
// place.
func RoundBFloat16(data []float32) {
	for i, x := range data {
		data[i] = FromBFloat16(BFloat16(x))
	}
}
