package viz

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"
)

// Box is a place in a picture and what is there.
type Box struct {
	X1, Y1, X2, Y2 float64 // corners in pixels, (0, 0) the upper left one; both corners belong to the box
	Label          int     // decides the colour
	Text           string  // written at the box; empty writes nothing
	Short          string  // written instead of a text that has characters which no font has; empty: frames are drawn for these
}

// pixels returns the pixels of a box in a picture with bounds b, the corners rounded to
// the nearest; empty if there are none or a corner is not finite.
func (x Box) pixels(b image.Rectangle) image.Rectangle {
	size := float64(max(b.Dx(), b.Dy()))
	at := func(v float64) int { return int(math.Round(max(min(v, size+1), -2))) } // clamped, so that no conversion overflows
	if v := x.X1 + x.Y1 + x.X2 + x.Y2; v-v != 0 || x.X2 < x.X1 || x.Y2 < x.Y1 {
		return image.Rectangle{}
	}
	return image.Rect(at(x.X1), at(x.Y1), at(x.X2)+1, at(x.Y2)+1).Add(b.Min).Intersect(b)
}

// Boxes draws boxes over a copy of a picture: each as a line in its label's colour
// between a dark and a bright one, so that it is seen on any ground, and its text on a
// plate of that colour. Earlier boxes lie over later ones. Texts keep out of each
// other's way where there is room, and are cut to the width of the picture. They are written
// in fonts; nil are the Go fonts alone.
//
// Boxes outside of the picture, or not finite, are left out. An empty picture is an error.
func Boxes(img image.Image, boxes []Box, fonts *Fonts) (*image.RGBA, error) {
	out, err := copied(img, img.Bounds())
	if err != nil {
		return nil, err
	}
	short := min(out.Rect.Dx(), out.Rect.Dy())
	if fonts == nil {
		if fonts, err = NewFonts(false); err != nil {
			return nil, err
		}
	}
	b := boxer{RGBA: out, fonts: fonts, size: float64(min(max(short/26, 12), 40)), line: min(max(short/220, 2), 6)}
	for i := len(boxes) - 1; i >= 0; i-- {
		if place := boxes[i].pixels(img.Bounds()).Sub(img.Bounds().Min); !place.Empty() {
			b.frame(place, labelColour(boxes[i].Label))
		}
	}
	for _, box := range boxes {
		if place := box.pixels(img.Bounds()).Sub(img.Bounds().Min); !place.Empty() && box.Text != "" {
			text := box.Text
			if box.Short != "" && fonts.Lacks(text) {
				text = box.Short
			}
			b.plate(place, text, labelColour(box.Label))
		}
	}
	return out, nil
}

// Crop copies the pixels of a box. A box that has none in the picture, or is not finite,
// is an error.
func Crop(img image.Image, box Box) (*image.RGBA, error) {
	place := box.pixels(img.Bounds())
	if place.Empty() {
		return nil, fmt.Errorf("viz: the box (%g, %g) to (%g, %g) has no pixel in a picture of %d x %d (width x height)",
			box.X1, box.Y1, box.X2, box.Y2, img.Bounds().Dx(), img.Bounds().Dy())
	}
	return copied(img, place)
}

// copied copies a part of a picture to (0, 0).
func copied(img image.Image, part image.Rectangle) (*image.RGBA, error) {
	if part.Empty() {
		return nil, errors.New("viz: the picture is empty")
	}
	out := image.NewRGBA(image.Rect(0, 0, part.Dx(), part.Dy()))
	draw.Draw(out, out.Rect, img, part.Min, draw.Src)
	return out, nil
}

// boxer is a picture that boxes are drawn on.
type boxer struct {
	*image.RGBA
	fonts  *Fonts
	size   float64           // of letters, in pixels
	line   int               // width of the coloured line, in pixels
	plates []image.Rectangle // that texts take up
}

// Lines on both sides of the coloured one.
var (
	dark   = color.RGBA{0, 0, 0, 255}
	bright = color.RGBA{255, 255, 255, 255}
)

// frame draws the edge of a box inwards: dark, coloured, bright. What does not fit a
// small box is left out, its edge is dark at least.
func (b *boxer) frame(place image.Rectangle, colour color.RGBA) {
	b.ring(place, dark)
	for range b.line {
		place = place.Inset(1)
		b.ring(place, colour)
	}
	b.ring(place.Inset(1), bright)
}

// ring draws a line one pixel wide along the inside of a rectangle.
func (b *boxer) ring(r image.Rectangle, colour color.RGBA) {
	if r.Empty() {
		return
	}
	for _, side := range []image.Rectangle{
		{r.Min, image.Pt(r.Max.X, r.Min.Y+1)}, {image.Pt(r.Min.X, r.Max.Y-1), r.Max},
		{r.Min, image.Pt(r.Min.X+1, r.Max.Y)}, {image.Pt(r.Max.X-1, r.Min.Y), r.Max},
	} {
		draw.Draw(b.RGBA, side, image.NewUniform(colour), image.Point{}, draw.Src)
	}
}

// plate writes the text of a box.
func (b *boxer) plate(box image.Rectangle, text string, colour color.RGBA) {
	b.fonts.mu.Lock()
	defer b.fonts.mu.Unlock()
	metrics := b.fonts.shape("X", b.size)[0].LineBounds
	ascent, descent := metrics.Ascent, -metrics.Descent
	pad := max((ascent+descent).Ceil()/6, 2)
	line := b.fonts.fit(text, b.size, b.Rect.Dx()-2*pad)
	if len(line) == 0 {
		return
	}
	wide, above, below := measure(line)
	ascent, descent = max(ascent, above), max(descent, below)
	size := image.Pt(wide.Ceil()+2*pad, (ascent+descent).Ceil()+pad)
	at := b.free(box, size)
	b.plates = append(b.plates, at)
	draw.Draw(b.RGBA, at, image.NewUniform(dark), image.Point{}, draw.Src)
	draw.Draw(b.RGBA, at.Inset(1), image.NewUniform(colour), image.Point{}, draw.Src)
	drawLine(b.RGBA, image.Pt(at.Min.X+pad, at.Min.Y+pad/2+ascent.Ceil()), line, inkOn(colour))
}

// free finds a place for a plate: above the box, inside it at the top, inside at the
// bottom or below, the first that covers no other; else the first, moved into the picture.
func (b *boxer) free(box image.Rectangle, size image.Point) image.Rectangle {
	var first image.Rectangle
	for i, y := range []int{box.Min.Y - size.Y, box.Min.Y, box.Max.Y - size.Y, box.Max.Y} {
		at := image.Rectangle{Max: size}.Add(image.Pt(box.Min.X, y))
		at = at.Add(image.Pt(inward(at.Min.X, at.Max.X, b.Rect.Max.X), inward(at.Min.Y, at.Max.Y, b.Rect.Max.Y)))
		if i == 0 {
			first = at
		}
		taken := false
		for _, plate := range b.plates {
			taken = taken || plate.Overlaps(at)
		}
		if !taken {
			return at
		}
	}
	return first
}

// inward is how far [low, high) has to move to lie in [0, end), with its beginning first.
func inward(low, high, end int) int {
	move := min(end-high, 0)
	return max(move, -low)
}

// labelColour is the colour of a label: hues a golden angle apart, so that neighbours
// differ most, in three shades, so that a hue that comes near an earlier one differs by
// brightness.
func labelColour(label int) color.RGBA {
	const golden = 0.6180339887498949
	_, hue := math.Modf(0.58 + golden*float64(label))
	shade := [3]struct{ saturation, value float64 }{{0.85, 0.95}, {0.6, 1}, {0.95, 0.62}}[((label%3)+3)%3]
	return hsv(hue-math.Floor(hue), shade.saturation, shade.value)
}

// hsv turns hue, saturation and value, all 0 to 1, into a colour.
func hsv(hue, saturation, value float64) color.RGBA {
	channel := func(offset float64) uint8 {
		k := math.Mod(offset+6*hue, 6)
		return uint8(math.Round(255 * value * (1 - saturation*max(0, min(k, 4-k, 1)))))
	}
	return color.RGBA{channel(5), channel(3), channel(1), 255}
}

// inkOn is black or white, what stands out more on a ground.
func inkOn(ground color.RGBA) color.RGBA {
	if contrast(ground, dark) >= contrast(ground, bright) {
		return dark
	}
	return bright
}

// contrast is the ratio of the brightness of two colours, 1 to 21, as the Web Content
// Accessibility Guidelines define it (WCAG 2.1, contrast ratio).
func contrast(a, b color.RGBA) float64 {
	x, y := relativeLuminance(a), relativeLuminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// relativeLuminance is the brightness of a colour in linear light, 0 to 1 (WCAG 2.1).
func relativeLuminance(c color.RGBA) float64 {
	linear := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}
