package picture

import "image"

// plane is one component of a picture, at its own resolution.
type plane struct {
	data          []uint8
	stride        int // samples from row to row
	width, height int // that belong to the picture
}

// row is a row of samples; rows above and below the plane are its first and last.
func (p plane) row(y int) []uint8 {
	y = min(max(y, 0), p.height-1)
	return p.data[y*p.stride:][:p.width]
}

// upsample writes row y of a picture that has h times the columns and v times the rows of
// the plane, as libjpeg does: by the triangle filter where that is 2 (of columns, where there
// are more than 2), by repeating samples for anything else.
func (p plane) upsample(dst []uint8, y, h, v int) {
	near := p.row(y / v)
	beside := p.row(y/2 - 1 + 2*(y&1)) // above for even y, below for odd
	switch {
	case h == 1 && v == 2:
		for i := range dst {
			dst[i] = uint8((3*int(near[i]) + int(beside[i]) + 1 + y&1) >> 2)
		}
	case h == 2 && v == 2 && p.width > 2:
		upsample420(dst, near, beside)
	case h == 2 && v == 1 && p.width > 2:
		upsample422(dst, near)
	default:
		repeat(dst, near, h)
	}
}

// webpRow converts rows of a lossy WebP picture. Colour is stored at half the resolution;
// libwebp's triangle filter rounds in another way than libjpeg's, and its colours have the
// video range of 16 to 235.
type webpRow struct {
	m           *image.YCbCr
	blues, reds plane
	cb, cr      []uint8 // one row at full resolution
}

func newWebPRow(m *image.YCbCr) convertRow {
	width, height := m.Rect.Dx(), m.Rect.Dy()
	half := plane{stride: m.CStride, width: (width + 1) / 2, height: (height + 1) / 2}
	s := &webpRow{m: m, blues: half, reds: half, cb: make([]uint8, width), cr: make([]uint8, width)}
	s.blues.data, s.reds.data = m.Cb, m.Cr
	return s.convert
}

// convert is a convertRow.
func (s *webpRow) convert(dst []uint8, y int) {
	luma := s.m.Y[y*s.m.YStride:]
	beside := y/2 - 1 + 2*(y&1)
	upsampleWebP(s.cb, s.blues.row(y/2), s.blues.row(beside))
	upsampleWebP(s.cr, s.reds.row(y/2), s.reds.row(beside))
	for i := range s.cb {
		dst[3*i], dst[3*i+1], dst[3*i+2] = webpRGB(int(luma[i]), int(s.cb[i]), int(s.cr[i]))
	}
}

// repeat writes every sample step times.
func repeat(dst, src []uint8, step int) {
	for i := range dst {
		dst[i] = src[i/step]
	}
}

// neighbour is the sample beside i on the side of output column x, the nearest
// sample itself at the edges.
func neighbour(x, n int) (near, beside int) {
	near = x / 2
	return near, min(max(near-1+2*(x&1), 0), n-1)
}

// upsample420 weighs the four nearest samples 9, 3, 3, 1 over 16 (libjpeg's
// h2v2 fancy upsampling).
func upsample420(dst, near, far []uint8) {
	for x := range dst {
		i, j := neighbour(x, len(near))
		sum := 3*(3*int(near[i])+int(far[i])) + 3*int(near[j]) + int(far[j])
		dst[x] = uint8((sum + 8 - x&1) >> 4)
	}
}

// upsample422 weighs the two nearest samples 3, 1 over 4 (h2v1).
func upsample422(dst, row []uint8) {
	for x := range dst {
		i, j := neighbour(x, len(row))
		dst[x] = uint8((3*int(row[i]) + int(row[j]) + 1 + x&1) >> 2)
	}
}

// upsampleWebP weighs like upsample420, rounded in libwebp's two steps.
func upsampleWebP(dst, near, far []uint8) {
	for x := range dst {
		i, j := neighbour(x, len(near))
		a, h, v, d := int(near[i]), int(near[j]), int(far[i]), int(far[j])
		dst[x] = uint8(((a+h+v+d+8+2*(h+v))>>3 + a) >> 1)
	}
}

// jpegRGB is the JFIF conversion in libjpeg's 16-bit fixed point.
func jpegRGB(y, cb, cr int) (r, g, b uint8) {
	cb -= 128
	cr -= 128
	return clamp8(y + (91881*cr+1<<15)>>16),
		clamp8(y + (-22554*cb-46802*cr+1<<15)>>16),
		clamp8(y + (116130*cb+1<<15)>>16)
}

// webpRGB is the video-range BT.601 conversion in libwebp's 14-bit fixed point.
func webpRGB(y, u, v int) (r, g, b uint8) {
	luma := 19077 * y >> 8
	return clamp8((luma + 26149*v>>8 - 14234) >> 6),
		clamp8((luma - 6419*u>>8 - 13320*v>>8 + 8708) >> 6),
		clamp8((luma + 33050*u>>8 - 17685) >> 6)
}

// clamp8 cuts v to 0..255.
func clamp8(v int) uint8 {
	return uint8(min(max(v, 0), 255))
}
