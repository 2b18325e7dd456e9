package loader

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// zipOf is an archive of empty members that another program made, compressed.
func zipOf(t *testing.T, names ...string) string {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, name := range names {
		if _, err := w.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// tarOf is the beginning of a tar archive.
func tarOf(first string) string {
	head := make([]byte, 512)
	copy(head, first)
	copy(head[257:], "ustar")
	return string(head)
}

// TestSniff: a sentence for each kind of file that is often mistaken for a checkpoint, whatever
// its name ends in.
func TestSniff(t *testing.T) {
	for _, tc := range []struct{ content, want string }{
		{tarOf("./pickle"), "tar format of PyTorch"},
		{tarOf("model/weights.pth"), "a tar archive, its first member model/weights.pth; unpack it"},
		{"PYTORCH1 and more", "preview format"},
		{"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "run git lfs pull"},
		{"# xet version 0\nfilesize = 1\n", "a Xet pointer"},
		{"/annex/objects/SHA256E-s12--00.pth\n", "git annex get"},
		{"outs:\n- md5: 00\n  path: model.pth\n", "dvc pull"},
		{"\n<!DOCTYPE html><html>", "a web page; the download failed"},
		{"\ufeff<HTML><body>Quota", "a web page; the download failed"},
		{"<?xml version=\"1.0\"?><Error><Code>NoSuchKey", "an error page"},
		{"<Error><Code>AccessDenied</Code>", "an XML error page"},
		{`{"error":"Repository not found"}`, `JSON text, not weights: {"error":"Repository not found"}; where a server answered so, the download failed`},
		{"[{\"message\":\n \"Bad credentials\"}]", `JSON text, not weights: [{"message": "Bad credentials"}]`},
		{`{"weight_map": {}}`, ".index.json"},
		{"Entry not found", "text, not weights: Entry not found; where a server answered so"},
		{"404: Not Found", "text, not weights: 404: Not Found"},
		{"Zugriff verweigert \u2013 \u00fcber" + strings.Repeat(" \u00e4\u00f6\u00fc", 200), "text, not weights: Zugriff verweigert"},
		{"\xff\xfeP\x00K\x00\x03\x00\x04\x00", "UTF-16 text, as PowerShell"},
		{"7z\xbc\xaf\x27\x1c\x00\x04", "a 7z archive; unpack it"},
		{"Rar!\x1a\x07\x01\x00", "a RAR archive; unpack it"},
		{"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00", "gzip data; decompress it"},
		{"BZh91AY&SY....", "bzip2 data; decompress it"},
		{"\xfd7zXZ\x00\x00\x04", "xz data; decompress it"},
		{"\x28\xb5\x2f\xfd\x04\x00\x00\x00", "Zstandard data; decompress it"},
		{"\x04\x22\x4d\x18\x60\x40\x82\x00", "LZ4 data; decompress it"},
		{"\x78\x9c\x01\x02\x03\x04\x05\x06", "joblib"},
		{"\x80\x04\x95\x00\x00\x00\x00\x00\x00", "bare pickle (protocol 4)"},
		{"\x80\x02}q\x00X\x05\x00\x00\x00model", "bare pickle (protocol 2)"},
		{"(dp0\nS'model'\np1\n", "bare pickle (protocol 0)"},
		{"cnumpy.core.multiarray\n_reconstruct\n", "bare pickle (protocol 0)"},
		{"\x93NUMPY\x01\x00\x00\x00\x00", "NumPy array"},
		{"\x89HDF\r\n\x1a\n\x00", "an HDF5 file, as Keras writes; export"},
		{"MATLAB 5.0 MAT-file, Platform", "a MATLAB file"},
		{"GGUF\x03\x00\x00\x00\x00", "GGUF"},
		{"\x1c\x00\x00\x00TFL3\x00\x00", "TensorFlow Lite"},
		{"\x08\x01\x12\x80\x01\x0a\x20saved", "a TensorFlow model"},
		{"\x0a\x1f\x0a\x05input\x12\x0bPlaceholder", "a TensorFlow model"},
		{"model_checkpoint_path: \"model.ckpt-1\"\n", "TensorFlow checkpoint"},
		{"\x00\x01\x02index of tensors\xff\x57\xfb\x80\x8b\x24\x75\x47\xdb", "index of a TensorFlow checkpoint"},
		{"\x08\x08\x12\x07pytorch\x1a\x052.1.0", "an ONNX model"},
		{"\x08\x07:\xbe\x01\x0a\x10", "an ONNX model"},
		{"\x81\xa6params\x82\xa5conv1", "msgpack data, as Flax writes; export"},
		{"\xde\x00\x20\xa6layer1\x82", "msgpack data"},
		{"\x12\x01\x00\x00\x00\x00\x00\x00\x00\x00", "MXNet"},
		{"\x89PNG\r\n\x1a\n\x00", "a PNG picture"},
		{"\xff\xd8\xff\xe0\x00\x10JFIF", "a JPEG picture"},
		{"\x00\x00\x00\x18ftypisom", "a video"},
		{zipOf(t, "readme.txt", "weights/model.pth"), "a zip archive that holds weights/model.pth; unpack it"},
		{zipOf(t, "model.safetensors"), "a zip archive that holds model.safetensors"},
		{zipOf(t, "arr_0.npy", "arr_1.npy"), "NumPy arrays (.npz)"},
		{zipOf(t, "metadata.json", "config.json", "model.weights.h5"), "a model of Keras"},
		{zipOf(t, "model/archive/data.pkl", "model/archive/data/0"), "packed again, at model/archive"},
		{zipOf(t, "MAR-INF/MANIFEST.json", "model.pt"), "TorchServe"},
		{zipOf(t, "Manifest.json", "Data/com.apple.CoreML/model.mlmodel"), "Core ML"},
		{zipOf(t, "a.txt"), "without data.pkl, which torch.save did not write; its first member is a.txt"},
		{"\xc3\x28\x01\x02\x03\x04\x05\x06\x07", "it starts with c3 28"},
	} {
		for _, name := range []string{"file.pth", "file.safetensors", "file"} {
			if name == "file.safetensors" && strings.Contains(tc.want, "starts with") || strings.Contains(tc.want, "index of a TensorFlow") && name == "file.safetensors" {
				continue // what has that name and no sign of another kind is a damaged one
			}
			if _, err := readBytes([]byte(tc.content), name); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%.12q as %s: %v, want %q", tc.content, name, err, tc.want)
			}
		}
	}
	for _, name := range []string{"file.pth", "file.safetensors"} {
		for size, want := range map[int]string{0: "empty", 15: "15 zeros", 1 << 16: "512 zeros"} {
			if _, err := readBytes(make([]byte, size), name); !errors.Is(err, ErrTruncated) || !strings.Contains(err.Error(), want) {
				t.Errorf("%d zeros as %s: %v", size, name, err)
			}
		}
	}
}

// What is not an index is named as well.
func TestSniffIndex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors.index.json")
	for content, want := range map[string]string{
		"version https://git-lfs.github.com/spec/v1\n": "run git lfs pull", "<html>": "a web page", "Entry not found": "text, not weights", `{"error": "x"}`: "no weight_map",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
}

// A safetensors file that was cut in its header is still one, not the pickle that its length
// looks like.
func TestSniffLength(t *testing.T) {
	if _, err := readBytes([]byte("\x80\x02\x00\x00\x00\x00\x00\x00{\"a\": {\"dtype\""), "file"); !errors.Is(err, ErrTruncated) || !strings.Contains(err.Error(), "announces 640 bytes") {
		t.Errorf("error %v", err)
	}
}
