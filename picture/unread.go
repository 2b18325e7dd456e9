package picture

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// headSize is how much of a file is looked at to tell what it is.
const headSize = 512

// unread says of a file that begins like this and is no picture that is read what it is,
// and what to do.
func unread(head []byte) error {
	what, advice := recognise(head)
	if what == "" {
		return fmt.Errorf("not a PNG, JPEG, GIF, WebP, BMP or TIFF picture: %w", ErrFormat)
	}
	return fmt.Errorf("it is %s, which is not read: %s: %w", what, advice, ErrFormat)
}

// What to do about files that are not read.
const (
	convertIt   = "convert it to PNG or JPEG"
	takeFrames  = "take pictures out of it, for instance with ffmpeg -i FILE frame%04d.png"
	unpackIt    = "unpack it"
	downloadIt  = "what was asked for was not sent; look at it, and download the picture again"
	nameItArray = "arrays are read from files whose names end in .npy"
)

// recognise names a kind of file by its first bytes, and what to do; "": it is unknown.
func recognise(head []byte) (what, advice string) {
	if len(head) >= 12 && string(head[4:8]) == "ftyp" {
		return recogniseBox(head)
	}
	for _, row := range []struct{ start, what, advice string }{
		{"version https://git-lfs", "a pointer of Git LFS, not the picture", "fetch the picture with git lfs pull"},
		{"\xff\x0a", "a JPEG XL picture", convertIt + ", for instance with djxl"},
		{"\x00\x00\x00\x0cJXL ", "a JPEG XL picture", convertIt + ", for instance with djxl"},
		{"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture", convertIt},
		{"\xff\x4f\xff\x51", "a JPEG 2000 picture", convertIt},
		{"II+\x00", "a BigTIFF picture", convertIt + ", or to a TIFF of less than 4 GB"},
		{"MM\x00+", "a BigTIFF picture", convertIt + ", or to a TIFF of less than 4 GB"},
		{"II*\x00\x10\x00\x00\x00CR", "a camera's raw picture (CR2)", convertIt},
		{"IIRO", "a camera's raw picture", convertIt}, {"IIU\x00", "a camera's raw picture", convertIt},
		{"FUJIFILM", "a camera's raw picture", convertIt},
		{"8BPS", "a Photoshop picture", convertIt}, {"gimp xcf", "a GIMP picture", convertIt},
		{"%PDF", "a PDF document", "make pictures of its pages, for instance with pdftoppm -png"},
		{"%!PS", "a PostScript document", convertIt},
		{"\x00\x00\x01\x00", "an icon", convertIt}, {"\x00\x00\x02\x00", "a cursor", convertIt},
		{"\x76\x2f\x31\x01", "an OpenEXR picture", convertIt}, {"#?RADIANCE", "a Radiance picture", convertIt},
		{"P1", "a portable bitmap (PNM)", convertIt}, {"P2", "a portable graymap (PNM)", convertIt}, {"P3", "a portable pixmap (PNM)", convertIt},
		{"P4", "a portable bitmap (PNM)", convertIt}, {"P5", "a portable graymap (PNM)", convertIt}, {"P6", "a portable pixmap (PNM)", convertIt},
		{"\x93NUMPY", "a NumPy array", nameItArray},
		{"\x1a\x45\xdf\xa3", "a video (WebM or Matroska)", takeFrames}, {"FLV\x01", "a video (Flash)", takeFrames},
		{"\x00\x00\x01\xba", "a video (MPEG)", takeFrames}, {"\x00\x00\x01\xb3", "a video (MPEG)", takeFrames}, {"OggS", "an Ogg film or sound", takeFrames},
		{"PK\x03\x04", "a zip archive", unpackIt}, {"\x1f\x8b", "a gzip file", unpackIt}, {"BZh", "a bzip2 file", unpackIt},
		{"\xfd7zXZ\x00", "an xz file", unpackIt}, {"\x28\xb5\x2f\xfd", "a zstd file", unpackIt}, {"7z\xbc\xaf", "a 7z archive", unpackIt},
		{"Rar!", "a rar archive", unpackIt},
		{"\x00\x05\x16\x07", "a file in which macOS keeps notes on another one (._NAME)", "give the other one"},
	} {
		if strings.HasPrefix(string(head), row.start) {
			return row.what, row.advice
		}
	}
	switch {
	case len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "AVI ":
		return "a video (AVI)", takeFrames
	case len(head) > 131 && string(head[128:132]) == "DICM":
		return "a DICOM picture", convertIt
	case len(bytes.Trim(head, "\x00")) == 0:
		return "nothing but zeros so far", "its download broke off; download it again"
	}
	return recogniseText(head)
}

// recogniseBox names a file of boxes by the brands in the first one.
func recogniseBox(head []byte) (what, advice string) {
	brands := string(head[8:min(len(head), max(int(head[3]), 12))])
	has := func(names ...string) bool {
		for _, name := range names {
			if strings.HasPrefix(brands, name) || strings.Contains(brands[4:], name) {
				return true
			}
		}
		return false
	}
	switch {
	case has("avif", "avis"):
		return "an AVIF picture", convertIt + ", for instance with avifdec FILE.avif FILE.png"
	case has("heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"):
		return "an HEIC picture", convertIt + ", for instance with heif-convert FILE.heic FILE.png, or let the phone save JPEG (iPhone: Camera, Formats, Most Compatible)"
	case has("crx "):
		return "a camera's raw picture (CR3)", convertIt
	case has("jxl "):
		return "a JPEG XL picture", convertIt + ", for instance with djxl"
	}
	return "a video (MP4 or QuickTime)", takeFrames
}

// recogniseText names a file of text.
func recogniseText(head []byte) (what, advice string) {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	lower := strings.ToLower(string(text))
	starts := func(beginnings ...string) bool {
		for _, b := range beginnings {
			if strings.HasPrefix(lower, b) {
				return true
			}
		}
		return false
	}
	switch {
	case starts("<!doctype html", "<html", "<head", "<body"):
		return "a web page", downloadIt
	case strings.Contains(lower, "<svg"):
		return "an SVG drawing", convertIt + ", for instance with rsvg-convert FILE.svg -o FILE.png"
	case starts("<?xml", "<error"):
		return "an XML text", downloadIt
	case starts("{", "["):
		return "a JSON text", downloadIt
	case isText(head):
		return "a text", downloadIt
	}
	return "", ""
}

// isText reports whether all of a file's beginning can be read; a character may be cut at
// its end.
func isText(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	for len(head) > 0 {
		r, size := utf8.DecodeRune(head)
		if r == utf8.RuneError && len(head) >= utf8.UTFMax || r < ' ' && !strings.ContainsRune("\t\n\r\f", r) {
			return false
		}
		head = head[size:]
	}
	return true
}
