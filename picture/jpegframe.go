package picture

import (
	"errors"
	"fmt"
)

// jpegFrame is what the start of a frame says.
type jpegFrame struct {
	height, width int
	progressive   bool
	h, v          int // largest sampling factors
	parts         []jpegPart
}

// jpegPart is one of the components of a picture, a plane of samples.
type jpegPart struct {
	id, table byte
	h, v      int // sampling factors: its share of the largest is that of its resolution
	plane     plane
	across    int // blocks that hold the plane, in a row
	down      int // and rows of them
	stride    int // blocks in a row with those that fill groups
	rows      int

	quant  *[64]int32 // as the table was at its first scan; nil before
	coeffs []int16    // of a progressive picture, 64 for each block
	exact  [64]bool   // of a progressive picture: coefficients that came to the last bit
}

// jpegKinds are the frames that are not read, by the lower half of the marker.
func jpegKinds() map[byte]string {
	return map[byte]string{
		3: "lossless", 5: "hierarchical", 6: "hierarchical", 7: "hierarchical and lossless", 9: "arithmetic coding", 10: "arithmetic coding",
		11: "lossless and arithmetic coding", 13: "hierarchical", 14: "hierarchical", 15: "hierarchical",
	}
}

// newJPEGFrame reads the content of a start-of-frame segment; marker is 0xc0 to 0xcf.
func newJPEGFrame(marker byte, content []byte) (*jpegFrame, error) {
	const head = 6 // before the components, of 3 bytes each
	if kind, other := jpegKinds()[marker&15]; other {
		return nil, fmt.Errorf("this kind of JPEG is not read (%s): convert it to a baseline or progressive one", kind)
	}
	if len(content) < head || len(content) != head+3*int(content[5]) {
		return nil, errors.New("the start of the frame has a wrong length")
	}
	if bits := content[0]; bits != 8 {
		return nil, fmt.Errorf("%d bits a sample are not read, only 8: convert it", bits)
	}
	f := &jpegFrame{
		height: int(content[1])<<8 + int(content[2]), width: int(content[3])<<8 + int(content[4]), progressive: marker == jpegProgressive, h: 1, v: 1,
	}
	if n := content[5]; n != 1 && n != 3 && n != 4 {
		return nil, fmt.Errorf("%d components; want 1, 3 or 4", n)
	}
	for c := content[head:]; len(c) > 0; c = c[3:] {
		p := jpegPart{id: c[0], h: int(c[1] >> 4), v: int(c[1] & 15), table: c[2]}
		if p.h < 1 || p.h > 4 || p.v < 1 || p.v > 4 || p.table > 3 {
			return nil, fmt.Errorf("component %d has sampling factors %d x %d and table %d; want factors of 1 to 4, tables of 0 to 3", p.id, p.h, p.v, p.table)
		}
		f.h, f.v = max(f.h, p.h), max(f.v, p.v)
		f.parts = append(f.parts, p)
	}
	return f, f.layOut()
}

// layOut finds the sizes of the planes.
func (f *jpegFrame) layOut() error {
	across, down := f.groups()
	for i := range f.parts {
		p := &f.parts[i]
		if f.h%p.h != 0 || f.v%p.v != 0 {
			return fmt.Errorf("component %d has sampling factors %d x %d beside %d x %d: a resolution that is no whole part of the picture's", p.id, p.h, p.v, f.h, f.v)
		}
		p.plane.width, p.plane.height = (f.width*p.h+f.h-1)/f.h, (f.height*p.v+f.v-1)/f.v
		p.across, p.down = (p.plane.width+7)/8, (p.plane.height+7)/8
		p.stride, p.rows = across*p.h, down*p.v
		p.plane.stride = 8 * p.stride
	}
	return nil
}

// groups is how many groups of blocks of all components there are across and down.
func (f *jpegFrame) groups() (across, down int) {
	return (f.width + 8*f.h - 1) / (8 * f.h), (f.height + 8*f.v - 1) / (8 * f.v)
}

// bytes is the memory for the planes, and of a progressive picture for all coefficients, of
// 2 bytes.
func (f *jpegFrame) bytes() int64 {
	blocks := int64(0)
	for _, p := range f.parts {
		blocks += int64(p.stride) * int64(p.rows)
	}
	if f.progressive {
		return blocks * 64 * 3
	}
	return blocks * 64
}

// allocate takes that memory. Samples that no scan brings are of a middle grey.
func (f *jpegFrame) allocate() {
	for i := range f.parts {
		p := &f.parts[i]
		p.plane.data = make([]uint8, p.stride*p.rows*64)
		for k := range p.plane.data {
			p.plane.data[k] = 128
		}
		if f.progressive {
			p.coeffs = make([]int16, p.stride*p.rows*64)
		}
	}
}
