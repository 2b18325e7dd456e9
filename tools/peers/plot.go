package main

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Colours with enough contrast on the picture's own ground, which it brings along, so that it reads on light pages and dark ones.
var (
	ground     = color.RGBA{R: 0xfa, G: 0xfa, B: 0xf7, A: 0xff}
	ink        = color.RGBA{R: 0x22, G: 0x22, B: 0x22, A: 0xff}
	faint      = color.RGBA{R: 0xd5, G: 0xd5, B: 0xd0, A: 0xff}
	oursColour = color.RGBA{R: 0x0b, G: 0x5f, B: 0xa5, A: 0xff}
	peerColour = color.RGBA{R: 0xb4, G: 0x4a, B: 0x0c, A: 0xff}
)

// The size of a row and of what surrounds the rows of a panel.
const (
	rowHeight   = 0.6 * vg.Centimeter
	panelFrame  = 2.1 * vg.Centimeter
	panelWidth  = 21 * vg.Centimeter
	plotDPI     = 120
	dotRadius   = 3.2
	tickSize    = 9
	labelOffset = 6
)

// plot draws a panel a work: a dot an engine at its median, a bar from the least to the greatest, on a logarithmic axis.
func (r *report) plot() ([]byte, error) {
	var panels []*plot.Plot
	var heights []vg.Length
	var total vg.Length
	for _, w := range r.works {
		rows := slices.DeleteFunc(slices.Clone(r.Rows), func(x *row) bool { return x.Work != w.name || len(x.Samples) == 0 })
		if len(rows) == 0 {
			continue
		}
		p, err := panel(w, rows)
		if err != nil {
			return nil, err
		}
		height := panelFrame + vg.Length(len(rows))*rowHeight
		panels, heights, total = append(panels, p), append(heights, height), total+height
	}
	canvas := vgimg.NewWith(vgimg.UseWH(panelWidth, total), vgimg.UseDPI(plotDPI), vgimg.UseBackgroundColor(ground))
	whole := draw.Crop(draw.New(canvas), 0.3*vg.Centimeter, -0.6*vg.Centimeter, 0, 0)
	column := make([][]*plot.Plot, len(panels))
	for i, p := range panels {
		column[i] = []*plot.Plot{p}
	}
	// Align gives all panels the same left edge, with tiles of equal height; the heights differ, so only its x is used.
	cells := plot.Align(column, draw.Tiles{Rows: len(panels), Cols: 1}, whole)
	top := whole.Max.Y
	for i, p := range panels {
		c := cells[i][0]
		c.Max.Y, c.Min.Y = top, top-heights[i]
		top -= heights[i]
		p.Draw(draw.Crop(c, 0, 0, 0.15*vg.Centimeter, -0.15*vg.Centimeter))
	}
	var b bytes.Buffer
	_, err := vgimg.PngCanvas{Canvas: canvas}.WriteTo(&b)
	return b.Bytes(), err
}

// panel draws the rows of one work, the first on top.
func panel(w work, rows []*row) (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = ground
	p.Title.Text = w.name
	p.X.Label.Text = w.unit() + map[bool]string{true: ", less is better", false: ", more is better"}[w.isModel()]
	for _, s := range []*text.Style{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		s.Color = ink
		s.Font.Variant = "Sans"
	}
	p.Title.TextStyle.Font.Size, p.X.Label.TextStyle.Font.Size = 12, tickSize
	p.X.Tick.Label.Font.Size, p.Y.Tick.Label.Font.Size = tickSize, tickSize
	names := make([]string, len(rows))
	least, greatest := math.Inf(1), math.Inf(-1)
	for i, x := range rows {
		y := float64(len(rows) - 1 - i)
		names[len(rows)-1-i] = x.title() + ", " + place(x.Driver)
		if x.Driver == noDriver && strings.HasSuffix(x.Engine, place(noDriver)) {
			names[len(rows)-1-i] = x.title()
		}
		lo, hi := slices.Min(x.Samples), slices.Max(x.Samples)
		least, greatest = math.Min(least, lo), math.Max(greatest, hi)
		colour := peerColour
		if x.Engine == oursCPU.name {
			colour = oursColour
		}
		if err := drawRow(p, x.Median, lo, hi, y, colour); err != nil {
			return nil, err
		}
	}
	p.NominalY(names...)
	p.Y.Min, p.Y.Max = -0.6, float64(len(rows))-0.4
	p.Y.LineStyle.Color, p.Y.Tick.LineStyle.Color = faint, faint
	p.X.LineStyle.Color, p.X.Tick.LineStyle.Color = ink, ink
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, decades{}
	p.X.Min, p.X.Max = least/1.3, greatest*1.8 // room for the figure right of the last dot
	return p, nil
}

// drawRow adds a line of the panel, its dot, its spread and its figure.
func drawRow(p *plot.Plot, at, lo, hi, y float64, colour color.Color) error {
	spread, err := plotter.NewLine(plotter.XYs{{X: lo, Y: y}, {X: hi, Y: y}})
	if err != nil {
		return err
	}
	spread.LineStyle = draw.LineStyle{Color: colour, Width: vg.Points(1.6)}
	dot, err := plotter.NewScatter(plotter.XYs{{X: at, Y: y}})
	if err != nil {
		return err
	}
	dot.GlyphStyle = draw.GlyphStyle{Color: colour, Radius: vg.Points(dotRadius), Shape: draw.CircleGlyph{}}
	label, err := plotter.NewLabels(plotter.XYLabels{XYs: plotter.XYs{{X: hi, Y: y}}, Labels: []string{number(at)}})
	if err != nil {
		return err
	}
	label.Offset = vg.Point{X: vg.Points(labelOffset)}
	label.TextStyle[0].Color, label.TextStyle[0].YAlign = ink, draw.YCenter
	label.TextStyle[0].Font = font.Font{Typeface: plot.DefaultFont.Typeface, Variant: "Sans", Size: tickSize}
	p.Add(spread, dot, label)
	return nil
}

// decades marks 1, 2 and 5 times each power of ten.
type decades struct{}

// Ticks implements [plot.Ticker].
func (decades) Ticks(least, greatest float64) []plot.Tick {
	var ticks []plot.Tick
	for power := math.Floor(math.Log10(least)); power <= math.Log10(greatest); power++ {
		for _, digit := range []float64{1, 2, 5} {
			if v := digit * math.Pow(10, power); v >= least && v <= greatest {
				ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprintf("%g", v)})
			}
		}
	}
	return ticks
}
