package loader

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestIndexOnly opens a checkpoint of gigabytes, ZIP64 records included, and
// counts what is read: the index alone, then one tensor alone.
func TestIndexOnly(t *testing.T) {
	for _, mib := range []int64{850, 4500} {
		numel := mib << 20 / 4
		small := view{class: "FloatStorage", key: "1", numel: 6, shape: []int64{2, 3}, strides: []int64{3, 1}}
		big := view{class: "FloatStorage", key: "0", numel: numel, shape: []int64{numel / 1024, 1024}, strides: []int64{1024, 1}}
		p := newPickle().op(opEmptyDict, opMark).str("big").tensor(big).str("small").tensor(small).op(opSetItems)
		file := newSparse()
		w := zip.NewWriter(file)
		add := func(name string, data []byte, zeros int64) {
			size := uint64(int64(len(data)) + zeros<<20)
			f, err := w.CreateRaw(&zip.FileHeader{Name: "archive/" + name, Method: zip.Store,
				CRC32: crc32.ChecksumIEEE(data), CompressedSize64: size, UncompressedSize64: size})
			if err == nil {
				_, err = f.Write(data)
			}
			for range zeros {
				if err == nil {
					_, err = f.Write(file.zero)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		add("data.pkl", p.stop(), 0)
		add("data/0", nil, mib)
		add("data/1", floats(6), 0)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r := &countingReader{ReaderAt: file}
		var c *Checkpoint
		var err error
		bytes := allocated(func() { c, err = Read(r, file.at, "big.pth") })
		if err != nil {
			t.Fatal(err)
		}
		if r.bytes > 64<<10 || bytes > 1<<20 {
			t.Errorf("opening %d MiB read %d bytes and allocated %d", mib, r.bytes, bytes)
		}
		r.bytes = 0
		_, data, err := c.Tensor("small")
		if err != nil || !slices.Equal(data, []float32{0, 1, 2, 3, 4, 5}) || r.bytes != 24 {
			t.Errorf("small tensor: %v, %v, %d bytes read", data, err, r.bytes)
		}
	}
}

// TestPickleRefused: streams made to mislead, each with what must stop it.
func TestPickleRefused(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	manyTimes := func(p *pickler) *pickler { // a tuple of 4096 references to one long string
		p.op(opMark).str(long).put(0)
		for range 4095 {
			p.get(0)
		}
		return p.op(opTuple)
	}
	ordered := func(p *pickler) *pickler {
		return p.global("collections", "OrderedDict").op(opEmptyTuple, opReduce)
	}
	history := "mmengine.logging.history_buffer"
	for _, tc := range []struct {
		name   string
		pickle []byte
		kind   error
		text   string
	}{
		{"reduce of a string", newPickle().str("f").op(opEmptyTuple, opReduce).stop(), ErrUnsafe, "calls something"},
		{"reduce of a storage class", newPickle().global("torch", "FloatStorage").op(opEmptyTuple, opReduce).stop(), ErrUnsafe, "torch.FloatStorage"},
		{"newobj of a function", newPickle().global("torch._utils", "_rebuild_tensor_v2").op(opEmptyTuple, opNewObj).stop(), ErrUnsafe, "_rebuild_tensor_v2"},
		{"getattr of os", newPickle().global("__builtin__", "getattr").global("os", "path").stop(), ErrUnsafe, "os.path"},
		{"getattr of a string", newPickle().global("__builtin__", "getattr").str("os").str("system").op(opTuple2, opReduce).stop(), ErrUnsafe, "getattr"},
		{"getattr of another class", newPickle().global("__builtin__", "getattr").global("numpy", "ndarray").str("tofile").op(opTuple2, opReduce).stop(), ErrUnsafe, "getattr"},
		{"getattr of an instance", newPickle().global("builtins", "getattr").global(history, "HistoryBuffer").op(opEmptyTuple, opNewObj).str("x").op(opTuple2, opReduce).stop(), ErrUnsafe, "getattr"},
		{"calling what getattr gave", newPickle().global("builtins", "getattr").global(history, "HistoryBuffer").str("mean").op(opTuple2, opReduce, opEmptyTuple, opReduce).stop(), ErrUnsafe, "calls something"},
		{"gopickle's own reconstructor", newPickle().global("copy_reg", "_reconstructor").stop(), ErrUnsafe, "copy_reg._reconstructor"},
		{"gopickle's own object", newPickle().global("__builtin__", "object").stop(), ErrUnsafe, "__builtin__.object"},
		{"control characters in a name", newPickle().global("os\x1b[2J", "system").stop(), ErrUnsafe, `os\x1b[2J.system`},
		{"prefix of an allowed module", newPickle().global("collections.abc", "OrderedDict").stop(), ErrUnsafe, "collections.abc"},
		{"endless name", newPickle().op(opGlobal).op(bytes.Repeat([]byte("a"), 1000)...).stop(), ErrFormat, "longer"},
		{"ordered dict with arguments", manyTimes(newPickle().global("collections", "OrderedDict")).op(opReduce).stop(), ErrFormat, "Python 2"},
		{"build with slots", ordered(newPickle()).op(opNone, opEmptyDict, opTuple2, opBuild).stop(), ErrFormat, "state"},
		{"build with a tuple key", ordered(manyTimes(newPickle().op(opEmptyDict)).op(opNone, opSetItem)).op(opEmptyDict, opBuild).stop(), ErrFormat, "state"},
		{"build of a dict", newPickle().op(opEmptyDict, opEmptyDict, opBuild).stop(), ErrFormat, "state"},
		{"odd items", newPickle().op(opEmptyDict, opMark, opNone, opSetItems).stop(), ErrFormat, "no value"},
		{"append to a dict", newPickle().op(opEmptyDict, opNone, opAppend).stop(), ErrFormat, "no list"},
		{"pop below a mark", newPickle().op(opNone, opMark, opTuple1).stop(), ErrFormat, "too few"},
		{"empty long", newPickle().op(opLong1, 0).stop(), ErrFormat, "Python 2"},
		{"open mark at the end", newPickle().op(opNone, opMark, opNone).stop(), ErrFormat, "unfinished"},
		{"bytes as a key", newPickle().op(opEmptyDict, opShortBinBytes, 1, 'a', opNone, opSetItem).stop(), ErrMissing, ""},
		{"bytes as an ordered key", ordered(newPickle()).op(opShortBinBytes, 1, 'a', opNone, opSetItem).stop(), ErrFormat, ""},
		{"module as persistent id", newPickle().str("module").str("c").op(opTuple2, opBinPersID).stop(), ErrUnsafe, "state_dict()"},
		{"storage of an inert class", newPickle().op(opMark).str("storage").global("numpy", "dtype").str("0").str("cpu").num(1).op(opTuple, opBinPersID).stop(), ErrFormat, "no storage class"},
		{"same name twice", newPickle().op(opEmptyDict, opMark).str("a").op(opNone).str("a").op(opNone, opSetItems).stop(), ErrFormat, "twice"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var err error
			bytes := allocated(func() { _, err = readPickle(t, tc.pickle) })
			if !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("got %v, want %v with %q", err, tc.kind, tc.text)
			}
			if limit := 20*uint64(len(tc.pickle)) + 1<<20; bytes > limit {
				t.Errorf("allocated %d bytes for a pickle of %d", bytes, len(tc.pickle))
			}
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("the error text has %d bytes", len(err.Error()))
			}
		})
	}
}

// TestRebuild: the forms of a tensor that no golden file has.
func TestRebuild(t *testing.T) {
	p := newPickle().op(opEmptyDict, opMark)
	p.str("v3").global("torch._utils", "_rebuild_tensor_v3").op(opMark).storage("UntypedStorage", "0", 24).num(1).nums(2).nums(2)
	p.op(opNewFalse).global("collections", "OrderedDict").op(opEmptyTuple, opReduce).global("torch", "float32").op(opTuple, opReduce)
	p.str("parameter").global("torch._utils", "_rebuild_parameter").op(opMark)
	p.tensor(view{class: "FloatStorage", key: "1", numel: 6, shape: []int64{3, 2}, strides: []int64{1, 3}})
	p.op(opNewTrue, opNone, opTuple, opReduce)
	p.str("step").op(opBinInt1, 7)
	p.str("array").global("numpy", "ndarray").op(opEmptyTuple, opReduce)
	p.str("complex").tensor(view{class: "ComplexFloatStorage", key: "2", numel: 3, shape: []int64{3}, strides: []int64{1}})
	c, err := readBytes(makeZip(t, member{"data.pkl", p.op(opSetItems).stop()},
		member{"data/0", floats(6)}, member{"data/1", floats(6)}, member{"data/2", floats(6)}), "rebuild.pth")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Names(); !slices.Equal(got, []string{"v3", "parameter", "complex"}) {
		t.Errorf("names %v", got)
	}
	for _, want := range []string{"step (int)", "array (numpy.ndarray)", "class numpy.ndarray"} {
		if !slices.Contains(c.Skipped(), want) {
			t.Errorf("skipped %q lacks %q", c.Skipped(), want)
		}
	}
	for name, want := range map[string][]float32{"v3": {1, 3}, "parameter": {0, 3, 1, 4, 2, 5}} {
		if _, data, err := c.Tensor(name); err != nil || !slices.Equal(data, want) {
			t.Errorf("%s: %v, %v; want %v", name, data, err, want)
		}
	}
	if _, _, err := c.Tensor("complex"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "complex64") {
		t.Errorf("a complex tensor: %v", err)
	}
}

// TestChecksum: damage is found once the tensor is read, through a whole
// storage and through a view of one, unless checksums are off.
func TestChecksum(t *testing.T) {
	p := newPickle().op(opEmptyDict, opMark)
	p.str("whole").tensor(view{class: "FloatStorage", key: "0", numel: 6, shape: []int64{6}, strides: []int64{1}})
	p.str("view").tensor(view{class: "FloatStorage", key: "0", numel: 6, offset: 1, shape: []int64{2}, strides: []int64{1}})
	good := makeZip(t, member{"data.pkl", p.op(opSetItems).stop()}, member{"data/0", floats(6)})
	bad := bytes.Clone(good)
	at := bytes.Index(bad, floats(6))
	bad[at+23] ^= 1
	for _, name := range []string{"whole", "view"} {
		for _, tc := range []struct {
			file []byte
			opts Options
			want error
		}{{good, Options{}, nil}, {bad, Options{}, ErrFormat}, {bad, Options{SkipCRC: true}, nil}} {
			c, err := tc.opts.Read(bytes.NewReader(tc.file), int64(len(tc.file)), "crc.pth")
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // verified once or found wrong every time
				if _, _, err := c.Tensor(name); !errors.Is(err, tc.want) {
					t.Errorf("%s, %+v: %v, want %v", name, tc.opts, err, tc.want)
				}
			}
		}
	}
	bad[bytes.Index(bad, []byte("whole"))] ^= 1
	if _, err := readBytes(bad, "crc.pth"); !errors.Is(err, ErrFormat) {
		t.Errorf("a damaged data.pkl: %v", err)
	}
}

// TestTruncation cuts sound files at many places: always an error, never a panic.
func TestTruncation(t *testing.T) {
	for _, file := range []string{"layouts.pth", "layouts-legacy.pth", "handmade.pth"} {
		data, err := os.ReadFile("../testdata/checkpoints/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n < len(data); n += 1 + n/64 {
			if _, err := readBytes(data[:n], file); !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrFormat) {
				t.Fatalf("%s cut to %d bytes: %v", file, n, err)
			}
		}
	}
}

// TestConcurrent reads the same tensors from several goroutines.
func TestConcurrent(t *testing.T) {
	c, err := Open("../testdata/checkpoints/layouts.pth")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, name := range c.Names() {
				if _, _, err := c.Tensor(name); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// writeSafetensors writes a file with one F32 vector per name.
func writeSafetensors(t *testing.T, path string, names ...string) {
	t.Helper()
	header, at := "{", 0
	for i, name := range names {
		if i > 0 {
			header += ","
		}
		header += fmt.Sprintf(`%q:{"dtype":"F32","shape":[3],"data_offsets":[%d,%d]}`, name, at, at+12)
		at += 12
	}
	header += "}  "
	data := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	data = append(data, header...)
	data = append(data, floats(3*len(names))...)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestShards(t *testing.T) {
	folder := t.TempDir()
	writeSafetensors(t, filepath.Join(folder, "a.safetensors"), "x", "y")
	writeSafetensors(t, filepath.Join(folder, "b.safetensors"), "z")
	const index = "model.safetensors.index.json"
	for _, tc := range []struct {
		name, json string
		want       error
	}{
		{"sound", `{"metadata":{"total_size":36,"more":[{"a":[]}]},"weight_map":{"z":"b.safetensors","x":"a.safetensors","y":"a.safetensors"}}`, nil},
		{"path", `{"weight_map":{"z":"../b.safetensors"}}`, ErrUnsafe},
		{"absolute", `{"weight_map":{"z":"/b.safetensors"}}`, ErrUnsafe},
		{"other file", `{"weight_map":{"z":"passwords.txt"}}`, ErrUnsafe},
		{"absent file", `{"weight_map":{"z":"c.safetensors"}}`, os.ErrNotExist},
		{"absent tensor", `{"weight_map":{"z":"a.safetensors"}}`, ErrFormat},
		{"tensor left out", `{"weight_map":{"z":"b.safetensors","x":"a.safetensors"}}`, ErrFormat},
		{"tensor twice", `{"weight_map":{"z":"b.safetensors","z":"b.safetensors"}}`, ErrFormat},
		{"no map", `{"metadata":{}}`, ErrFormat},
		{"deep", `{"metadata":` + strings.Repeat("[", 5000), ErrFormat},
		{"not JSON", `<html>`, ErrFormat},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(folder, index)
			if err := os.WriteFile(path, []byte(tc.json), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := Open(path)
			if !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
			if err != nil {
				return
			}
			defer c.Close()
			_, data, err := c.Tensor("y")
			if err != nil || !slices.Equal(data, []float32{3, 4, 5}) || c.Container() != "safetensors, sharded" {
				t.Errorf("%s: %v, %v", c.Container(), data, err)
			}
		})
	}
}

// TestErrorText: file, tensor, kind and remedy are all in one sentence.
func TestErrorText(t *testing.T) {
	_, err := Open("../testdata/checkpoints/bad-tensor-storage-kind.pth")
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if e.File != "../testdata/checkpoints/bad-tensor-storage-kind.pth" || e.Tensor != "stages.1.blocks.0.attn.w_msa.qkv.weight" || e.Kind != ErrTruncated {
		t.Errorf("%+v", e)
	}
	want := `../testdata/checkpoints/bad-tensor-storage-kind.pth: tensor "stages.1.blocks.0.attn.w_msa.qkv.weight": checkpoint is truncated: ` +
		`storage "0" should have 512 bytes and has 256; copy or download the file again`
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

// TestVerifySum: the digits in a published name are those of the content.
func TestVerifySum(t *testing.T) {
	for name, digits := range map[string]string{
		"swin-t_glip-pre_3rdparty_20230413-d85813b5.pth": "d85813b5",
		"glip_tiny_model_o365_goldg_cc_sbu.pth":          "",
		"swin-large-patch4.pth":                          "",
		"d85813b5.pth":                                   "",
	} {
		if got, ok := PublishedSum("some/folder-00000000/" + name); got != digits || ok != (digits != "") {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
	}
	folder := t.TempDir()
	for _, tc := range []struct {
		name    string
		checked bool
		want    error
	}{
		{"a-ba7816bf.pth", true, nil}, // FIPS 180-4: SHA-256 of "abc"
		{"a-ba7816b0.pth", true, ErrFormat},
		{"a.pth", false, nil},
	} {
		path := filepath.Join(folder, tc.name)
		if err := os.WriteFile(path, []byte("abc"), 0o600); err != nil {
			t.Fatal(err)
		}
		if checked, err := VerifySum(context.Background(), path); checked != tc.checked || !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, %v", tc.name, checked, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := VerifySum(ctx, filepath.Join(folder, "a-ba7816bf.pth")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
