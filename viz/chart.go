package viz

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"
)

// Chart is a drawing of numbers over a count, such as losses over steps.
type Chart struct {
	Title    string
	Subtitle string // below it, in grey; empty leaves it out
	Across   string // what the horizontal axis counts, from 0 on
	Lines    []Line

	// Log scales the vertical axis by powers of ten, if all values are above 0.
	Log bool

	// Top, if above 0, is where the vertical axis ends, which begins at 0 then; else both are where the values are.
	Top float64

	Fonts *Fonts // what texts are written in; nil is the Go fonts alone
}

// Line is a line of a chart. X ascends; where Y is no finite number the line has a gap.
type Line struct {
	Name  string // in the legend; empty leaves it out
	X, Y  []float64
	Faint bool // thin and light, for values that another line smooths; it has the colour of the line behind it
	Dots  bool // a dot at each value
}

// The room around the lines of a chart, in pixels, and letters.
const (
	chartLeft, chartRight  = 84, 28
	chartHead, chartBottom = 24, 62
	chartLetters           = 15
	leastChart, mostChart  = 320, 1 << 12 // sides
)

// plot is a chart under way.
type plot struct {
	Chart
	ink
	img   *image.RGBA
	area  image.Rectangle // of the lines
	x, y  axis
	hues  []color.RGBA // of each line
	names []int        // lines that are in the legend
}

// Draw draws the chart. A line whose numbers are not in pairs, a size below 320 or above 4096 and a chart without a finite value are
// errors.
func (c Chart) Draw(width, height int) (*image.RGBA, error) {
	if min(width, height) < leastChart || max(width, height) > mostChart {
		return nil, fmt.Errorf("viz: a chart of %d x %d pixels, want %d to %d a side", width, height, leastChart, mostChart)
	}
	p := &plot{Chart: c, ink: inks(), img: image.NewRGBA(image.Rect(0, 0, width, height))}
	var err error
	if p.Fonts, err = c.Fonts.orOwn(); err != nil {
		return nil, err
	}
	if err := p.scale(); err != nil {
		return nil, err
	}
	draw.Draw(p.img, p.img.Rect, image.NewUniform(p.paper), image.Point{}, draw.Src)
	p.head()
	p.axes()
	for _, faint := range []bool{true, false} {
		for i, l := range p.Lines {
			if l.Faint == faint {
				p.line(l, p.hues[i])
			}
		}
	}
	return p.img, nil
}

// scale chooses the axes and the colours.
func (p *plot) scale() error {
	x, y := span{math.Inf(1), math.Inf(-1)}, span{math.Inf(1), math.Inf(-1)}
	hue := 0
	for i, l := range p.Lines {
		if len(l.X) != len(l.Y) {
			return fmt.Errorf("viz: line %d of a chart has %d places and %d values", i, len(l.X), len(l.Y))
		}
		for k, v := range l.Y {
			if finite(v) && finite(l.X[k]) {
				x.take(l.X[k])
				y.take(v)
			}
		}
		p.hues = append(p.hues, chartHues()[hue%len(chartHues())])
		if l.Name != "" {
			p.names = append(p.names, i)
		}
		if !l.Faint {
			hue++
		}
	}
	if x.low > x.high {
		return fmt.Errorf("viz: a chart without a value")
	}
	x.low = min(x.low, 0)
	if p.Top > 0 {
		y = span{0, max(p.Top, y.high)}
	}
	b := p.img.Rect
	p.area = image.Rect(chartLeft, p.headEnd(), b.Dx()-chartRight, b.Dy()-chartBottom)
	p.x = newAxis(x, false, p.area.Dx()/90, p.area.Min.X, p.area.Max.X-1)
	p.y = newAxis(y, p.Log && y.low > 0, p.area.Dy()/60, p.area.Max.Y-1, p.area.Min.Y)
	return nil
}

// headEnd is where the room of title, subtitle and legend ends.
func (p *plot) headEnd() int {
	y := chartHead + 26
	if p.Subtitle != "" {
		y += 24
	}
	if len(p.names) > 0 {
		y += 26
	}
	return y + 14
}

// head writes title, subtitle and legend.
func (p *plot) head() {
	x, y, wide := chartLeft, chartHead+14, p.img.Rect.Dx()-chartLeft-chartRight
	p.Fonts.write(p.img, image.Pt(x, y), p.Title, wide, textStyle{22, false, p.text})
	if p.Subtitle != "" {
		y += 25
		p.Fonts.write(p.img, image.Pt(x, y), p.Subtitle, wide, textStyle{chartLetters, true, p.grey})
	}
	y += 28
	for _, i := range p.names {
		if x > p.img.Rect.Dx()-chartRight-60 {
			break // there is no more room
		}
		l := p.Lines[i]
		p.stroke([][2]float64{{float64(x), float64(y - 5)}, {float64(x + 26), float64(y - 5)}}, p.width(l), p.colour(l, p.hues[i]))
		x = p.Fonts.write(p.img, image.Pt(x+34, y), l.Name, p.img.Rect.Dx()-chartRight-x-34, textStyle{chartLetters, true, p.text}) + 26
	}
}

// axes draws the grid, its numbers, and what is counted.
func (p *plot) axes() {
	faint := color.RGBA{225, 223, 216, 255}
	for _, t := range p.y.ticks {
		y := int(math.Round(p.y.at(t)))
		draw.Draw(p.img, image.Rect(p.area.Min.X, y, p.area.Max.X, y+1), image.NewUniform(faint), image.Point{}, draw.Src)
		p.number(t, p.y, image.Pt(p.area.Min.X-10, y+5), 1)
	}
	for _, t := range p.x.ticks {
		x := int(math.Round(p.x.at(t)))
		draw.Draw(p.img, image.Rect(x, p.area.Max.Y, x+1, p.area.Max.Y+6), image.NewUniform(p.grey), image.Point{}, draw.Src)
		p.number(t, p.x, image.Pt(x, p.area.Max.Y+23), 0.5)
	}
	base := image.Rect(p.area.Min.X, p.area.Max.Y, p.area.Max.X, p.area.Max.Y+1)
	draw.Draw(p.img, base, image.NewUniform(p.grey), image.Point{}, draw.Src)
	p.aligned(p.Across, image.Pt((p.area.Min.X+p.area.Max.X)/2, p.img.Rect.Dy()-14), 0.5)
}

// number writes that of a tick; share of its width lies before the point.
func (p *plot) number(t float64, a axis, at image.Point, share float64) {
	p.aligned(a.text(t), at, share)
}

func (p *plot) aligned(text string, at image.Point, share float64) {
	style := textStyle{chartLetters, true, p.grey}
	p.Fonts.mu.Lock()
	wide, _, _ := measure(p.Fonts.fit(text, style, p.img.Rect.Dx()))
	p.Fonts.mu.Unlock()
	x := min(max(at.X-int(share*float64(wide.Ceil())), 2), p.img.Rect.Dx()-wide.Ceil()-2)
	p.Fonts.write(p.img, image.Pt(x, at.Y), text, p.img.Rect.Dx(), style)
}
