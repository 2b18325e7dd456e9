package picture

import (
	"image"
	"testing"
)

// OpenCV on the inverted values that a file stores: k - ((255-c)*k >> 8).
func TestInks(t *testing.T) {
	var got [6]uint8
	inkRow(got[:], [][]uint8{{255, 0}, {255, 155}, {255, 255}, {255, 204}}, false)
	if want := [6]uint8{255, 255, 255, 204 - 255*204>>8, 204 - 100*204>>8, 204}; got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// Every ratio of resolutions reproduces a flat plane, at odd sizes too.
func TestFlatPlane(t *testing.T) {
	for h := 1; h <= 4; h++ {
		for v := 1; v <= 4; v++ {
			for _, side := range []int{1, 2, 3, 5, 8, 9} {
				p := plane{stride: side, width: (side + h - 1) / h, height: (side + v - 1) / v}
				p.data = make([]uint8, p.stride*p.height)
				for i := range p.data {
					if p.data[i] = 90; i%p.stride >= p.width {
						p.data[i] = 1 // belongs to no picture
					}
				}
				row := make([]uint8, side)
				for y := range side {
					p.upsample(row, y, h, v)
					for x, got := range row {
						if got != 90 {
							t.Fatalf("%d x %d, side %d: sample %d,%d is %d", h, v, side, y, x, got)
						}
					}
				}
			}
		}
	}
}

// A flat lossy WebP picture has its colour everywhere, at odd sizes too.
func TestFlatWebP(t *testing.T) {
	for _, side := range []int{1, 2, 3, 5, 8, 9} {
		m := image.NewYCbCr(image.Rect(0, 0, side, side), image.YCbCrSubsampleRatio420)
		for _, plane := range []struct {
			data  []uint8
			value uint8
		}{{m.Y, 100}, {m.Cb, 90}, {m.Cr, 200}} {
			for i := range plane.data {
				plane.data[i] = plane.value
			}
		}
		p, err := fromImage(t.Context(), m, image.Point{}, side, side)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(p.Pixels); i += 3 { // 1.164*(100-16) + 1.596*72, and so on
			if got, want := [3]uint8(p.Pixels[i:]), [3]uint8{213, 54, 21}; got != want {
				t.Fatalf("side %d: pixel %d is %v, want %v", side, i/3, got, want)
			}
		}
	}
}
