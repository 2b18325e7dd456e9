// Package float16 converts between float32 and the 16-bit floats of IEEE 754, which files and devices store.
package float16

import "math"

// Inf is the 16-bit float without end; what is above it is NaN.
const Inf = 0x7c00

// Round is the 16-bit float nearest to x, ties to even, as IEEE 754 rounds. What is too
// large becomes infinite, NaN stays NaN.
func Round(x float32) uint16 {
	b := math.Float32bits(x)
	sign, exponent, fraction := uint16(b>>16&0x8000), int(b>>23&0xff)-127, b&0x7fffff
	switch {
	case exponent == 128 && fraction != 0:
		return sign | 0x7e00
	case exponent > 15:
		return sign | Inf
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

// Widen is an IEEE 754 binary16 in 32 bits, exactly; NaN payloads are kept.
func Widen(h uint16) float32 {
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
