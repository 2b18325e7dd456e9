package viz

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"
	"golang.org/x/image/vector"
)

// chartHues are the colours of lines, which also those who see fewer colours tell apart (after Okabe and Ito).
func chartHues() []color.RGBA {
	return []color.RGBA{{0, 90, 170, 255}, {200, 80, 0, 255}, {0, 130, 95, 255}, {170, 80, 140, 255}, {120, 110, 20, 255}, {70, 70, 70, 255}}
}

// width is how wide a line is drawn, in pixels.
func (p *plot) width(l Line) float64 {
	if l.Faint {
		return 1.2
	}
	return 2.4
}

// colour is that of a line, lighter where it is faint.
func (p *plot) colour(l Line, hue color.RGBA) color.RGBA {
	if !l.Faint {
		return hue
	}
	mix := func(a, b uint8) uint8 { return uint8((2*int(a) + 3*int(b)) / 5) }
	return color.RGBA{mix(hue.R, p.paper.R), mix(hue.G, p.paper.G), mix(hue.B, p.paper.B), 255}
}

// line draws one: its values joined, a gap where there is none.
func (p *plot) line(l Line, hue color.RGBA) {
	colour := p.colour(l, hue)
	var piece [][2]float64
	end := func() {
		p.stroke(piece, p.width(l), colour)
		if l.Dots || len(piece) == 1 {
			for _, at := range piece {
				p.dot(at, 3.6, colour)
			}
		}
		piece = piece[:0]
	}
	for i, v := range l.Y {
		if !finite(v) || !finite(l.X[i]) || p.y.log && v <= 0 {
			end()
			continue
		}
		piece = append(piece, [2]float64{p.x.at(l.X[i]) + 0.5, p.y.at(v) + 0.5})
	}
	end()
}

// thinned leaves of points that lie in one column of pixels the first, the lowest, the highest and the last: a line of a million values
// looks the same.
func thinned(points [][2]float64) [][2]float64 {
	var list [][2]float64
	for i := 0; i < len(points); {
		j, low, high := i, i, i
		for ; j < len(points) && math.Floor(points[j][0]) == math.Floor(points[i][0]); j++ {
			if points[j][1] < points[low][1] {
				low = j
			}
			if points[j][1] > points[high][1] {
				high = j
			}
		}
		list = append(list, points[i])
		for _, k := range []int{min(low, high), max(low, high), j - 1} {
			if k > i && list[len(list)-1] != points[k] {
				list = append(list, points[k])
			}
		}
		i = j
	}
	return list
}

// stroke draws a line through points, with round joints.
func (p *plot) stroke(points [][2]float64, width float64, colour color.RGBA) {
	points = thinned(points)
	half := width / 2
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		length := math.Hypot(b[0]-a[0], b[1]-a[1])
		if length == 0 {
			continue
		}
		nx, ny := -(b[1]-a[1])/length*half, (b[0]-a[0])/length*half
		p.fill([][2]float64{{a[0] + nx, a[1] + ny}, {b[0] + nx, b[1] + ny}, {b[0] - nx, b[1] - ny}, {a[0] - nx, a[1] - ny}}, colour)
		if i+1 < len(points) {
			p.dot(b, half, colour)
		}
	}
}

// dot fills a circle.
func (p *plot) dot(at [2]float64, radius float64, colour color.RGBA) {
	const corners = 16
	var list [][2]float64
	for i := range corners {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / corners)
		list = append(list, [2]float64{at[0] + radius*cos, at[1] + radius*sin})
	}
	p.fill(list, colour)
}

// fill fills a polygon with smooth edges.
func (p *plot) fill(corners [][2]float64, colour color.RGBA) {
	x, y := span{math.Inf(1), math.Inf(-1)}, span{math.Inf(1), math.Inf(-1)}
	for _, c := range corners {
		x.take(c[0])
		y.take(c[1])
	}
	place := image.Rect(int(x.low)-1, int(y.low)-1, int(x.high)+2, int(y.high)+2)
	if !place.Overlaps(p.img.Rect) {
		return
	}
	pen := vector.NewRasterizer(place.Dx(), place.Dy())
	for i, c := range corners {
		px, py := float32(c[0]-float64(place.Min.X)), float32(c[1]-float64(place.Min.Y))
		if i == 0 {
			pen.MoveTo(px, py)
		} else {
			pen.LineTo(px, py)
		}
	}
	pen.ClosePath()
	fill(p.img, place, pen, colour)
}

// fill draws what a pen outlined at a place, of which a part may lie outside of the picture: the pen alone would write there.
func fill(dst *image.RGBA, place image.Rectangle, pen *vector.Rasterizer, ink color.Color) {
	if place.In(dst.Rect) {
		pen.Draw(dst, place, image.NewUniform(ink), image.Point{})
		return
	}
	mask := image.NewAlpha(image.Rectangle{Max: place.Size()})
	pen.Draw(mask, mask.Rect, image.Opaque, image.Point{})
	draw.DrawMask(dst, place, image.NewUniform(ink), image.Point{}, mask, image.Point{}, draw.Over)
}
