package train

import (
	"math"

	"github.com/glipvk/glipvk/glip"
)

// Encode are the deltas that move an anchor to a box: what [glip.Decode] takes back, as long
// as no side grows by more than a factor of 1000/16.
func Encode(anchor, box glip.Box) (dx, dy, dw, dh float64) {
	side := func(low, high, boxLow, boxHigh float64) (float64, float64) {
		size := high - low + 1
		return 10 * ((boxLow+boxHigh)/2 - (low+high)/2) / size, 5 * math.Log((boxHigh-boxLow+1)/size)
	}
	dx, dw = side(anchor.X1, anchor.X2, box.X1, box.X2)
	dy, dh = side(anchor.Y1, anchor.Y2, box.Y1, box.Y2)
	return dx, dy, dw, dh
}

// Centerness is how well an anchor's middle lies in the middle of a box, 0 to 1 ("FCOS: Fully
// Convolutional One-Stage Object Detection", Tian et al. 2019, equation 3).
func Centerness(anchor, box glip.Box) float64 {
	x, y := middle(anchor)
	left, right, top, bottom := x-box.X1, box.X2-x, y-box.Y1, box.Y2-y
	return math.Sqrt(min(left, right) / max(left, right) * (min(top, bottom) / max(top, bottom)))
}
