package picture

import (
	"context"
	"fmt"
	"image"
)

// fromImage converts an image that a decoder of others made to red, green, blue. height
// and width are the canvas, which it lies in at an offset; the rest is black.
func fromImage(ctx context.Context, img image.Image, offset image.Point, height, width int) (Picture, error) {
	var convert func() convertRow
	switch m := img.(type) {
	case *image.YCbCr:
		convert = func() convertRow { return newWebPRow(m) }
	case *image.NRGBA:
		convert = func() convertRow {
			return func(dst []uint8, y int) {
				src := m.Pix[y*m.Stride:]
				for i, k := 0, 0; i < len(dst); i, k = i+3, k+4 {
					copy(dst[i:i+3], src[k:])
				}
			}
		}
	default:
		return Picture{}, fmt.Errorf("pixels of kind %T are not read", img)
	}
	pic := newPicture(height, width)
	b := img.Bounds()
	parallel(ctx, b.Dy(), rowsPerPiece, func(from, to int) {
		c := convert()
		for y := from; y < to; y++ {
			c(pic.row(offset.Y + y)[3*offset.X:][:3*b.Dx()], y)
		}
	})
	return pic, nil
}

// sample is number i of samples of 1, 2, 4 or 8 bits, which stand in bytes from the upper
// bits on.
func sample(row []uint8, i, bits int) uint8 {
	at := i * bits
	return row[at/8] >> (8 - bits - at%8) & uint8(1<<bits-1)
}

// convertRow writes row y of an image to dst, [pixels, 3].
type convertRow func(dst []uint8, y int)
