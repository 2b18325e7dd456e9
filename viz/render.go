package viz

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"
)

// Options changes how Render draws. The zero value is usable.
type Options struct {
	Title    string // first line; empty leaves it out
	Subtitle string // second line, in grey; empty leaves it out

	// Region is the part of the photograph that the maps cover, in its pixels.
	// It may reach beyond the photograph, where the model's input was padded. The
	// zero value is the whole photograph.
	Region image.Rectangle

	Opacity float64 // of the colours over the photograph, 0 to 1; 0 is 0.7
	Panel   int     // longer side of one panel in pixels; 0 is 420

	Fonts *Fonts // what texts are written in; nil is the Go fonts alone
}

// Measures of the page, in pixels.
const (
	margin      = 40
	gap         = 28 // between panels
	perRow      = 4  // panels in a row
	captionHigh = 74 // below a panel
	noteHigh    = 30 // below the last row
	captionWide = 240
	corner      = 10 // radius
	maxRegion   = 1 << 13
)

// ink is the palette of the page.
type ink struct {
	paper, text, grey color.RGBA
}

func inks() ink {
	return ink{
		paper: color.RGBA{251, 250, 247, 255},
		text:  color.RGBA{28, 30, 34, 255},
		grey:  color.RGBA{110, 114, 122, 255},
	}
}

// page is a drawing under way.
type page struct {
	Options
	ink
	img   *image.RGBA
	photo *image.RGBA     // scaled to the panel
	shown image.Rectangle // Region in the panel's pixels
}

// Render draws the photograph and one panel for each map. A map with
// inconsistent sizes or values that are not finite, an empty photograph and a
// Region outside of it are errors.
func Render(photo image.Image, maps []Map, o Options) (*image.RGBA, error) {
	p, err := newPage(photo, o)
	if err != nil {
		return nil, err
	}
	column := max(p.photo.Rect.Dx(), captionWide)
	head := p.headHeight()
	panels := len(maps) + 1
	row := p.photo.Rect.Dy() + captionHigh
	columns := min(panels, perRow)
	rows := (panels + perRow - 1) / perRow
	width := 2*margin + columns*column + (columns-1)*gap
	p.img = image.NewRGBA(image.Rect(0, 0, width, margin+head+rows*row+noteHigh+margin/2))
	draw.Draw(p.img, p.img.Rect, image.NewUniform(p.paper), image.Point{}, draw.Src)
	p.head(width - 2*margin)
	for i := range panels {
		at := image.Pt(margin+i%perRow*(column+gap), margin+head+i/perRow*row)
		if i == 0 {
			p.place(at, p.framed())
			second := ""
			if !p.whole() {
				second = "frame: the part that the model sees"
			}
			p.caption(at, column, "photograph", size(photo.Bounds().Dx(), photo.Bounds().Dy()), second)
			continue
		}
		if err := p.panel(at, column, maps[i-1]); err != nil {
			return nil, err
		}
	}
	p.note(width - 2*margin)
	return p.img, nil
}

// newPage fills in the defaults and scales the photograph.
func newPage(photo image.Image, o Options) (*page, error) {
	b := photo.Bounds()
	if b.Empty() {
		return nil, errors.New("viz: the photograph is empty")
	}
	if o.Region.Empty() {
		o.Region = b
	}
	if !o.Region.Overlaps(b) {
		return nil, fmt.Errorf("viz: the region %v lies outside of the photograph %v", o.Region, b)
	}
	if o.Opacity <= 0 || o.Opacity > 1 {
		o.Opacity = 0.7
	}
	if o.Panel <= 0 {
		o.Panel = 420
	}
	var err error
	o.Fonts, err = o.Fonts.orOwn()
	if err != nil {
		return nil, err
	}
	scale := float64(o.Panel) / float64(max(b.Dx(), b.Dy()))
	to := func(v int) int { return int(math.Round(float64(v) * scale)) }
	p := &page{Options: o, ink: inks()}
	p.photo = image.NewRGBA(image.Rect(0, 0, max(to(b.Dx()), 1), max(to(b.Dy()), 1)))
	draw.Draw(p.photo, p.photo.Rect, image.NewUniform(p.paper), image.Point{}, draw.Src)
	draw.CatmullRom.Scale(p.photo, p.photo.Rect, photo, b, draw.Over, nil)
	r := o.Region.Sub(b.Min)
	if limit := float64(maxRegion) / scale; float64(r.Dx()) > limit || float64(r.Dy()) > limit {
		return nil, fmt.Errorf("viz: the region %v is too large beside the photograph %v", o.Region, b)
	}
	p.shown = image.Rect(to(r.Min.X), to(r.Min.Y), max(to(r.Max.X), to(r.Min.X)+1), max(to(r.Max.Y), to(r.Min.Y)+1))
	return p, nil
}

// whole reports whether the maps cover the whole photograph.
func (p *page) whole() bool { return p.photo.Rect.In(p.shown) }

// headHeight is the room for title and subtitle.
func (p *page) headHeight() int {
	high := 0
	if p.Title != "" {
		high += 34
	}
	if p.Subtitle != "" {
		high += 26
	}
	if high > 0 {
		high += 14
	}
	return high
}

// head writes title and subtitle.
func (p *page) head(width int) {
	y := margin
	if p.Title != "" {
		y += 20
		p.Fonts.write(p.img, image.Pt(margin, y), p.Title, width, textStyle{26, false, p.text})
		y += 14
	}
	if p.Subtitle != "" {
		y += 14
		p.Fonts.write(p.img, image.Pt(margin, y), p.Subtitle, width, textStyle{17, true, p.grey})
	}
}

// note says how to read the colours.
func (p *page) note(width int) {
	text := fmt.Sprintf("Colours: first three principal components of each map as red, green, blue; 2nd to 98th percentile; %.0f %% over the photograph.", 100*p.Opacity)
	p.Fonts.write(p.img, image.Pt(margin, p.img.Rect.Max.Y-margin/2-6), text, width, textStyle{14, true, p.grey})
}

// caption writes a name and its details below a panel.
func (p *page) caption(at image.Point, width int, name, detail, second string) {
	y := at.Y + p.photo.Rect.Dy() + 28
	x := p.Fonts.write(p.img, image.Pt(at.X, y), name, width, textStyle{18, false, p.text}) + 12
	p.Fonts.write(p.img, image.Pt(x, y), detail, at.X+width-x, textStyle{16, true, p.grey})
	p.Fonts.write(p.img, image.Pt(at.X, y+22), second, width, textStyle{14, true, p.grey})
}

// size joins lengths with multiplication signs.
func size(sides ...int) string {
	text := ""
	for i, n := range sides {
		if i > 0 {
			text += " × "
		}
		text += fmt.Sprint(n)
	}
	return text
}

// panel draws one map over the photograph.
func (p *page) panel(at image.Point, width int, m Map) error {
	components, err := PrincipalComponents(m)
	if err != nil {
		return err
	}
	p.place(at, p.overlay(components))
	share := components.Share
	second := fmt.Sprintf("%.0f %% of the variance (%.0f + %.0f + %.0f)",
		100*(share[0]+share[1]+share[2]), 100*share[0], 100*share[1], 100*share[2])
	p.caption(at, width, m.Name, size(m.C, m.H, m.W), second)
	return nil
}

// place copies a panel to the page with round corners.
func (p *page) place(at image.Point, panel *image.RGBA) {
	mask := rounded{panel.Rect, min(corner, panel.Rect.Dx()/4, panel.Rect.Dy()/4)}
	draw.DrawMask(p.img, panel.Rect.Add(at), panel, image.Point{}, mask, image.Point{}, draw.Over)
}
