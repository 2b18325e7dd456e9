package picture

import (
	"context"
	"image"
	"image/color"
)

// fromImage converts a decoded image to red, green, blue. height and width are
// the canvas, which a GIF's first frame need not fill: the rest is black.
func fromImage(ctx context.Context, img image.Image, height, width int) Picture {
	pic := newPicture(height, width)
	b := img.Bounds().Intersect(image.Rect(0, 0, width, height))
	if b.Empty() {
		return pic
	}
	convert := rowConverter(img)
	parallel(ctx, b.Dy(), rowsPerPiece, func(from, to int) {
		c := convert()
		for y := b.Min.Y + from; y < b.Min.Y+to; y++ {
			c(pic.row(y)[3*b.Min.X:3*b.Max.X], y, b.Min.X)
		}
	})
	return pic
}

// convertRow writes the pixels (y, x), (y, x+1), ... of an image to dst,
// [pixels, 3].
type convertRow func(dst []uint8, y, x int)

// rowConverter returns a maker of row converters for an image, one for each
// goroutine, since some need scratch space.
func rowConverter(img image.Image) func() convertRow {
	plain := func(c convertRow) func() convertRow {
		return func() convertRow { return c }
	}
	switch m := img.(type) {
	case *image.YCbCr:
		return func() convertRow { return newWebPRow(m) }
	case *image.NYCbCrA: // WebP with transparency
		return func() convertRow { return newWebPRow(&m.YCbCr) }
	case *image.Paletted:
		return plain(palettedRow(m))
	case *image.CMYK:
		return plain(func(dst []uint8, y, x int) { cmykRow(dst, m.Pix[m.PixOffset(x, y):]) })
	case *image.RGBA:
		return plain(func(dst []uint8, y, x int) { strideRow(dst, m.Pix[m.PixOffset(x, y):], 4, 1) })
	case *image.NRGBA:
		return plain(func(dst []uint8, y, x int) { strideRow(dst, m.Pix[m.PixOffset(x, y):], 4, 1) })
	case *image.RGBA64: // big-endian: the upper byte comes first
		return plain(func(dst []uint8, y, x int) { strideRow(dst, m.Pix[m.PixOffset(x, y):], 8, 2) })
	case *image.NRGBA64:
		return plain(func(dst []uint8, y, x int) { strideRow(dst, m.Pix[m.PixOffset(x, y):], 8, 2) })
	case *image.Gray:
		return plain(func(dst []uint8, y, x int) { strideRow(dst, m.Pix[m.PixOffset(x, y):], 1, 0) })
	case *image.Gray16:
		return plain(func(dst []uint8, y, x int) { strideRow(dst, m.Pix[m.PixOffset(x, y):], 2, 0) })
	}
	return plain(func(dst []uint8, y, x int) {
		for i := 0; i < len(dst); i += 3 {
			c := color.NRGBAModel.Convert(img.At(x+i/3, y)).(color.NRGBA)
			dst[i], dst[i+1], dst[i+2] = c.R, c.G, c.B
		}
	})
}

// strideRow takes the channels of a pixel from bytes 0, step and 2*step of each
// group of stride bytes: step 0 repeats grey.
func strideRow(dst, src []uint8, stride, step int) {
	for i, k := 0, 0; i < len(dst); i, k = i+3, k+stride {
		dst[i], dst[i+1], dst[i+2] = src[k], src[k+step], src[k+2*step]
	}
}

// palettedRow looks colours up; a transparent colour keeps its red, green and
// blue.
func palettedRow(m *image.Paletted) convertRow {
	var table [256][3]uint8 // an index past the palette stays black
	for i, c := range m.Palette[:min(len(m.Palette), 256)] {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		table[i] = [3]uint8{n.R, n.G, n.B}
	}
	return func(dst []uint8, y, x int) {
		src := m.Pix[m.PixOffset(x, y):]
		for i := 0; i < len(dst); i += 3 {
			copy(dst[i:i+3], table[src[i/3]][:])
		}
	}
}

// cmykRow converts ink amounts with OpenCV's formula, which works on the
// inverted values that the file stores.
func cmykRow(dst, src []uint8) {
	for i, k := 0, 0; i < len(dst); i, k = i+3, k+4 {
		light := 255 - int(src[k+3])
		for c := range 3 {
			ink := int(src[k+c])
			dst[i+c] = uint8(light - ink*light>>8)
		}
	}
}
