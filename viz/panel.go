package viz

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"
)

// overlay is the photograph with the colours of a map laid over its region; the
// rest of the photograph is faded.
func (p *page) overlay(c Components) *image.RGBA {
	out := p.faded()
	colours := p.enlarge(c)
	region := p.shown.Intersect(out.Rect)
	for y := region.Min.Y; y < region.Max.Y; y++ {
		for x := region.Min.X; x < region.Max.X; x++ {
			below, above := p.photo.Pix[p.photo.PixOffset(x, y):], colours.Pix[colours.PixOffset(x, y):]
			dst := out.Pix[out.PixOffset(x, y):]
			// Under the colours the photograph counts by its brightness only, so
			// that hue belongs to the map.
			grey := luminance(below)
			for k := range 3 {
				dst[k] = uint8(math.Round((1-p.Opacity)*grey + p.Opacity*float64(above[k])))
			}
		}
	}
	return out
}

// enlarge scales the colours of a map smoothly to the region it covers.
func (p *page) enlarge(c Components) *image.RGBA {
	small := image.NewRGBA(image.Rect(0, 0, c.W, c.H))
	for i, v := range c.colours() {
		small.Pix[i/3*4+i%3] = uint8(math.Round(255 * float64(v)))
	}
	for i := 3; i < len(small.Pix); i += 4 {
		small.Pix[i] = 255
	}
	large := image.NewRGBA(p.shown)
	filter := &draw.Kernel{Support: 2, At: mitchell}
	filter.Scale(large, large.Rect, small, small.Rect, draw.Src, nil)
	return large
}

// mitchell is the filter of Mitchell and Netravali (1988): smooth enough that
// the cells of a small map leave no edges, sharp enough to keep its contrast.
func mitchell(t float64) float64 {
	if t < 1 {
		return (7*t*t*t - 12*t*t + 16.0/3) / 6
	}
	return (-7.0/3*t*t*t + 12*t*t - 20*t + 32.0/3) / 6
}

// luminance is the brightness of a pixel, 0 to 255.
func luminance(px []uint8) float64 {
	return 0.299*float64(px[0]) + 0.587*float64(px[1]) + 0.114*float64(px[2])
}

// faded is the photograph, light and grey outside of the region.
func (p *page) faded() *image.RGBA {
	out := image.NewRGBA(p.photo.Rect)
	copy(out.Pix, p.photo.Pix)
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			if image.Pt(x, y).In(p.shown) {
				continue
			}
			px := out.Pix[out.PixOffset(x, y):]
			shade := uint8(150 + 0.35*luminance(px))
			px[0], px[1], px[2] = shade, shade, shade
		}
	}
	return out
}

// framed is the photograph with a thin frame around the region, if that is only
// a part of it.
func (p *page) framed() *image.RGBA {
	out := image.NewRGBA(p.photo.Rect)
	copy(out.Pix, p.photo.Pix)
	if p.whole() {
		return out
	}
	white := image.NewUniform(color.White)
	dark := image.NewUniform(color.RGBA{0, 0, 0, 110})
	frame(out, p.shown.Inset(-1), dark, 4)
	frame(out, p.shown, white, 2)
	return out
}

// frame draws the edge of r, inwards, of a thickness in pixels.
func frame(dst *image.RGBA, r image.Rectangle, src image.Image, thick int) {
	inner := r.Inset(thick)
	for _, side := range []image.Rectangle{
		{r.Min, image.Pt(r.Max.X, inner.Min.Y)},
		{image.Pt(r.Min.X, inner.Max.Y), r.Max},
		{image.Pt(r.Min.X, inner.Min.Y), image.Pt(inner.Min.X, inner.Max.Y)},
		{image.Pt(inner.Max.X, inner.Min.Y), image.Pt(r.Max.X, inner.Max.Y)},
	} {
		draw.Draw(dst, side.Intersect(dst.Rect), src, image.Point{}, draw.Over)
	}
}

// rounded is a mask: opaque inside a rectangle with round corners.
type rounded struct {
	rect   image.Rectangle
	radius int
}

// ColorModel is alpha.
func (r rounded) ColorModel() color.Model { return color.AlphaModel }

// Bounds is the rectangle.
func (r rounded) Bounds() image.Rectangle { return r.rect }

// At is the coverage of a pixel, smooth along the corners.
func (r rounded) At(x, y int) color.Color {
	inner := r.rect.Inset(r.radius)
	px, py := float64(x)+0.5, float64(y)+0.5
	dx := max(float64(inner.Min.X)-px, px-float64(inner.Max.X), 0)
	dy := max(float64(inner.Min.Y)-py, py-float64(inner.Max.Y), 0)
	inside := float64(r.radius) - math.Hypot(dx, dy) + 0.5
	if r.radius == 0 {
		inside = 1
	}
	return color.Alpha{uint8(255 * min(max(inside, 0), 1))}
}
