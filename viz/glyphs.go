package viz

import (
	"bytes"
	"image"
	"image/color"
	"image/png"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/draw"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// glyph is the form of a character: a picture, or else lines.
type glyph struct {
	picture image.Image
	lines   []font.Segment
}

// glyphOf is nil where a face has no form that is drawn.
func glyphOf(face *font.Face, id font.GID) *glyph {
	if bitmap, ok := face.GlyphDataBitmap(id); ok && bitmap.Format == font.PNG {
		cfg, err := png.DecodeConfig(bytes.NewReader(bitmap.Data))
		const most = 1 << 10
		if err == nil && cfg.Width <= most && cfg.Height <= most {
			if img, err := png.Decode(bytes.NewReader(bitmap.Data)); err == nil {
				return &glyph{picture: img}
			}
		}
	}
	if outline, ok := face.GlyphDataOutline(id); ok && len(outline.Segments) > 0 {
		return &glyph{lines: outline.Segments}
	}
	return nil
}

// drawLine draws a line of text with its baseline beginning at a point.
func drawLine(dst *image.RGBA, at image.Point, line shaping.Line, ink color.Color) {
	x := fixed.I(at.X)
	for i := range line {
		run := &line[i]
		for _, g := range run.Glyphs {
			if form := glyphOf(run.Face, g.GlyphID); form != nil {
				form.draw(dst, run, g, fixed.Point26_6{X: x + g.XOffset, Y: fixed.I(at.Y) - g.YOffset}, ink)
			}
			x += g.Advance
		}
	}
}

// draw draws a glyph whose origin is at a point.
func (f *glyph) draw(dst *image.RGBA, run *shaping.Output, g shaping.Glyph, at fixed.Point26_6, ink color.Color) {
	place := image.Rect((at.X + g.XBearing).Floor(), (at.Y - g.YBearing).Floor(), (at.X + g.XBearing + g.Width).Ceil(), (at.Y - g.YBearing - g.Height).Ceil())
	if place.Empty() || !place.Overlaps(dst.Rect) || place.Dx() > 1<<12 || place.Dy() > 1<<12 {
		return
	}
	if f.picture != nil {
		draw.CatmullRom.Scale(dst, place, f.picture, f.picture.Bounds(), draw.Over, nil)
		return
	}
	place = place.Inset(-1) // for what smooth edges add
	pen := vector.NewRasterizer(place.Dx(), place.Dy())
	scale := float32(run.Size) / 64 / float32(run.Face.Upem())
	point := func(p opentype.SegmentPoint) (x, y float32) {
		return float32(at.X)/64 + p.X*scale - float32(place.Min.X), float32(at.Y)/64 - p.Y*scale - float32(place.Min.Y)
	}
	for _, s := range f.lines {
		ax, ay := point(s.Args[0])
		bx, by := point(s.Args[1])
		cx, cy := point(s.Args[2])
		switch s.Op {
		case opentype.SegmentOpMoveTo:
			pen.ClosePath()
			pen.MoveTo(ax, ay)
		case opentype.SegmentOpLineTo:
			pen.LineTo(ax, ay)
		case opentype.SegmentOpQuadTo:
			pen.QuadTo(ax, ay, bx, by)
		case opentype.SegmentOpCubeTo:
			pen.CubeTo(ax, ay, bx, by, cx, cy)
		}
	}
	pen.ClosePath()
	fill(dst, place, pen, ink)
}
