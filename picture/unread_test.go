package picture_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/picture"
)

// What is no picture that is read is named, whatever its name says, with what to do.
func TestOtherKinds(t *testing.T) {
	for _, row := range []struct{ file, what, advice string }{
		{"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00mif1miafMA1B", "an AVIF picture", "avifdec"},
		{"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00avifmiafMA1B", "an AVIF picture", "avifdec"},
		{"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "an HEIC picture", "heif-convert"},
		{"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic", "an HEIC picture", "heif-convert"},
		{"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42", "a video", "ffmpeg"},
		{"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ", "a video", "ffmpeg"},
		{"\x00\x00\x00\x00ftypisom\x00\x00", "a video", "ffmpeg"},
		{"\x1a\x45\xdf\xa3\x01\x00\x00\x00", "a video", "ffmpeg"},
		{"RIFF\x24\x00\x00\x00AVI LIST", "a video", "ffmpeg"},
		{"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "Git LFS", "git lfs pull"},
		{"<!DOCTYPE html>\n<html><body>404</body></html>", "a web page", "download"},
		{"\xef\xbb\xbf \n<HTML lang=en>", "a web page", "download"},
		{`{"message": "rate limit exceeded"}`, "a JSON text", "download"},
		{"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML text", "download"},
		{"<?xml version='1.0'?>\n<svg width='5'/>", "an SVG drawing", "rsvg-convert"},
		{"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing", "rsvg-convert"},
		{"Not found: é\n", "a text", "download"},
		{"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a", "JPEG XL", "djxl"},
		{"\xff\x0a\x00\x10", "JPEG XL", "djxl"},
		{"\x00\x00\x00\x0cjP  \x0d\x0a\x87\x0a", "JPEG 2000", "convert"},
		{"II*\x00\x10\x00\x00\x00CR\x02\x00", "raw picture (CR2)", "convert"},
		{"8BPS\x00\x01", "Photoshop", "convert"},
		{"%PDF-1.7", "a PDF document", "pdftoppm"},
		{"\x00\x00\x01\x00\x01\x00", "an icon", "convert"},
		{"P6\n2 2\n255\n", "a portable pixmap", "convert"},
		{"\x93NUMPY\x01\x00", "a NumPy array", ".npy"},
		{"PK\x03\x04\x14\x00", "a zip archive", "unpack"},
		{"\x1f\x8b\x08\x00", "a gzip file", "unpack"},
		{"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X", "macOS", "the other one"},
		{strings.Repeat("\x00", 600), "nothing but zeros", "download"},
		{strings.Repeat("\x00", 128) + "DICM", "DICOM", "convert"},
		{"\x01\x02\x03\x04\xff\xfe\xfd", "not a PNG, JPEG, GIF, WebP, BMP or TIFF picture", ""},
	} {
		_, err := picture.Decode(t.Context(), bytes.NewReader([]byte(row.file)), "cat.jpg", picture.Limits{})
		if !errors.Is(err, picture.ErrFormat) || !strings.Contains(err.Error(), row.what) || !strings.Contains(err.Error(), row.advice) {
			t.Errorf("%.20q: error %v, want %q and %q in it", row.file, err, row.what, row.advice)
		}
	}
}
