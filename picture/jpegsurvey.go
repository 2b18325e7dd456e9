package picture

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// JPEG's markers, the bytes behind 0xff.
const (
	jpegTEM         = 0x01
	jpegFirstSOF    = 0xc0 // to 0xcf: start of a frame, but for
	jpegProgressive = 0xc2
	jpegDHT         = 0xc4 // Huffman codes
	jpegJPG         = 0xc8
	jpegDAC         = 0xcc
	jpegLastSOF     = 0xcf
	jpegFirstRST    = 0xd0 // to 0xd7: between the parts of a scan
	jpegLastRST     = 0xd7
	jpegSOI         = 0xd8
	jpegEOI         = 0xd9
	jpegSOS         = 0xda // start of a scan
	jpegDQT         = 0xdb // quantisation tables
	jpegDRI         = 0xdd // restart interval
	jpegJFIF        = 0xe0
	jpegEXIF        = 0xe1
	jpegAdobe       = 0xee
)

// isJPEGFrame reports whether a marker stands before the start of a frame.
func isJPEGFrame(marker byte) bool {
	return marker >= jpegFirstSOF && marker <= jpegLastSOF && marker != jpegDHT && marker != jpegJPG && marker != jpegDAC
}

// isJPEGAlone reports whether no segment follows a marker.
func isJPEGAlone(marker byte) bool {
	return marker == jpegTEM || marker >= jpegFirstRST && marker <= jpegEOI
}

// jpegSurvey walks over a JPEG file from marker to marker.
type jpegSurvey struct {
	r     *bufio.Reader
	at    int64 // bytes read
	frame *jpegFrame
	scans int
	turn  int // orientation of the first EXIF data; 0: none yet
}

// beginJPEG finds the frame, counts the scans, and ends where the picture does.
//
// The decoder skips what is damaged, so that it may take for markers what is a segment's
// content here. That makes no difference to what is promised: behind the first scan
// everything that looks like the start of another counts, also within segments, and the
// decoder sees nothing behind the end found here.
func beginJPEG(f *source, size int64) (job, error) {
	s := &jpegSurvey{r: f.buffer}
	for {
		marker, err := s.marker()
		if err == nil && !isJPEGAlone(marker) {
			err = s.segment(marker)
		}
		switch {
		case isEnd(err):
			s.at, marker = size, jpegEOI // the decoder says what is missing
			if s.frame == nil {
				return job{}, err
			}
		case err != nil:
			return job{}, err
		}
		if marker == jpegEOI {
			if s.frame == nil {
				return job{}, errors.New("no frame before the end")
			}
			return job{s.frame.height, s.frame.width, effort{s.frame.bytes(), s.scans, s.at}, max(s.turn, 1), s.decode}, nil
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
	var err error
	switch {
	case marker == jpegSOS:
		s.scans++
	case marker == jpegEXIF && s.turn == 0 && bytes.HasPrefix(content, []byte("Exif\x00")) && len(content) > 6:
		s.turn = exifOrientation(content[6:])
	case isJPEGFrame(marker) && s.frame == nil:
		s.frame, err = newJPEGFrame(marker, content)
	}
	if s.scans > 0 {
		for i := 1; i < len(content); i++ {
			if content[i-1] == 0xff && content[i] == jpegSOS {
				s.scans++
			}
		}
	}
	return err
}
