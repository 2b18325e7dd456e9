package main

import (
	"image"
	"image/draw"
	"math"
	"math/rand/v2"
	"slices"

	xdraw "golang.org/x/image/draw"
	"golang.org/x/image/math/f64"
)

// world is what scenes are made of.
type world struct {
	split
	drawings [][]*image.RGBA // of each word, in its natural colours and then in each of the colours
	photo    image.Image
}

// thing is one that a scene shows.
type thing struct {
	kind
	box image.Rectangle // extent of what is visible of it
}

// scene is a picture and the things in it.
type scene struct {
	picture *image.RGBA
	things  []thing
}

// owner says which thing is to be seen at each pixel, from 1.
type owner [side][side]uint8

// Bounds of things.
const (
	mostThings = 6
	leastSide  = 28  // of a drawing before it is turned, pixels
	mostSide   = 100 // likewise
	shown      = 0.6 // how much of a thing stays visible, at least
	alike      = 0.9 // likewise, where what covers it has its colour
	mostTries  = 32  // to place a thing
	triesOfOne = 4   // before it is turned and scaled anew
	contrast   = 40  // the sum of what a thing's channels differ from what is behind it, on average, at least
)

// scene draws things of the given kinds: so many, or up to six.
func (w *world) scene(dice *rand.Rand, kinds []kind, least int) scene {
	s := scene{picture: w.background(dice)}
	var owners owner
	var whole []int // pixels of each thing, were it alone
	for range least + dice.IntN(mostThings-least+1) {
		k := s.next(dice, kinds)
		var layer *image.RGBA
		for try := range mostTries {
			if try%triesOfOne == 0 {
				layer = w.layer(dice, k)
			}
			if pixels, ok := s.place(dice, &owners, whole, layer, k); ok {
				whole = append(whole, pixels)
				s.things = append(s.things, thing{kind: k})
				break
			}
		}
	}
	s.measure(&owners)
	return s
}

// measure finds the boxes of the things.
func (s *scene) measure(owners *owner) {
	for y := range side {
		for x := range side {
			if i := owners[y][x]; i > 0 {
				b := &s.things[i-1].box
				*b = b.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
}

// next is what to draw: often what the scene shows already, or the same in another colour, or something else in the same colour.
func (s *scene) next(dice *rand.Rand, kinds []kind) kind {
	k := kinds[dice.IntN(len(kinds))]
	if len(s.things) == 0 {
		return k
	}
	model := s.things[dice.IntN(len(s.things))].kind
	like := func(fits func(kind) bool) kind {
		if some := slices.DeleteFunc(slices.Clone(kinds), func(k kind) bool { return !fits(k) }); len(some) > 0 {
			return some[dice.IntN(len(some))]
		}
		return k
	}
	switch chance := dice.Float64(); {
	case chance < 0.2:
		return model
	case chance < 0.32:
		return like(func(k kind) bool { return k.word == model.word && k.colour != model.colour })
	case chance < 0.44:
		return like(func(k kind) bool { return k.colour == model.colour && k.word != model.word })
	}
	return k
}

// layer draws a kind by itself, of any size, turned and mirrored, as large as it then is.
func (w *world) layer(dice *rand.Rand, k kind) *image.RGBA {
	drawing := w.drawings[k.word][k.colour+1]
	width, height := float64(drawing.Rect.Dx()), float64(drawing.Rect.Dy())
	scale := (leastSide + (mostSide-leastSide)*dice.Float64()) / (max(width, height) - 2*margin)
	angle := (2*dice.Float64() - 1) * math.Pi / 6
	if dice.IntN(12) == 0 {
		angle *= 6
	}
	flip := float64(1 - 2*dice.IntN(2))
	cos, sin := scale*math.Cos(angle), scale*math.Sin(angle)
	wide, high := math.Abs(cos)*width+math.Abs(sin)*height, math.Abs(sin)*width+math.Abs(cos)*height
	layer := image.NewRGBA(image.Rect(0, 0, int(math.Ceil(wide))+1, int(math.Ceil(high))+1))
	turn := f64.Aff3{
		flip * cos, -sin, float64(layer.Rect.Dx())/2 - (flip*cos*width-sin*height)/2,
		flip * sin, cos, float64(layer.Rect.Dy())/2 - (flip*sin*width+cos*height)/2,
	}
	xdraw.BiLinear.Transform(layer, turn, drawing, drawing.Rect, xdraw.Src, nil)
	return layer
}

// place puts a layer somewhere into the picture, in front of what is there, and says how many pixels it has; not where too little
// of it or of an earlier thing would be visible, or where it would not stand out.
func (s *scene) place(dice *rand.Rand, owners *owner, whole []int, layer *image.RGBA, k kind) (pixels int, ok bool) {
	box := seen(layer)
	over := image.Point{}
	if dice.IntN(8) == 0 {
		over = image.Pt(box.Dx()/4, box.Dy()/4) // it may reach out of the picture
	}
	free := image.Pt(side-box.Dx()+2*over.X, side-box.Dy()+2*over.Y)
	if box.Empty() || free.X < 0 || free.Y < 0 {
		return 0, false
	}
	at := image.Pt(dice.IntN(free.X+1), dice.IntN(free.Y+1)).Sub(over).Sub(box.Min) // of the layer's origin
	visible, difference := 0, 0
	covered := make([]int, len(whole)+1)
	eachPixel(layer, func(x, y int, p []uint8) {
		pixels++
		if to := at.Add(image.Pt(x, y)); to.In(s.picture.Rect) {
			visible++
			covered[owners[to.Y][to.X]]++
			behind := s.picture.Pix[s.picture.PixOffset(to.X, to.Y):]
			for c := range 3 {
				difference += max(int(p[c])-int(behind[c]), int(behind[c])-int(p[c]))
			}
		}
	})
	if float64(visible) < shown*float64(pixels) || difference < contrast*visible {
		return 0, false
	}
	left := make([]int, len(whole)+1)
	for y := range side {
		for x := range side {
			left[owners[y][x]]++
		}
	}
	for i, n := range whole {
		shown := shown
		if s.things[i].colour == k.colour {
			shown = alike
		}
		if float64(left[i+1]-covered[i+1]) < shown*float64(n) {
			return 0, false
		}
	}
	draw.Draw(s.picture, layer.Rect.Add(at), layer, image.Point{}, draw.Over)
	eachPixel(layer, func(x, y int, _ []uint8) {
		if to := at.Add(image.Pt(x, y)); to.In(s.picture.Rect) {
			owners[to.Y][to.X] = uint8(len(whole) + 1)
		}
	})
	return pixels, true
}

// eachPixel walks over what is drawn.
func eachPixel(layer *image.RGBA, f func(x, y int, p []uint8)) {
	for y := range layer.Rect.Dy() {
		for x := range layer.Rect.Dx() {
			if p := layer.Pix[y*layer.Stride+4*x:][:4]; p[3] >= half {
				f(x, y, p)
			}
		}
	}
}
