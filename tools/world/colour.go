package main

import (
	"image"
	"image/color"
	"math"
)

// colour is one that a thing can be drawn in: its word, and what dark, middle and light parts of a drawing become.
type colour struct {
	name                string
	dark, middle, light color.RGBA
}

// colours are those of the world.
var colours = []colour{
	{"red", color.RGBA{95, 0, 5, 255}, color.RGBA{218, 22, 28, 255}, color.RGBA{255, 84, 76, 255}},
	{"orange", color.RGBA{135, 52, 0, 255}, color.RGBA{255, 125, 0, 255}, color.RGBA{255, 182, 92, 255}},
	{"yellow", color.RGBA{140, 112, 0, 255}, color.RGBA{250, 216, 0, 255}, color.RGBA{255, 246, 138, 255}},
	{"green", color.RGBA{0, 62, 12, 255}, color.RGBA{30, 158, 44, 255}, color.RGBA{128, 226, 118, 255}},
	{"blue", color.RGBA{0, 14, 98, 255}, color.RGBA{26, 76, 222, 255}, color.RGBA{112, 162, 255, 255}},
	{"purple", color.RGBA{46, 0, 82, 255}, color.RGBA{128, 32, 182, 255}, color.RGBA{198, 128, 240, 255}},
	{"pink", color.RGBA{178, 40, 104, 255}, color.RGBA{255, 112, 176, 255}, color.RGBA{255, 200, 226, 255}},
}

// luminance is that of a pixel that is not premultiplied, 0 to 255.
func luminance(r, g, b float64) float64 { return 0.299*r + 0.587*g + 0.114*b }

// paint is a drawing in a colour: its lights and darks stay, spread about the middle, so that the colour is seen also on what is
// black, grey or white.
func paint(drawing *image.RGBA, c colour) *image.RGBA {
	var weight, sum, squares float64
	each := func(f func(i int, a, l float64)) {
		for i := 0; i < len(drawing.Pix); i += 4 {
			p := drawing.Pix[i : i+4]
			if a := float64(p[3]); a > 0 {
				f(i, a, luminance(float64(p[0]), float64(p[1]), float64(p[2]))*255/a)
			}
		}
	}
	each(func(_ int, a, l float64) { weight, sum, squares = weight+a, sum+a*l, squares+a*l*l })
	mean := sum / weight
	deviation := math.Sqrt(max(squares/weight-mean*mean, 0))
	painted := image.NewRGBA(drawing.Rect)
	each(func(i int, a, l float64) {
		v := min(max((l-mean)/max(2.2*deviation, 60), -1), 1)
		from, to := c.middle, c.light
		if v < 0 {
			v, to = -v, c.dark
		}
		mix := func(x, y uint8) uint8 { return uint8(math.Round((float64(x)*(1-v) + float64(y)*v) * a / 255)) }
		p := painted.Pix[i : i+4]
		p[0], p[1], p[2], p[3] = mix(from.R, to.R), mix(from.G, to.G), mix(from.B, to.B), uint8(a)
	})
	return painted
}
