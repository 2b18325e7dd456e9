package cpu

// stretch is one position of a map between four of a picture's x, whose rows are of so many positions.
func stretch(k *kernels, y, x []float32, width int, down, across between) {
	at := func(row, column int) []float32 { return x[(row*width+column)*len(y):][:len(y)] }
	k.blend(y, at(down.low, across.low), at(down.low, across.high), at(down.high, across.low), at(down.high, across.high), [4]float32{
		float32((1 - down.share) * (1 - across.share)), float32((1 - down.share) * across.share),
		float32(down.share * (1 - across.share)), float32(down.share * across.share),
	}, 1, len(y))
}

// between are the source positions on both sides of an output position, and the share of the higher.
type between struct {
	low, high int
	share     float64
}

// betweenOf is that of position i of a line of n samples stretched to one of m, its ends staying.
func betweenOf(i, n, m int) between {
	if m == 1 {
		return between{}
	}
	whole, rest := i*(n-1)/(m-1), i*(n-1)%(m-1)
	return between{whole, min(whole+1, n-1), float64(rest) / float64(m-1)}
}
