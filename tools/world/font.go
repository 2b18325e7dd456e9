package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"strconv"
	"strings"

	"github.com/glipvk/glipvk/internal/file"
	"github.com/go-text/typesetting/font"
)

// Where Debian puts what drawings and their names come from, and in which packages.
const (
	fontPath     = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
	namesPath    = "/usr/share/unicode/emoji/emoji-test.txt"
	fontPackage  = "fonts-noto-color-emoji"
	namesPackage = "unicode-data"
)

// most is how long either file may be, bytes.
const most = 64 << 20

// openDrawings reads the drawing of each of the words, in natural colours and cut to what is seen of it.
func openDrawings(ctx context.Context, fontPath, namesPath string) ([]*image.RGBA, error) {
	runes, err := openRunes(ctx, namesPath)
	if err != nil {
		return nil, fmt.Errorf("%w; emoji-test.txt is in Debian's package %s (--names says where else)", err, namesPackage)
	}
	data, err := file.ReadAll(ctx, fontPath, most)
	if err != nil {
		return nil, fmt.Errorf("%w; NotoColorEmoji.ttf is in Debian's package %s (--font says where else)", err, fontPackage)
	}
	face, err := font.ParseTTF(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: no font: %w; want Debian's package %s", fontPath, err, fontPackage)
	}
	drawings := make([]*image.RGBA, len(words))
	for i, w := range words {
		r, ok := runes[w.emoji]
		if !ok {
			return nil, fmt.Errorf("%s: no fully-qualified emoji of one code point is called %q; want Debian's package %s", namesPath, w.emoji, namesPackage)
		}
		if drawings[i], err = drawing(face, r); err != nil {
			return nil, fmt.Errorf("%s: %s, %U: %w; want Debian's package %s", fontPath, w.emoji, r, err, fontPackage)
		}
	}
	return drawings, nil
}

// openRunes reads what the emoji of one code point (and a variation selector) are called.
func openRunes(ctx context.Context, path string) (map[string]rune, error) {
	data, err := file.ReadAll(ctx, path, most)
	if err != nil {
		return nil, err
	}
	runes := map[string]rune{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		codes, rest, ok := strings.Cut(lines.Text(), ";")
		_, comment, named := strings.Cut(rest, "#")
		parts := strings.SplitN(strings.TrimSpace(comment), " ", 3) // the emoji, the version, the name
		codes = strings.TrimSuffix(strings.TrimSpace(codes), " FE0F")
		if !ok || !named || len(parts) < 3 || !strings.HasPrefix(strings.TrimSpace(rest), "fully-qualified") {
			continue
		}
		if code, err := strconv.ParseUint(codes, 16, 21); err == nil {
			runes[parts[2]] = rune(code)
		}
	}
	return runes, lines.Err()
}

// drawing is the bitmap of a character.
func drawing(face *font.Face, r rune) (*image.RGBA, error) {
	glyph, ok := face.NominalGlyph(r)
	if !ok {
		return nil, fmt.Errorf("the font has no such character")
	}
	bitmap, ok := face.GlyphDataBitmap(glyph)
	if !ok || bitmap.Format != font.PNG {
		return nil, fmt.Errorf("the font has no PNG of it")
	}
	if c, err := png.DecodeConfig(bytes.NewReader(bitmap.Data)); err != nil || c.Width > 1024 || c.Height > 1024 {
		return nil, fmt.Errorf("its PNG is damaged or has more than 1024 pixels a side (%d x %d, %v)", c.Width, c.Height, err)
	}
	picture, err := png.Decode(bytes.NewReader(bitmap.Data))
	if err != nil {
		return nil, err
	}
	whole := image.NewRGBA(picture.Bounds())
	draw.Draw(whole, whole.Bounds(), picture, picture.Bounds().Min, draw.Src)
	seen := seen(whole)
	if seen.Empty() {
		return nil, fmt.Errorf("nothing is drawn")
	}
	cut := image.NewRGBA(image.Rect(0, 0, seen.Dx()+2*margin, seen.Dy()+2*margin))
	draw.Draw(cut, cut.Bounds().Inset(margin), whole, seen.Min, draw.Src)
	return cut, nil
}

// margin is how many pixels without anything lie around a drawing, for smooth edges where it is turned.
const margin = 2

// half is the alpha from which on a pixel belongs to what is drawn.
const half = 128

// seen is the extent of what is drawn.
func seen(picture *image.RGBA) (box image.Rectangle) {
	for y := range picture.Rect.Dy() {
		for x := range picture.Rect.Dx() {
			if picture.Pix[y*picture.Stride+4*x+3] >= half {
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return box
}
