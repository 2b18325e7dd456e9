package main

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/glipvk/glipvk/picture"
	"github.com/glipvk/glipvk/synthetic"
)

const nanoJSON = `{"embed_dims": 8, "depths": [2, 2, 2, 2], "num_heads": [1, 2, 4, 8], "window_size": 4, "pad_small_map": false,
	"out_indices": [1, 2, 3], "img_size": 128, "patch_size": 4, "mlp_ratio": 4, "norm_eps": 1e-05, "qkv_bias": true}`

// ending is what a command line led to.
type ending struct {
	code           int
	stdout, stderr string
}

// glip runs a command line.
func glip(t *testing.T, args ...string) ending {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, &stdout, &stderr)
	return ending{code, stdout.String(), stderr.String()}
}

// desk is a folder with inputs of every kind.
type desk struct{ dir, out string }

func (d desk) path(name string) string { return filepath.Join(d.dir, name) }

// files lists what lies in the output folder.
func (d desk) files(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(d.out)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// args is a features command line for the small architecture on the CPU.
func (d desk) args(more ...string) []string {
	return append([]string{"features", "--device", "cpu", "--arch", d.path("nano.json"), "--out", d.out}, more...)
}

func newDesk(t *testing.T) desk {
	t.Helper()
	dir := t.TempDir()
	d := desk{dir, filepath.Join(dir, "out")}
	d.write(t, "nano.json", []byte(nanoJSON))
	d.write(t, "bad.json", []byte(`{"embed_dims": 8}`))
	d.write(t, "cat.png", photograph(t, 40, 50))
	d.write(t, "dog.png", photograph(t, 60, 30))
	d.write(t, "wide.png", photograph(t, 130, 200))
	d.write(t, "empty.png", nil)
	d.write(t, "text.png", []byte("hello"))
	d.write(t, "huge.png", hugePNG())
	d.write(t, "tensor.npy", npyFile("<f4", "(2, 3, 128, 128)", floats(synthetic.Input(2, 128, 128, 21))))
	d.write(t, "small.npy", npyFile("<f4", "(1, 3, 32, 32)", make([]byte, 4*3*32*32)))
	d.write(t, "double.npy", npyFile("<f8", "(1, 3, 32, 32)", make([]byte, 8*3*32*32)))
	d.write(t, "flat.npy", npyFile("<f4", "(3, 32, 32)", make([]byte, 4*3*32*32)))
	d.write(t, "short.npy", npyFile("<f4", "(1, 3, 128, 128)", make([]byte, 100)))
	nan := synthetic.Input(1, 128, 128, 1)
	d.write(t, "nan.npy", npyFile("<f4", "(1, 3, 128, 128)", append([]byte{0, 0, 0xc0, 0x7f}, floats(nan)[4:]...)))
	d.write(t, "picture.npy", npyFile("|u1", "(50, 60, 3)", synthetic.Picture(50, 60, 1)))
	truncated, err := os.ReadFile(filepath.Join("..", "..", "testdata", "pictures", "truncated.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	d.write(t, "truncated.jpg", truncated)
	for _, sub := range []string{"album", "nothing"} {
		if err := os.Mkdir(d.path(sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d.write(t, "album/a.png", photograph(t, 40, 40))
	d.write(t, "album/b.PNG", photograph(t, 40, 41))
	d.write(t, "album/notes.txt", []byte("not a picture"))
	d.write(t, "album/cat.png", photograph(t, 9, 9))
	return d
}

func (d desk) write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(d.path(name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// photograph is a synthetic picture as PNG.
func photograph(t *testing.T, height, width int) []byte {
	t.Helper()
	img := picture.Picture{Height: height, Width: width, Pixels: synthetic.Picture(height, width, 3)}.Image()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// hugePNG is the beginning of a PNG that claims 20,000 x 20,000 pixels.
func hugePNG() []byte {
	chunk := []byte("IHDR\x00\x00\x4e\x20\x00\x00\x4e\x20\x08\x02\x00\x00\x00")
	data := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), chunk...)
	return binary.BigEndian.AppendUint32(data, crc32.ChecksumIEEE(chunk))
}

// npyFile is an array file by hand.
func npyFile(descr, shape string, data []byte) []byte {
	header := "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n"
	head := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	return append(append(head, header...), data...)
}

func floats(data []float32) []byte {
	var b bytes.Buffer
	if err := writeFloats(&b, data); err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
	return b.Bytes()
}

func read(t *testing.T, parts ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
