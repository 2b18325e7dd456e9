package loader

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
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
	case looksLikeSafetensors(head):
		return containerSafetensors, nil
	case zeros(head) && size >= int64(len(legacyMagic)):
		return "", truncatedErr("it begins with %d zeros: the download was preallocated and did not go on; fetch the file again", len(head))
	}
	what := recognise(head)
	switch tail := make([]byte, len(tableMagic)); {
	case what != "":
		return "", formatErr("this is %s", what)
	case strings.HasSuffix(name, ".safetensors"):
		return containerSafetensors, nil // whose errors say more
	case size < 8, bytes.HasPrefix([]byte(legacyMagic), head):
		return "", truncatedErr("%d bytes are too few for any checkpoint; download it again", size)
	default:
		if n, _ := r.ReadAt(tail, size-int64(len(tail))); string(tail[:n]) == tableMagic {
			return "", formatErr("this is the index of a TensorFlow checkpoint; %s", export)
		}
	}
	return "", formatErr("this is neither a PyTorch checkpoint nor a safetensors file (it starts with % x)", head[:min(len(head), 8)])
}

// tableMagic ends the tables in which TensorFlow keeps the index of a checkpoint.
const tableMagic = "\x57\xfb\x80\x8b\x24\x75\x47\xdb"

// looksLikeSafetensors: a header length within reason, then the brace of a JSON object.
func looksLikeSafetensors(head []byte) bool {
	return len(head) > 8 && head[8] == '{' && binary.LittleEndian.Uint64(head) < 1<<40
}

// zeros says whether all bytes are 0.
func zeros(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

// What to do with files of another kind.
const (
	again   = "fetch the file itself"
	failed  = "the download failed: look whether the address is right and whether it needs a login, and fetch the file again"
	unpack  = "unpack it and give the checkpoint that is in it"
	inflate = "decompress it first"
	export  = "export the weights to safetensors with the library that wrote it"
	other   = "give the file of the weights instead"
	resave  = "load it with the library that wrote it and save the weights with torch.save or as safetensors"
)

// kinds are files of other kinds by how they begin, text in lower case.
var kinds = []struct {
	at                  int
	begins, what, helps string
}{
	{0, "version https://git-lfs", "a Git LFS pointer, not the file itself", "run git lfs pull"},
	{0, "version https://hawser", "a Git LFS pointer, not the file itself", "run git lfs pull"},
	{0, "# xet version", "a Xet pointer, not the file itself", again + " with a client that knows Xet storage"},
	{0, "/annex/objects/", "a git-annex pointer, not the file itself", "run git annex get"},
	{0, "outs:", "a DVC pointer, not the file itself", "run dvc pull"},
	{0, "oid sha256:", "a piece of a Git LFS pointer, not the file itself", "run git lfs pull"},
	{0, "\xff\xfe", "UTF-16 text, as PowerShell makes of what is sent into a file", "fetch the file again with another program"},
	{0, "<!doctype", "a web page", failed}, {0, "<html", "a web page", failed}, {0, "<head", "a web page", failed},
	{0, "<body", "a web page", failed}, {0, "<script", "a web page", failed}, {0, "<!--", "a web page", failed},
	{0, "<?xml", "an XML document, probably an error page", failed}, {0, "<error", "an XML error page", failed},
	{0, "pk\x05\x06", "a zip archive without members", "save the checkpoint again"},
	{0, "pk\x07\x08", "a part of a split zip archive", unpack},
	{0, "7z\xbc\xaf\x27\x1c", "a 7z archive", unpack}, {0, "rar!\x1a\x07", "a RAR archive", unpack}, {0, "mscf", "a cabinet archive", unpack},
	{0, "\x1f\x8b", "gzip data", inflate}, {0, "bzh", "bzip2 data", inflate}, {0, "\xfd7zxz", "xz data", inflate}, {0, "lzip", "lzip data", inflate},
	{0, "\x28\xb5\x2f\xfd", "Zstandard data", inflate}, {0, "\x04\x22m\x18", "LZ4 data", inflate}, {0, "\x5d\x00\x00", "LZMA data", inflate},
	{0, "\x1f\x9d", "data of compress (.Z)", inflate},
	{0, "\x78\x01", "zlib data, as joblib writes", resave}, {0, "\x78\x9c", "zlib data, as joblib writes", resave}, {0, "\x78\xda", "zlib data, as joblib writes", resave},
	{0, "pytorch1", "the preview format of PyTorch 1.0", "load it there and save it again with torch.save"},
	{0, "\x93numpy", "a NumPy array, not a checkpoint", other},
	{0, "\x89hdf", "an HDF5 file, as Keras writes", export}, {0, "matlab ", "a MATLAB file", export},
	{0, "gguf", "a GGUF file", export}, {0, "lmgg", "a GGML file", export}, {0, "tjgg", "a GGML file", export}, {0, "fmgg", "a GGML file", export},
	{4, "tfl3", "a TensorFlow Lite model", export}, {0, "model_checkpoint_path", "the note of a TensorFlow checkpoint", export},
	{0, "\x12\x01\x00\x00\x00\x00\x00\x00", "a file of MXNet parameters", export},
	{0, "(dp", "a bare pickle (protocol 0)", resave}, {0, "(lp", "a bare pickle (protocol 0)", resave}, {0, "ccopy_reg\n", "a bare pickle (protocol 0)", resave},
	{0, "cnumpy", "a bare pickle (protocol 0)", resave}, {0, "ccollections\n", "a bare pickle (protocol 0)", resave}, {0, "}q\x00", "a bare pickle (protocol 1)", resave},
	{0, "\x89png", "a PNG picture", other}, {0, "\xff\xd8\xff", "a JPEG picture", other}, {0, "gif8", "a GIF picture", other}, {0, "riff", "a WebP picture or a sound", other},
	{4, "ftyp", "a video or a HEIF picture", other}, {0, "%pdf", "a PDF document", other}, {0, "\x7felf", "a program", other}, {0, "sqlite format 3", "an SQLite database", other},
}

// recognise says what a file that is no checkpoint is and what to do; "" if that is not known.
func recognise(head []byte) string {
	trimmed := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	for _, of := range [][]byte{head, trimmed} {
		lower := lowerASCII(of)
		for _, k := range kinds {
			if len(lower) >= k.at && strings.HasPrefix(lower[k.at:], k.begins) {
				return k.what + "; " + k.helps
			}
		}
	}
	switch {
	case len(head) >= 262 && string(head[257:262]) == "ustar":
		return tarKind(head)
	case len(head) >= 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5:
		return fmt.Sprintf("a bare pickle (protocol %d), as Detectron's and Paddle's NumPy dictionaries are; %s", head[1], resave)
	case len(trimmed) > 0 && readableText(trimmed):
		return textKind(trimmed)
	}
	return packed(head)
}

// tarKind tells PyTorch's first format from other tar archives, by the first member.
func tarKind(head []byte) string {
	first, _, _ := strings.Cut(string(head[:100]), "\x00")
	if slices.Contains([]string{"", "sys_info", "pickle", "storages", "tensors"}, strings.TrimPrefix(first, "./")) {
		return "the tar format of PyTorch before 0.1.10; load it with an old PyTorch and save it again with torch.save"
	}
	return fmt.Sprintf("a tar archive, its first member %s; %s", printable(first), unpack)
}

// readableText says whether bytes are text: UTF-8, the last character perhaps cut, without control characters.
func readableText(b []byte) bool {
	for cut := 0; cut < utf8.UTFMax && cut < len(b); cut++ {
		if s := b[:len(b)-cut]; utf8.Valid(s) {
			return bytes.IndexFunc(s, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }) < 0
		}
	}
	return false
}

// textKind quotes a text and says what it may be.
func textKind(text []byte) string {
	what := "text"
	switch {
	case bytes.Contains(text, []byte(`"weight_map"`)):
		return "the index of a sharded set in JSON; give it a name that ends in .index.json, beside its files"
	case text[0] == '{' || text[0] == '[':
		what = "JSON text"
	}
	quoted := strings.Join(strings.Fields(strings.ToValidUTF8(string(text[:min(len(text), 120)]), "")), " ")
	if len(text) > 120 {
		quoted += "..."
	}
	return fmt.Sprintf("%s, not weights: %s; where a server answered so, %s", what, strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, quoted), failed)
}

// packed tells binary formats that have no signature: protocol buffers and msgpack.
func packed(head []byte) string {
	if len(head) < 4 {
		return ""
	}
	switch {
	case head[0] == 0x08 && head[1] == 1 && head[2] == 0x12, // schema version, then a graph
		head[0] == 0x0a && (bytes.Contains(head, []byte("Placeholder")) || bytes.Contains(head, []byte("Const"))):
		return "a TensorFlow model; " + export
	case head[0] == 0x08 && head[1] < 32 && slices.Contains([]byte{0x12, 0x1a, 0x22, 0x28, 0x3a, 0x42}, head[2]): // version, then another field
		return "an ONNX model; export the weights of the model it was made from with torch.save"
	case head[0] > 0x80 && head[0] < 0x90 && readableText(head[2:min(len(head), 2+int(head[1]&0x1f))]) && head[1] > 0xa0 && head[1] < 0xc0, // a map, its first key
		head[0]&^1 == 0xde && bytes.IndexFunc(head[3:4], func(r rune) bool { return r != 0xfffd }) < 0:
		return "msgpack data, as Flax writes; " + export
	}
	return ""
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
