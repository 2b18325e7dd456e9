package picture

// The cosines of the inverse transform, in 13 bits.
const (
	idctBits = 13
	idct0298 = 2446
	idct0390 = 3196
	idct0541 = 4433
	idct0765 = 6270
	idct0899 = 7373
	idct1175 = 9633
	idct1501 = 12299
	idct1847 = 15137
	idct1961 = 16069
	idct2053 = 16819
	idct2562 = 20995
	idct3072 = 25172
)

// idct8 is the inverse cosine transform of 8 values by Loeffler, Ligtenberg and
// Moschytz, scaled by the square root of 8 and 13 bits; with their roundings between
// columns and rows it is bit for bit the accurate integer transform of libjpeg.
func idct8(c0, c1, c2, c3, c4, c5, c6, c7 int32) (o0, o1, o2, o3, o4, o5, o6, o7 int32) {
	z := (c2 + c6) * idct0541
	low, high := z-c6*idct1847, z+c2*idct0765
	sum, difference := (c0+c4)<<idctBits, (c0-c4)<<idctBits
	e0, e3 := sum+high, sum-high
	e1, e2 := difference+low, difference-low

	z5 := (c7 + c3 + c5 + c1) * idct1175
	z1, z2 := -(c7+c1)*idct0899, -(c5+c3)*idct2562
	z3, z4 := z5-(c7+c3)*idct1961, z5-(c5+c1)*idct0390
	d0 := c7*idct0298 + z1 + z3
	d1 := c5*idct2053 + z2 + z4
	d2 := c3*idct3072 + z2 + z3
	d3 := c1*idct1501 + z1 + z4
	return e0 + d3, e1 + d2, e2 + d1, e3 + d0, e3 - d0, e2 - d1, e1 - d2, e0 - d3
}

// idct turns a block's coefficients, dequantised and by rows, into 8 x 8 samples at dst,
// whose rows are stride apart. The coefficients are spoilt.
func idct(dst []uint8, stride int, c *[64]int32) {
	const columnBits, rowBits = idctBits - 2, idctBits + 2 + 3
	const half = 1 << (columnBits - 1)
	for x := range 8 {
		if c[8+x]|c[16+x]|c[24+x]|c[32+x]|c[40+x]|c[48+x]|c[56+x] == 0 {
			v := c[x] << 2
			c[x], c[8+x], c[16+x], c[24+x], c[32+x], c[40+x], c[48+x], c[56+x] = v, v, v, v, v, v, v, v
			continue
		}
		o0, o1, o2, o3, o4, o5, o6, o7 := idct8(c[x], c[8+x], c[16+x], c[24+x], c[32+x], c[40+x], c[48+x], c[56+x])
		c[x], c[8+x] = (o0+half)>>columnBits, (o1+half)>>columnBits
		c[16+x], c[24+x] = (o2+half)>>columnBits, (o3+half)>>columnBits
		c[32+x], c[40+x] = (o4+half)>>columnBits, (o5+half)>>columnBits
		c[48+x], c[56+x] = (o6+half)>>columnBits, (o7+half)>>columnBits
	}
	const middle = 128<<rowBits + 1<<(rowBits-1)
	for y := range 8 {
		row := c[8*y : 8*y+8 : 8*y+8]
		o0, o1, o2, o3, o4, o5, o6, o7 := idct8(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7])
		out := dst[y*stride : y*stride+8 : y*stride+8]
		out[0], out[1] = clamp8(int(o0+middle)>>rowBits), clamp8(int(o1+middle)>>rowBits)
		out[2], out[3] = clamp8(int(o2+middle)>>rowBits), clamp8(int(o3+middle)>>rowBits)
		out[4], out[5] = clamp8(int(o4+middle)>>rowBits), clamp8(int(o5+middle)>>rowBits)
		out[6], out[7] = clamp8(int(o6+middle)>>rowBits), clamp8(int(o7+middle)>>rowBits)
	}
}
