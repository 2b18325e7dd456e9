package cpuref

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// mostHalf is the largest finite 16-bit float.
const mostHalf = 65504

func packHalves(y, x tensor) rows {
	return rows{1, func(int) {
		for i := range y.data {
			y.data[i] = math.Float32frombits(halfBits(float64(x.data[2*i])) | halfBits(float64(x.data[2*i+1]))<<16)
		}
	}}
}

func unpackHalves(_ graph.UnpackHalves, y, x tensor) rows {
	return rows{1, func(int) {
		for i, word := range x.data {
			bits := math.Float32bits(word)
			y.data[2*i], y.data[2*i+1] = float32(halfValue(bits&0xffff)), float32(halfValue(bits>>16))
		}
	}}
}

// halfBits is the 16-bit float nearest to v: sign, five bits of exponent, ten of fraction.
func halfBits(v float64) uint32 {
	var sign uint32
	if math.Signbit(v) {
		sign = 0x8000
	}
	a := math.Abs(v)
	switch {
	case math.IsNaN(a):
		return sign | 0x7e00
	case math.IsInf(a, 1):
		return sign | 0x7c00
	}
	_, exponent := math.Frexp(a)
	least := max(exponent-11, -24) // the exponent of the last bit that is kept
	a = math.Min(math.Ldexp(math.RoundToEven(math.Ldexp(a, -least)), least), mostHalf)
	if a < 0x1p-14 {
		return sign | uint32(a*0x1p24)
	}
	fraction, exponent := math.Frexp(a)
	return sign | uint32(exponent+14)<<10 | uint32((2*fraction-1)*1024)
}

func halfValue(bits uint32) float64 {
	sign, exponent, fraction := 1-2*float64(bits>>15), int(bits>>10&0x1f), float64(bits&0x3ff)
	switch exponent {
	case 0:
		return sign * fraction * 0x1p-24
	case 31:
		if fraction != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1+fraction/1024, exponent-15)
}
