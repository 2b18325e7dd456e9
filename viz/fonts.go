package viz

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"unicode"

	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/fontscan"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/math/fixed"
	"golang.org/x/text/unicode/bidi"
)

// Fonts are what texts are written in. Each character is written in the first
// font that has it. Scripts that run from right to left do, and letters that join are
// joined. Fonts may be used by several goroutines.
type Fonts struct {
	mu     sync.Mutex    // a face keeps what it looked up
	own    [2]*font.Face // of the program: bold and regular
	more   []*font.Face
	system func() *fontscan.FontMap // nil: the system's are not used
	shaper shaping.HarfbuzzShaper
}

// NewFonts are the fonts of the program, the Go fonts, then those in the contents of font
// files (TrueType or OpenType, also collections), and for characters that these all lack, if
// system is true, the fonts that are installed. These are looked for when they are first
// needed; the list of them is kept in the user's cache folder. Contents that are no font are
// an error, which counts them from 1.
func NewFonts(system bool, files ...[]byte) (*Fonts, error) {
	f := &Fonts{}
	for i, data := range [][]byte{gobold.TTF, goregular.TTF} {
		faces, err := parseFont(data)
		if err != nil {
			return nil, fmt.Errorf("viz: %w", err)
		}
		f.own[i] = faces[0]
	}
	for i, data := range files {
		faces, err := parseFont(data)
		if err != nil {
			return nil, fmt.Errorf("viz: font %d: %w", i+1, err)
		}
		f.more = append(f.more, faces...)
	}
	if system {
		f.system = sync.OnceValue(systemFonts)
	}
	return f, nil
}

// orOwn are the program's own where f is nil.
func (f *Fonts) orOwn() (*Fonts, error) {
	if f == nil {
		return NewFonts(false)
	}
	return f, nil
}

// parseFont reads the fonts of a file.
func parseFont(data []byte) (faces []*font.Face, err error) {
	defer func() {
		if p := recover(); p != nil { // it should not; if it does, it is the file's fault
			err = fmt.Errorf("a damaged font (%v)", p)
		}
	}()
	if faces, err = font.ParseTTC(bytes.NewReader(data)); err != nil {
		return nil, fmt.Errorf("not a TrueType or OpenType font: %w", err)
	}
	if len(faces) == 0 {
		return nil, errors.New("a collection without a font")
	}
	return faces, nil
}

// quiet takes no notes.
type quiet struct{}

// Printf implements fontscan.Logger.
func (quiet) Printf(string, ...any) {}

// systemFonts are those that are installed; nil where none are found.
func systemFonts() (m *fontscan.FontMap) {
	defer func() {
		if recover() != nil { // an installed font is damaged
			m = nil
		}
	}()
	folder, leave, err := listFolder()
	if err != nil {
		return nil
	}
	defer leave()
	m = fontscan.NewFontMap(quiet{})
	if m.UseSystemFonts(folder) != nil {
		return nil
	}
	m.SetQuery(fontscan.Query{Families: []string{fontscan.SansSerif}, Aspect: font.Aspect{Weight: font.WeightBold}})
	return m
}

// listFolder is a folder that the list of fonts can be written to: the user's cache, or else
// one that leave removes.
func listFolder() (folder string, leave func(), err error) {
	if folder, err = os.UserCacheDir(); err == nil {
		folder = filepath.Join(folder, "glipvk")
		if err = os.MkdirAll(folder, 0o755); err == nil {
			var probe *os.File
			if probe, err = os.CreateTemp(folder, "fonts"); err == nil {
				return folder, func() {}, errors.Join(probe.Close(), os.Remove(probe.Name()))
			}
		}
	}
	folder, err = os.MkdirTemp("", "glipvk")
	return folder, func() { os.RemoveAll(folder) }, err
}

// faceOf implements shaping.Fontmap.
type faceOf func(rune) *font.Face

// ResolveFace is the face that a character is written in.
func (f faceOf) ResolveFace(r rune) *font.Face { return f(r) }

// face is the first one that has a character, or else the first of all, which is one of the
// program's.
func (f *Fonts) face(first *font.Face, r rune) *font.Face {
	if _, ok := first.NominalGlyph(r); ok {
		return first
	}
	for _, face := range f.more {
		if _, ok := face.NominalGlyph(r); ok {
			return face
		}
	}
	if f.system == nil {
		return first
	}
	m := f.system()
	if m == nil {
		return first
	}
	m.SetScript(language.LookupScript(r))
	face := m.ResolveFace(r)
	if face == nil {
		return first
	}
	if _, ok := face.NominalGlyph(r); !ok {
		return first
	}
	return face
}

// textStyle is how a text is written.
type textStyle struct {
	size   float64 // of letters, in pixels
	light  bool    // not bold
	colour color.Color
}

// shape lays a line of text out, from left to right as it is seen.
func (f *Fonts) shape(text string, style textStyle) shaping.Line {
	runes := []rune(text)
	if len(runes) == 0 {
		return nil
	}
	for i, r := range runes {
		if unicode.IsControl(r) { // the end of a line
			runes[i] = ' '
		}
	}
	first := f.own[0]
	if style.light {
		first = f.own[1]
	}
	space, _ := first.NominalGlyph(' ')
	gap := fixed.Int26_6(first.HorizontalAdvance(space) * float32(style.size*64) / float32(first.Upem()))
	var segmenter shaping.Segmenter
	whole := shaping.Input{
		Text: runes, RunEnd: len(runes), Direction: direction(runes), Size: fixed.Int26_6(style.size * 64), Language: language.NewLanguage("en"),
	}
	runs := segmenter.Split(whole, faceOf(func(r rune) *font.Face { return f.face(first, r) }))
	var shaped []shaping.Output
	for _, run := range runs {
		out := f.shaper.Shape(run)
		for i, g := range out.Glyphs { // a font of emojis has wide ones
			if runes[g.TextIndex()] == ' ' {
				out.Glyphs[i].Advance = gap
			}
		}
		out.RecomputeAdvance()
		shaped = append(shaped, out)
	}
	var wrapper shaping.LineWrapper
	const endless = 1 << 24
	lines, _ := wrapper.WrapParagraph(shaping.WrapConfig{Direction: whole.Direction, DisableTrailingWhitespaceTrim: true},
		endless, runes, shaping.NewSliceIterator(shaped))
	var line shaping.Line
	for _, l := range lines { // more than one where the text has ends of lines
		slices.SortFunc(l, func(a, b shaping.Output) int { return int(a.VisualIndex - b.VisualIndex) })
		line = append(line, l...)
	}
	return line
}

// direction is that of the first letter that has one.
func direction(runes []rune) di.Direction {
	for _, r := range runes {
		p, _ := bidi.LookupRune(r)
		switch p.Class() {
		case bidi.L:
			return di.DirectionLTR
		case bidi.R, bidi.AL:
			return di.DirectionRTL
		}
	}
	return di.DirectionLTR
}

// Lacks reports whether a text has a character that no font has, or has in a form that is
// not drawn (a vector picture in colours).
func (f *Fonts) Lacks(text string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, run := range f.shape(text, textStyle{size: 16}) {
		for _, g := range run.Glyphs {
			if g.GlyphID == 0 || g.Width != 0 && glyphOf(run.Face, g.GlyphID) == nil {
				return true
			}
		}
	}
	return false
}

// measure is how wide a line of text is in pixels, and how far it reaches above and below
// its baseline.
func measure(line shaping.Line) (width, ascent, descent fixed.Int26_6) {
	for _, run := range line {
		width += run.Advance
		for _, g := range run.Glyphs {
			ascent = max(ascent, g.YBearing+g.YOffset)
			descent = max(descent, -g.YBearing-g.YOffset-g.Height)
		}
	}
	return width, ascent, descent
}

// write draws a text with its baseline beginning at a point, cut to a width in pixels, and
// returns where it ends.
func (f *Fonts) write(dst *image.RGBA, at image.Point, text string, width int, style textStyle) (end int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	line := f.fit(text, style, width)
	drawLine(dst, at, line, style.colour)
	wide, _, _ := measure(line)
	return at.X + wide.Ceil()
}

// fit shortens a text to a width in pixels, by an ellipsis.
func (f *Fonts) fit(text string, style textStyle, width int) shaping.Line {
	runes := []rune(text)
	n := min(len(runes), max(width, 1)) // letters narrower than a pixel are not read
	if n < len(runes) {
		text = string(runes[:n]) + "…"
	}
	line := f.shape(text, style)
	for n--; len(line) > 0; n-- {
		wide, _, _ := measure(line)
		switch {
		case wide.Ceil() <= width:
			return line
		case n <= 0:
			return nil
		}
		line = f.shape(string(runes[:n])+"…", style)
	}
	return nil
}
