package picture

import "image"

// ycbcrRow converts rows of a JPEG or lossy WebP picture. Colour is stored at a
// lower resolution; it is brought to full resolution by the triangle filter of
// libjpeg and libwebp, whose roundings differ, and so do their colour matrices:
// JPEG uses the full range of 0 to 255, WebP the video range of 16 to 235.
type ycbcrRow struct {
	m      *image.YCbCr
	webp   bool
	cb, cr []uint8 // one row at full resolution
}

func newYCbCrRow(m *image.YCbCr, webp bool) convertRow {
	width := m.Rect.Dx()
	s := &ycbcrRow{m: m, webp: webp, cb: make([]uint8, width), cr: make([]uint8, width)}
	return s.convert
}

// convert expects whole rows: x is the left edge of the image.
func (s *ycbcrRow) convert(dst []uint8, y, x int) {
	s.upsample(s.cb, s.m.Cb, y)
	s.upsample(s.cr, s.m.Cr, y)
	luma := s.m.Y[s.m.YOffset(x, y):]
	rgb := jpegRGB
	if s.webp {
		rgb = webpRGB
	}
	for i := range min(len(s.cb), len(dst)/3) {
		dst[3*i], dst[3*i+1], dst[3*i+2] = rgb(int(luma[i]), int(s.cb[i]), int(s.cr[i]))
	}
}

// upsample writes the chroma of row y at full resolution.
func (s *ycbcrRow) upsample(dst, plane []uint8, y int) {
	width, height, stride := s.m.Rect.Dx(), s.m.Rect.Dy(), s.m.CStride
	y -= s.m.Rect.Min.Y
	switch s.m.SubsampleRatio {
	case image.YCbCrSubsampleRatio420:
		rows := (height + 1) / 2
		near := min(y/2, rows-1)
		far := min(max(near-1+2*(y&1), 0), rows-1) // above for even y, below for odd
		a, b := plane[near*stride:], plane[far*stride:]
		columns := (width + 1) / 2
		switch {
		case s.webp:
			upsampleWebP(dst, a[:columns], b[:columns])
		case columns > 2:
			upsample420(dst, a[:columns], b[:columns])
		default:
			repeat(dst, a, 2)
		}
	case image.YCbCrSubsampleRatio422:
		columns := (width + 1) / 2
		if row := plane[y*stride:]; columns > 2 {
			upsample422(dst, row[:columns])
		} else {
			repeat(dst, row, 2)
		}
	case image.YCbCrSubsampleRatio440:
		rows := (height + 1) / 2
		near := y / 2
		far := min(max(near-1+2*(y&1), 0), rows-1)
		a, b := plane[near*stride:], plane[far*stride:]
		for i := range dst {
			dst[i] = uint8((3*int(a[i]) + int(b[i]) + 1 + y&1) >> 2)
		}
	default: // 4:4:4, and the rare ratios, which libjpeg only repeats
		offset := s.m.COffset(s.m.Rect.Min.X, s.m.Rect.Min.Y+y)
		repeat(dst, plane[offset:], chromaStep(s.m.SubsampleRatio))
	}
}

// chromaStep is the number of columns that share one chroma sample.
func chromaStep(r image.YCbCrSubsampleRatio) int {
	switch r {
	case image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410:
		return 4
	case image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio422:
		return 2
	}
	return 1
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
