package viz

import (
	"fmt"
	"image"
	"image/color"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// typeface holds the sizes in use. Sizes are pixels.
type typeface struct {
	title, subtitle, name, detail, note font.Face
}

// newTypeface loads the Go fonts, which are part of the program.
func newTypeface() (typeface, error) {
	var t typeface
	for _, row := range []struct {
		face *font.Face
		ttf  []byte
		size float64
	}{
		{&t.title, gobold.TTF, 26},
		{&t.subtitle, goregular.TTF, 17},
		{&t.name, gobold.TTF, 18},
		{&t.detail, goregular.TTF, 16},
		{&t.note, goregular.TTF, 14},
	} {
		var err error
		if *row.face, err = newFace(row.ttf, row.size); err != nil {
			return typeface{}, err
		}
	}
	return t, nil
}

// newFace makes a face of a font; size is in pixels.
func newFace(ttf []byte, size float64) (font.Face, error) {
	parsed, err := opentype.Parse(ttf)
	if err != nil {
		return nil, fmt.Errorf("viz: font: %w", err)
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil, fmt.Errorf("viz: font: %w", err)
	}
	return face, nil
}

// write puts text with its baseline at y and returns where it ends. Text wider
// than width pixels is cut and ends in an ellipsis.
func write(dst *image.RGBA, at image.Point, text string, width int, style textStyle) (end int) {
	d := font.Drawer{Dst: dst, Src: image.NewUniform(style.colour), Face: style.face, Dot: fixed.P(at.X, at.Y)}
	d.DrawString(fit(style.face, text, width))
	return d.Dot.X.Ceil()
}

// textStyle is a face and a colour.
type textStyle struct {
	face   font.Face
	colour color.Color
}

// fit shortens text to a width in pixels.
func fit(face font.Face, text string, width int) string {
	if font.MeasureString(face, text).Ceil() <= width {
		return text
	}
	runes := []rune(text)
	for n := len(runes) - 1; n > 0; n-- {
		if short := string(runes[:n]) + "…"; font.MeasureString(face, short).Ceil() <= width {
			return short
		}
	}
	return ""
}
