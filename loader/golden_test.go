package loader

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
)

// goldenRow is a line of checkpoints/manifest.json, as far as reading goes.
type goldenRow struct {
	File   string
	Bytes  int64
	Expect string
	Error  []string
	Level  string
	Also   []string `json:"may_also"`
	Tensor string
	Values json.RawMessage
}

// goldenFolders lists the project's own files and, where it is present, the
// full set they were picked from.
func goldenFolders(t testing.TB) []string {
	t.Helper()
	folders := []string{"../testdata/checkpoints"}
	const shared = "../../shared/golden/swin/checkpoints"
	if _, err := os.Stat(shared); err == nil {
		folders = append(folders, shared)
	} else {
		t.Logf("%s is absent: only the project's own files are tested", shared)
	}
	return folders
}

func goldenRows(t testing.TB, folder string) []goldenRow {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Files []goldenRow }
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	if len(manifest.Files) < 60 {
		t.Fatalf("%s has %d rows", folder, len(manifest.Files))
	}
	return manifest.Files
}

// kindOf maps an error to the manifest's word for it.
func kindOf(err error) string {
	for _, k := range []struct {
		err  error
		word string
	}{{ErrUnsafe, "unsafe"}, {ErrTruncated, "truncated"}, {ErrFormat, "format"}, {ErrMissing, "missing"}} {
		if errors.Is(err, k.err) {
			return k.word
		}
	}
	if err == nil {
		return "ok"
	}
	return "other"
}

// readAll opens a checkpoint and reads every tensor. An empty state dict counts
// as missing: whoever wants weights from it gets that answer.
func readAll(path string) error {
	c, err := Open(path)
	if err != nil {
		return err
	}
	defer c.Close()
	if len(c.Names()) == 0 {
		return &Error{File: path, Kind: ErrMissing, Detail: "no tensors"}
	}
	for _, name := range c.Names() {
		if _, _, err := c.Tensor(name); err != nil {
			return err
		}
	}
	return nil
}

// allocated runs f and returns the bytes it allocated, garbage included.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// allocationBound is what reading a file of size bytes may allocate in all: an
// opcode of one byte costs at most a mark with its stack of 16 slots.
func allocationBound(size int64) uint64 { return 1024*uint64(size) + 4<<20 }

// TestGolden: every file of the manifest gives what its row says, in little
// memory, and nothing runs.
func TestGolden(t *testing.T) {
	for _, folder := range goldenFolders(t) {
		for _, row := range goldenRows(t, folder) {
			t.Run(filepath.Base(filepath.Dir(folder))+"/"+row.File, func(t *testing.T) {
				path := filepath.Join(folder, row.File)
				var err error
				bytes := allocated(func() { err = readAll(path) })
				if limit := allocationBound(row.Bytes); bytes > limit {
					t.Errorf("reading %d bytes allocated %d, more than %d", row.Bytes, bytes, limit)
				}
				want := append(slices.Clone(row.Error), row.Also...)
				if row.Expect == "ok" || row.Level == "bind" {
					want = append(want, "ok")
				}
				if got := kindOf(err); !slices.Contains(want, got) {
					t.Errorf("got %s (%v), want one of %v", got, err, want)
				}
				if err != nil {
					t.Log(err)
				}
			})
		}
	}
	for _, folder := range append(goldenFolders(t), ".") {
		if _, err := os.Stat(filepath.Join(folder, "OWNED")); err == nil {
			t.Fatalf("%s/OWNED appeared: a checkpoint ran code", folder)
		}
	}
}

// TestLayouts reads views, shared storages, strides and every plain dtype bit
// for bit, from both PyTorch containers.
func TestLayouts(t *testing.T) {
	type layout struct {
		Shape  []int
		Stride []int
		Offset int64 `json:"storage_offset"`
		DType  string
		Bits   []string `json:"float32_bits"`
		Values []int64  // of integer kinds; we round them to float32
	}
	text, err := os.ReadFile("../testdata/checkpoints/layouts.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]layout
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"layouts.pth", "layouts-legacy.pth"} {
		c, err := Open("../testdata/checkpoints/" + file)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got := len(c.Names()); got != len(want) {
			t.Errorf("%s: %d tensors, want %d", file, got, len(want))
		}
		for name, w := range want {
			t.Run(file+"/"+name, func(t *testing.T) {
				info, ok := c.Info(name)
				if !ok {
					t.Fatal("not there")
				}
				if !slices.Equal(info.Shape, w.Shape) || !slices.Equal(info.Strides, w.Stride) || info.Offset != w.Offset || string(info.DType) != w.DType {
					t.Errorf("got %v strides %v offset %d %s, want %+v", info.Shape, info.Strides, info.Offset, info.DType, w)
				}
				shape, data, err := c.Tensor(name)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(shape, w.Shape) || len(data) != len(w.Bits)+len(w.Values) {
					t.Fatalf("shape %v with %d values, want %v with %d", shape, len(data), w.Shape, len(w.Bits)+len(w.Values))
				}
				for i, v := range w.Values {
					if data[i] != float32(v) {
						t.Fatalf("element %d is %v, want %d", i, data[i], v)
					}
				}
				for i, hex := range w.Bits {
					bits, err := strconv.ParseUint(hex, 16, 32)
					if err != nil {
						t.Fatal(err)
					}
					if got := math.Float32bits(data[i]); got != uint32(bits) {
						t.Fatalf("element %d is %08x, want %08x", i, got, bits)
					}
				}
			})
		}
	}
}

func TestHandmade(t *testing.T) {
	c, err := Open("../testdata/checkpoints/handmade.pth")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	shape, data, err := c.Tensor("stages.1.blocks.0.attn.w_msa.qkv.weight")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(shape, []int{8, 8}) {
		t.Errorf("shape %v", shape)
	}
	for i, v := range data {
		if v != float32(i) {
			t.Fatalf("element %d is %v", i, v)
		}
	}
	if _, _, err := c.Tensor("nowhere"); !errors.Is(err, ErrMissing) {
		t.Errorf("a name that is not there: %v", err)
	}
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

// TestWrapper: where the tensors were found and what was left unread.
func TestWrapper(t *testing.T) {
	for _, tc := range []struct{ file, container, wrapper, skipped string }{
		{"mmpretrain-nano.pth", "PyTorch zip", "state_dict", "meta"},
		{"glip-detector-nano.pth", "PyTorch zip", "model", "optimizer"},
		{"layouts-legacy.pth", "PyTorch legacy", "", ""},
		{"nano-bfloat16.safetensors", "safetensors", "", ""},
	} {
		c, err := Open("../testdata/checkpoints/" + tc.file)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if c.Container() != tc.container || c.Wrapper() != tc.wrapper {
			t.Errorf("%s: %q, %q; want %q, %q", tc.file, c.Container(), c.Wrapper(), tc.container, tc.wrapper)
		}
		if tc.skipped != "" && !slices.Contains(c.Skipped(), tc.skipped) {
			t.Errorf("%s: skipped %v, want %s among them", tc.file, c.Skipped(), tc.skipped)
		}
	}
	c, err := Options{Entry: "meta"}.Open("../testdata/checkpoints/mmpretrain-nano.pth")
	if err != nil || len(c.Names()) != 0 || c.Wrapper() != "meta" {
		t.Errorf("entry meta: %v", err)
	}
	if _, err := (Options{Entry: "model_ema"}).Open("../testdata/checkpoints/mmpretrain-nano.pth"); !errors.Is(err, ErrMissing) {
		t.Errorf("an entry that is not there: %v", err)
	}
}

// TestOpenErrors: paths that are no files.
func TestOpenErrors(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none.pth")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a folder was opened")
	}
}

// countingReader counts the bytes read through it.
type countingReader struct {
	io.ReaderAt
	bytes int64
}

func (c *countingReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.bytes += int64(n)
	return n, err
}

func ExampleOpen() {
	c, err := Open("../testdata/checkpoints/pico.pth")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	name := c.Names()[0]
	shape, data, err := c.Tensor(name)
	fmt.Println(c.Container(), name, shape, len(data), err)
	// Output: PyTorch zip patch_embed.projection.weight [4 3 4 4] 192 <nil>
}
