package loader

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
)

// Containers, as [Checkpoint.Container] names them.
const (
	containerZip         = "PyTorch zip"
	containerLegacy      = "PyTorch legacy"
	containerSafetensors = "safetensors"
	containerShards      = "safetensors, sharded"
)

// legacyMagic is the first pickle of a legacy file: PROTO 2, LONG1
// 0x1950a86a20f9469cfc6c, STOP.
const legacyMagic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e"

// sniff tells the container by content, or says what the file is instead.
func sniff(r io.ReaderAt, size int64, name string) (string, error) {
	head := make([]byte, min(size, 512))
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return "", readErr("the first bytes", err)
	}
	starts := func(s string) bool { return bytes.HasPrefix(head, []byte(s)) }
	switch {
	case size == 0:
		return "", truncatedErr("the file is empty; download it again")
	case starts("PK\x03\x04"):
		return containerZip, nil
	case starts(legacyMagic):
		return containerLegacy, nil
	case strings.HasSuffix(name, ".safetensors"), looksLikeSafetensors(head, size):
		return containerSafetensors, nil
	case size < 8, bytes.HasPrefix([]byte(legacyMagic), head):
		return "", truncatedErr("%d bytes are too few for any checkpoint; download it again", size)
	}
	return "", notACheckpoint(head)
}

// looksLikeSafetensors: a header length, then the brace of a JSON object.
func looksLikeSafetensors(head []byte, size int64) bool {
	return len(head) > 8 && head[8] == '{' && binary.LittleEndian.Uint64(head) <= uint64(size)
}

// notACheckpoint names what a file of another kind is, with the remedy.
func notACheckpoint(head []byte) error {
	text := lowerASCII(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n"))
	for _, known := range []struct{ prefix, sentence string }{
		{"pk\x05\x06", "this is a zip archive without members; save the checkpoint again"},
		{"pytorch1", "this is the preview format of PyTorch 1.0; load it there and save it again with torch.save"},
		{"version https://git-lfs", "this is a Git LFS pointer, not the file itself; run git lfs pull"},
		{"<!doctype", "this is a web page; the download failed, fetch the file again"},
		{"<html", "this is a web page; the download failed, fetch the file again"},
		{"<?xml", "this is an XML document, probably an error page; fetch the file again"},
		{"\x1f\x8b", "this is gzip data; decompress it first"},
		{"bzh", "this is bzip2 data; decompress it first"},
		{"\xfd7zxz", "this is xz data; decompress it first"},
		{"\x93numpy", "this is a NumPy array, not a checkpoint"},
		{"\x89hdf", "this is an HDF5 file; export the weights to safetensors"},
		{"gguf", "this is a GGUF file; export the weights to safetensors"},
		{"{", "this is JSON text; a sharded set is opened by its *.safetensors.index.json"},
	} {
		if strings.HasPrefix(text, known.prefix) {
			return formatErr("%s", known.sentence)
		}
	}
	switch {
	case len(head) >= 262 && string(head[257:262]) == "ustar":
		return formatErr("this is the tar format of PyTorch before 0.1.10; load it with an old PyTorch and save it again with torch.save")
	case len(head) >= 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5:
		return formatErr("this is a bare pickle (protocol %d), as Detectron's NumPy dictionaries are; save the weights with torch.save instead", head[1])
	}
	return formatErr("this is neither a PyTorch checkpoint nor a safetensors file (it starts with % x)", head[:min(len(head), 8)])
}

// lowerASCII lowers letters and leaves other bytes as they are, which
// strings.ToLower does not for bytes that are no UTF-8.
func lowerASCII(b []byte) string {
	lower := bytes.Clone(b)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return string(lower)
}
