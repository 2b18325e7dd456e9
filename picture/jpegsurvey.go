package picture

import (
	"bufio"
	"errors"
	"image"
	"io"
)

// JPEG's markers, the bytes behind 0xff.
const (
	jpegProgressive = 0xc2
	jpegFirstSOF    = 0xc0 // to 0xc2: start of a frame
	jpegFirstRST    = 0xd0 // to 0xd7: between the parts of a scan
	jpegSOI         = 0xd8
	jpegEOI         = 0xd9
	jpegSOS         = 0xda // start of a scan
	jpegJFIF        = 0xe0
	jpegAdobe       = 0xee
)

// jpegSurvey walks over a JPEG file from marker to marker, as its decoder does.
type jpegSurvey struct {
	r  *bufio.Reader
	at int64 // bytes read

	frame       []byte // of the start of the frame: precision, height, width, components
	progressive bool
	jfif        bool
	rgb         bool // Adobe's marker says so
	scans       int
}

// surveyJPEG finds the frame, counts the scans, and ends where the picture does.
//
// A decoder that looks for a lost restart marker skips what stands before it, so that it
// may take for markers what is a segment's content here. That makes no difference to what
// is promised: behind the first scan everything that looks like the start of another
// counts, also within segments, and the decoder sees nothing behind the end found here.
func surveyJPEG(r *bufio.Reader, size int64, cfg image.Config) (effort, error) {
	s := &jpegSurvey{r: r}
	for {
		marker, err := s.marker()
		if err == nil && marker != jpegSOI && marker != jpegEOI && (marker < jpegFirstRST || marker > jpegFirstRST+7) {
			err = s.segment(marker)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			s.at, marker = size, jpegEOI // the decoder says what is missing
		case err != nil:
			return effort{}, err
		}
		if marker == jpegEOI {
			return effort{bytes: s.bytes(area(cfg)), scans: s.scans, length: s.at}, nil
		}
	}
}

// marker goes on to the next marker.
func (s *jpegSurvey) marker() (byte, error) {
	for {
		skipped, err := s.r.ReadSlice(0xff)
		s.at += int64(len(skipped))
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil {
			return 0, err
		}
		b := byte(0xff)
		for b == 0xff { // any number of them may fill the place before a marker
			if b, err = s.r.ReadByte(); err != nil {
				return 0, err
			}
			s.at++
		}
		if b != 0 { // 0xff00 is a byte 0xff of the data
			return b, nil
		}
	}
}

// segment reads what follows a marker.
func (s *jpegSurvey) segment(marker byte) error {
	var length [2]byte
	if _, err := io.ReadFull(s.r, length[:]); err != nil {
		return err
	}
	content := make([]byte, max(int(length[0])<<8+int(length[1])-2, 0))
	if _, err := io.ReadFull(s.r, content); err != nil {
		return err
	}
	s.at += int64(len(length) + len(content))
	switch {
	case marker == jpegSOS:
		s.scans++
	case marker >= jpegFirstSOF && marker <= jpegProgressive && s.frame == nil:
		s.frame, s.progressive = content, marker == jpegProgressive
	case marker == jpegJFIF && len(content) >= 5 && string(content[:5]) == "JFIF\x00":
		s.jfif = true
	case marker == jpegAdobe && len(content) >= 12 && string(content[:5]) == "Adobe":
		s.rgb = content[11] == 0
	}
	if s.scans > 0 {
		for i := 1; i < len(content); i++ {
			if content[i-1] == 0xff && content[i] == jpegSOS {
				s.scans++
			}
		}
	}
	return nil
}

// bytes is the memory for a picture of so many pixels: the planes, in whole groups of
// blocks; of a progressive picture, all coefficients, of 4 bytes; of four components or
// three that are no luma and chroma, an image of 4 bytes a pixel besides.
func (s *jpegSurvey) bytes(pixels int64) int64 {
	const head = 6 // before the components, of 3 bytes each
	if len(s.frame) < head {
		return 0 // the decoder refuses it
	}
	height, width := int64(s.frame[1])<<8+int64(s.frame[2]), int64(s.frame[3])<<8+int64(s.frame[4])
	components := s.frame[head:]
	components = components[:min(len(components), 3*int(s.frame[5]))/3*3]
	across, down, blocks := int64(1), int64(1), int64(0) // of a group
	ids := ""
	for i := 0; i < len(components); i += 3 {
		h, v := int64(components[i+1]>>4), int64(components[i+1]&15)
		if len(components) == 3 {
			h, v = 1, 1 // a single component has no groups
		}
		across, down, blocks = max(across, h), max(down, v), blocks+h*v
		ids += string(rune(components[i]))
	}
	groups := ((width + 8*across - 1) / (8 * across)) * ((height + 8*down - 1) / (8 * down))
	total := groups * blocks * 64
	if s.progressive {
		total *= 1 + 4
	}
	if len(ids) == 4 || len(ids) == 3 && !s.jfif && (s.rgb || ids == "RGB") {
		total += 4 * pixels
	}
	return total
}
