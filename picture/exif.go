package picture

import (
	"context"
	"io"

	"github.com/bep/imagemeta"
)

// orientation reads the EXIF orientation, 1 to 8, of a JPEG or PNG file. Files
// without one, or with damaged metadata, count as upright: 1.
func orientation(r io.ReadSeeker, formatName string) int {
	options := imagemeta.Options{R: r, Sources: imagemeta.EXIF}
	switch formatName {
	case "JPEG":
		options.ImageFormat = imagemeta.JPEG
	case "PNG":
		options.ImageFormat = imagemeta.PNG
	default:
		return 1
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return 1
	}
	found := 1
	options.ShouldHandleTag = func(tag imagemeta.TagInfo) bool {
		return tag.Namespace == "IFD0" && tag.Tag == "Orientation"
	}
	options.HandleTag = func(tag imagemeta.TagInfo) error {
		if v, ok := tag.Value.(uint16); ok && v >= 1 && v <= 8 {
			found = int(v)
		}
		return nil
	}
	// An error means damaged metadata; the pixels were sound.
	if _, err := imagemeta.Decode(options); err != nil {
		return 1
	}
	return found
}

// oriented turns and mirrors a picture stored with an EXIF orientation upright.
// Of the orientations, 5 to 8 exchange height and width.
func (p Picture) oriented(ctx context.Context, orientation int) Picture {
	if orientation <= 1 || orientation > 8 {
		return p
	}
	// Orientation o stores the picture with rows and columns exchanged
	// (transpose), then rows, columns or both reversed.
	transpose := orientation >= 5
	flipX := orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7
	flipY := orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8
	height, width := p.Height, p.Width
	if transpose {
		height, width = width, height
	}
	out := newPicture(height, width)
	parallel(ctx, out.Height, rowsPerPiece, func(from, to int) {
		for y := from; y < to; y++ {
			row := out.row(y)
			for x := range out.Width {
				sy, sx := y, x
				if flipY {
					sy = out.Height - 1 - y
				}
				if flipX {
					sx = out.Width - 1 - x
				}
				if transpose {
					sy, sx = sx, sy
				}
				copy(row[3*x:3*x+3], p.Pixels[(sy*p.Width+sx)*3:])
			}
		}
	})
	return out
}
