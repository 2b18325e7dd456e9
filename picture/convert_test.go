package picture

import (
	"image"
	"testing"
)

// OpenCV on the inverted values 255-ink: k - ((255-c)*k >> 8).
func TestCMYK(t *testing.T) {
	m := image.NewCMYK(image.Rect(0, 0, 2, 1))
	copy(m.Pix, []uint8{0, 0, 0, 0, 255, 100, 0, 51})
	p := fromImage(t.Context(), m, 1, 2, false)
	want := [6]uint8{255, 255, 255, 204 - 255*204>>8, 204 - 100*204>>8, 204}
	if got := [6]uint8(p.Pixels); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// Every ratio of chroma to luma reproduces a flat colour, at odd sizes too.
func TestFlatColour(t *testing.T) {
	for ratio := image.YCbCrSubsampleRatio444; ratio <= image.YCbCrSubsampleRatio410; ratio++ {
		for _, side := range []int{1, 2, 3, 5, 8, 9} {
			m := image.NewYCbCr(image.Rect(0, 0, side, side), ratio)
			for _, plane := range []struct {
				data  []uint8
				value uint8
			}{{m.Y, 100}, {m.Cb, 90}, {m.Cr, 200}} {
				for i := range plane.data {
					plane.data[i] = plane.value
				}
			}
			for _, webp := range []bool{false, true} {
				// 100 + 1.402*72; 100 + 0.34414*38 - 0.71414*72; 100 - 1.772*38.
				want := [3]uint8{201, 62, 33}
				if webp { // 1.164*(100-16) in place of 100, larger chroma factors
					want = [3]uint8{213, 54, 21}
				}
				p := fromImage(t.Context(), m, side, side, webp)
				for i := 0; i < len(p.Pixels); i += 3 {
					if got := [3]uint8(p.Pixels[i:]); got != want {
						t.Fatalf("%v, side %d, webp %v: pixel %d is %v, want %v", ratio, side, webp, i/3, got, want)
					}
				}
			}
		}
	}
}
