package main

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"

	xdraw "golang.org/x/image/draw"
)

// side is that of a scene, pixels.
const side = 192

// shade is a colour by chance: grey, muted or, less often, strong.
func shade(dice *rand.Rand) [3]float64 {
	saturation := [...]float64{0, 0.35, 0.35, 0.6}[dice.IntN(4)] * dice.Float64()
	hue, value := 6*dice.Float64(), 255*(0.25+0.75*dice.Float64())
	var c [3]float64
	for i := range c { // each channel is full in two of the six parts of the circle of hues
		distance := math.Abs(math.Mod(hue+6-2*float64(i), 6) - 3)
		c[i] = value * (1 - saturation*(1-min(max(distance-1, 0), 1)))
	}
	return c
}

// paper is a picture of one colour for each pixel, of what at says.
func paper(at func(x, y float64) [3]float64) *image.RGBA {
	picture := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			c := at(float64(x)/side, float64(y)/side)
			picture.SetRGBA(x, y, color.RGBA{level(c[0]), level(c[1]), level(c[2]), 255})
		}
	}
	return picture
}

func level(v float64) uint8 { return uint8(min(max(math.Round(v), 0), 255)) }

// between is a colour on the way from one to another.
func between(a, b [3]float64, t float64) [3]float64 {
	for i := range a {
		a[i] += t * (b[i] - a[i])
	}
	return a
}

// background draws what things stand before: paper, or a piece of a photograph.
func (w *world) background(dice *rand.Rand) *image.RGBA {
	a, b := shade(dice), shade(dice)
	angle := 2 * math.Pi * dice.Float64()
	dx, dy := math.Cos(angle), math.Sin(angle)
	var picture *image.RGBA
	switch dice.IntN(6) {
	case 0:
		picture = paper(func(_, _ float64) [3]float64 { return a })
	case 1:
		picture = paper(func(x, y float64) [3]float64 { return between(a, b, 0.5+0.7*((x-0.5)*dx+(y-0.5)*dy)) })
	case 2:
		width := 4 + 20*dice.Float64()
		picture = paper(func(x, y float64) [3]float64 { return between(a, b, 0.5+0.5*math.Sin(2*math.Pi*width/2*(x*dx+y*dy))) })
	case 3:
		picture = blobs(dice, 2+dice.IntN(4), a, b)
	case 4:
		picture = blobs(dice, 8+dice.IntN(24), a, b)
	default:
		picture = w.crop(dice, a)
	}
	if dice.IntN(4) == 0 {
		noise(dice, picture, 2+dice.IntN(8))
	}
	return picture
}

// blobs are two colours mixed by a few random values in each direction, blown up smoothly.
func blobs(dice *rand.Rand, cells int, a, b [3]float64) *image.RGBA {
	small := image.NewRGBA(image.Rect(0, 0, cells, cells))
	for i := 0; i < len(small.Pix); i += 4 {
		c := between(a, b, dice.Float64())
		small.Pix[i], small.Pix[i+1], small.Pix[i+2], small.Pix[i+3] = level(c[0]), level(c[1]), level(c[2]), 255
	}
	picture := image.NewRGBA(image.Rect(0, 0, side, side))
	xdraw.CatmullRom.Scale(picture, picture.Rect, small, small.Rect, xdraw.Src, nil)
	return picture
}

// leastCrop is how small a piece of the photograph may be, pixels a side.
const leastCrop = 64

// crop is a piece of the photograph, sharp or blurred, tinted.
func (w *world) crop(dice *rand.Rand, tint [3]float64) *image.RGBA {
	bounds := w.photo.Bounds()
	size := leastCrop + dice.IntN(min(bounds.Dx(), bounds.Dy())-leastCrop+1)
	at := bounds.Min.Add(image.Pt(dice.IntN(bounds.Dx()-size+1), dice.IntN(bounds.Dy()-size+1)))
	blurred := 8 + dice.IntN(side-8)
	coarse := image.NewRGBA(image.Rect(0, 0, blurred, blurred))
	xdraw.BiLinear.Scale(coarse, coarse.Rect, w.photo, image.Rectangle{at, at.Add(image.Pt(size, size))}, xdraw.Src, nil)
	picture := image.NewRGBA(image.Rect(0, 0, side, side))
	xdraw.BiLinear.Scale(picture, picture.Rect, coarse, coarse.Rect, xdraw.Src, nil)
	strength := 0.7 * dice.Float64()
	for i := range picture.Pix {
		if c := i % 4; c < 3 {
			picture.Pix[i] = level(float64(picture.Pix[i]) + strength*(tint[c]-float64(picture.Pix[i])))
		}
	}
	return picture
}

// noise adds up to so much to each channel, or takes it away.
func noise(dice *rand.Rand, picture *image.RGBA, most int) {
	for i := 0; i < len(picture.Pix); i += 4 {
		bits := dice.Uint64()
		for c := range 3 {
			n := int(bits>>(16*c)&0xffff)*(2*most+1)>>16 - most
			picture.Pix[i+c] = uint8(min(max(int(picture.Pix[i+c])+n, 0), 255))
		}
	}
}
