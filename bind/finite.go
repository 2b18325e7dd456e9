package bind

import (
	"math"
	"runtime"
	"slices"
	"sync"
)

// Largest is the largest magnitude among data, NaN where one of them is none; 0 for no
// data. Long data is looked through on all cores.
func Largest(data []float32) float32 {
	const least = 1 << 17
	pieces := max(1, min(runtime.GOMAXPROCS(0), len(data)/least))
	found := make([]uint32, pieces)
	var wg sync.WaitGroup
	for p := range pieces {
		wg.Go(func() { found[p] = magnitude(data[len(data)*p/pieces : len(data)*(p+1)/pieces]) })
	}
	wg.Wait()
	return math.Float32frombits(slices.Max(found))
}

// magnitude is the bits of the largest magnitude. As whole numbers, those of infinity are
// above all finite ones, and those of NaN above these.
func magnitude(data []float32) uint32 {
	const sign = 1 << 31
	var a, b, c, d uint32
	for ; len(data) >= 4; data = data[4:] {
		a = max(a, math.Float32bits(data[0])&^sign)
		b = max(b, math.Float32bits(data[1])&^sign)
		c = max(c, math.Float32bits(data[2])&^sign)
		d = max(d, math.Float32bits(data[3])&^sign)
	}
	for _, v := range data {
		a = max(a, math.Float32bits(v)&^sign)
	}
	return max(a, b, c, d)
}

// finite says whether a largest magnitude is that of finite data; NaN is not.
func finite(largest float32) bool { return largest <= math.MaxFloat32 }

// locate finds the first element of a tensor that is not finite, and counts them.
func locate(name string, data []float32) NonFinite {
	found := NonFinite{Name: name}
	for i, v := range data {
		if !finite(float32(math.Abs(float64(v)))) {
			if found.Count == 0 {
				found.Index, found.Value = i, v
			}
			found.Count++
		}
	}
	return found
}
