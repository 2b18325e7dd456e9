package loader

import "math"

// brainInf is the bfloat16 without end; what is above it is NaN.
const brainInf = 0x7f80

// roundBrain is the bfloat16, the upper half of a float32, nearest to x, ties to even. What is too large becomes
// infinite, NaN stays NaN.
func roundBrain(x float32) uint16 {
	b := math.Float32bits(x)
	if x != x {
		return uint16(b>>16) | 0x40 // a payload in the lower half alone would leave infinity
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}
