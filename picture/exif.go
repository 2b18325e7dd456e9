package picture

import (
	"context"
	"encoding/binary"
)

// exifMost is how long EXIF data are at most, in bytes; longer ones are left alone.
const exifMost = 1 << 20

// exifOrientation is the orientation, 1 to 8, that EXIF data name, which have the form of
// a TIFF file. Where there is none, or the data are damaged, it is 1: upright.
func exifOrientation(data []byte) int {
	const tag, short, entrySize = 0x112, 3, 12
	if len(data) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(data[:4]) {
	case "II*\x00":
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	first := int64(order.Uint32(data[4:]))
	if first+2 > int64(len(data)) {
		return 1
	}
	count := int(order.Uint16(data[first:]))
	for entries := data[first+2:]; count > 0 && len(entries) >= entrySize; count, entries = count-1, entries[entrySize:] {
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == short {
			if v := order.Uint16(entries[8:]); v >= 1 && v <= 8 {
				return int(v)
			}
			return 1
		}
	}
	return 1
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
