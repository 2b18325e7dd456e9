package synthetic

import "math"

// RoundFloat16 rounds every element to IEEE 754 binary16, to nearest even, in place: what a
// model sees whose checkpoint was stored in that type. From 65520 on it is infinity.
func RoundFloat16(data []float32) { round(data, 11, -24, 65504) }

// RoundBFloat16 rounds every element to bfloat16, likewise.
func RoundBFloat16(data []float32) { round(data, 8, -133, math.MaxFloat32) }

// round rounds to a number of significant bits, none worth less than two to the power of least;
// what is then above most is infinity. NaN stays NaN.
func round(data []float32, bits, least int, most float64) {
	for i, x := range data {
		_, exponent := math.Frexp(float64(x))
		step := math.Ldexp(1, max(exponent-bits, least))
		y := math.RoundToEven(float64(x)/step) * step
		if math.Abs(y) > most {
			y = math.Inf(int(math.Copysign(1, y)))
		}
		data[i] = float32(y)
	}
}
