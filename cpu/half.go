package cpu

import (
	"math"

	"github.com/glipvk/glipvk/graph"
)

// packHalves makes words of two 16-bit floats each.
func (c *compiler) packHalves(id graph.ID) step {
	x := c.node(id).Inputs[0]
	return c.blocks(id, 1, c.shape(id).Elements(), 1<<12, func(_ *worker, values [][]float32, _, first, count int) {
		from, to := values[x][2*first:][:2*count], values[id][first:][:count]
		for i := range to {
			to[i] = math.Float32frombits(half(from[2*i]) | half(from[2*i+1])<<16)
		}
	})
}

// unpackHalves takes them apart.
func (c *compiler) unpackHalves(id graph.ID) step {
	x := c.node(id).Inputs[0]
	return c.blocks(id, 1, c.shape(x).Elements(), 1<<12, func(_ *worker, values [][]float32, _, first, count int) {
		from, to := values[x][first:][:count], values[id][2*first:][:2*count]
		for i, word := range from {
			bits := math.Float32bits(word)
			to[2*i], to[2*i+1] = single(bits&0xffff), single(bits>>16)
		}
	})
}

// The bits of 32-bit floats at the ends of what 16 bits hold.
const (
	infinite   = 0x7f800000
	beyondHalf = 0x477ff000 // 65520, what would round beyond 65504
	leastHalf  = 0x38800000 // 2^-14, below which there are no more exponents
)

// half is the 16-bit float nearest to x, ties to even; what is finite stays so.
func half(x float32) uint32 {
	b := math.Float32bits(x)
	sign := b >> 16 & 0x8000
	b &= 0x7fffffff
	switch {
	case b > infinite:
		return sign | 0x7e00
	case b == infinite:
		return sign | 0x7c00
	case b >= beyondHalf:
		return sign | 0x7bff
	case b < leastHalf: // the sum's last bit is worth what the smallest half is
		return sign | math.Float32bits(math.Float32frombits(b)+0.5) - 0x3f000000
	}
	b += 0xfff + b>>13&1
	return sign | (b-112<<23)>>13
}

// single is a 16-bit float in 32 bits.
func single(h uint32) float32 {
	sign, b := h&0x8000<<16, h&0x7fff
	switch {
	case b >= 0x7c00:
		return math.Float32frombits(sign | infinite | b&0x3ff<<13)
	case b < 0x400:
		return math.Float32frombits(sign | math.Float32bits(float32(b)*0x1p-24))
	}
	return math.Float32frombits(sign | (b<<13 + 112<<23))
}
