package picture_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/picture"
)

// npyFile is a NumPy file of format 1.
func npyFile(descr, fortran, shape string, data []byte) []byte {
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, fortran, shape)
	text += strings.Repeat(" ", 63-(10+len(text))%64) + "\n"
	file := []byte("\x93NUMPY\x01\x00")
	file = binary.LittleEndian.AppendUint16(file, uint16(len(text)))
	return append(append(file, text...), data...)
}

// floatBytes are float32 in a byte order.
func floatBytes(order binary.AppendByteOrder, values ...float32) []byte {
	var raw []byte
	for _, v := range values {
		raw = order.AppendUint32(raw, math.Float32bits(v))
	}
	return raw
}

// iota32 is 0, 1, ..., n-1.
func iota32(n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(i)
	}
	return out
}

func readNpy(file []byte, l picture.Limits) (*picture.Picture, *picture.Input, error) {
	return picture.ReadNpy(context.Background(), bytes.NewReader(file), int64(len(file)), "array.npy", l)
}

func TestNpyPicture(t *testing.T) {
	data := make([]byte, 2*3*3)
	for i := range data {
		data[i] = byte(i)
	}
	// The same array with its first index fastest.
	var columns []byte
	for c := range 3 {
		for x := range 3 {
			for y := range 2 {
				columns = append(columns, data[(y*3+x)*3+c])
			}
		}
	}
	for name, file := range map[string][]byte{
		"row-major":    npyFile("|u1", "False", "(2, 3, 3)", data),
		"column-major": npyFile("|u1", "True", "(2, 3, 3)", columns),
	} {
		pic, tensor, err := readNpy(file, picture.Limits{})
		if err != nil || tensor != nil || pic == nil {
			t.Fatalf("%s: %v %v %v", name, pic, tensor, err)
		}
		if pic.Height != 2 || pic.Width != 3 || !bytes.Equal(pic.Pixels, data) {
			t.Errorf("%s: %+v", name, pic)
		}
	}
}

func TestNpyTensor(t *testing.T) {
	want := iota32(2 * 3 * 4 * 5)
	columns := make([]float32, len(want))
	for i, v := range want {
		n, c, y, x := i/60, i/20%3, i/5%4, i%5
		columns[n+2*(c+3*(y+4*x))] = v
	}
	for name, file := range map[string][]byte{
		"little-endian": npyFile("<f4", "False", "(2, 3, 4, 5)", floatBytes(binary.LittleEndian, want...)),
		"big-endian":    npyFile(">f4", "False", "(2, 3, 4, 5)", floatBytes(binary.BigEndian, want...)),
		"column-major":  npyFile("<f4", "True", "(2, 3, 4, 5)", floatBytes(binary.LittleEndian, columns...)),
	} {
		pic, tensor, err := readNpy(file, picture.Limits{})
		if err != nil || pic != nil || tensor == nil {
			t.Fatalf("%s: %v %v %v", name, pic, tensor, err)
		}
		if tensor.Batch != 2 || tensor.Height != 4 || tensor.Width != 5 || !slices.Equal(tensor.Data, want) {
			t.Errorf("%s: %+v", name, tensor)
		}
	}
}

func TestNpyRefusals(t *testing.T) {
	good := floatBytes(binary.LittleEndian, iota32(12)...)
	bad := func(v float64) []byte {
		values := iota32(12)
		values[7] = float32(v)
		return npyFile("<f4", "False", "(1, 3, 2, 2)", floatBytes(binary.LittleEndian, values...))
	}
	version3 := npyFile("<f4", "False", "(1, 3, 2, 2)", good)
	version3[6] = 3
	long := []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff")
	for _, row := range []struct {
		name string
		file []byte
		want error
		says string
	}{
		{"empty", nil, picture.ErrFormat, "empty"},
		{"not an array", []byte("this is text, not an array"), picture.ErrFormat, "not a NumPy"},
		{"magic only", []byte("\x93NUMPY"), picture.ErrFormat, "not a NumPy"},
		{"version 3", version3, picture.ErrFormat, "version 3.0"},
		{"header longer than the file", long, picture.ErrFormat, "cut short"},
		{"header without a line end", []byte("\x93NUMPY\x01\x00\x02\x00{}"), picture.ErrFormat, "damaged NumPy header"},
		{"malformed shape", npyFile("<f4", "False", "", good), picture.ErrFormat, "damaged NumPy header"},
		{"shape of words", npyFile("<f4", "False", "(a, b)", good), picture.ErrFormat, "damaged NumPy header"},
		{"no descr", []byte("\x93NUMPY\x01\x00\x08\x00{'a': 1\n"), picture.ErrFormat, "damaged NumPy header"},
		{"NaN", bad(math.NaN()), picture.ErrFormat, "element [0 1 1 1] is NaN"},
		{"infinity", bad(math.Inf(-1)), picture.ErrFormat, "element [0 1 1 1] is -Inf"},
		{"float64", npyFile("<f8", "False", "(1, 3, 1, 2)", good), picture.ErrFormat, "type float64 and shape [1 3 1 2]"},
		{"object", npyFile("|O", "False", "(1, 3, 2, 2)", good), picture.ErrFormat, `type "O"`},
		{"rank 3 of float32", npyFile("<f4", "False", "(3, 2, 2)", good), picture.ErrFormat, "shape [3 2 2]; expected"},
		{"four channels", npyFile("|u1", "False", "(3, 1, 4)", good[:12]), picture.ErrFormat, "shape [3 1 4]; expected"},
		{"channels last", npyFile("<f4", "False", "(1, 2, 2, 3)", good), picture.ErrFormat, "expected uint8 [H, W, 3]"},
		{"scalar", npyFile("<f4", "False", "()", good[:4]), picture.ErrFormat, "shape []"},
		{"cut short", npyFile("<f4", "False", "(1, 3, 2, 2)", good[:47]), picture.ErrFormat, "47 bytes of data where"},
		{"too long", npyFile("<f4", "False", "(1, 3, 2, 2)", append(good, 0)), picture.ErrFormat, "49 bytes of data where"},
		{"empty side", npyFile("<f4", "False", "(1, 3, 0, 2)", nil), picture.ErrFormat, "empty side"},
		{"empty batch", npyFile("<f4", "False", "(0, 3, 2, 2)", nil), picture.ErrFormat, "empty side"},
		{"negative side", npyFile("<f4", "False", "(1, 3, -2, -2)", good), picture.ErrFormat, "empty side"},
		{"20,000 pixels", npyFile("|u1", "False", "(20000, 20000, 3)", nil), picture.ErrTooLarge, "raise MaxSide"},
		{"huge batch", npyFile("<f4", "False", "(9223372036854775807, 3, 9, 9)", nil), picture.ErrTooLarge, "raise MaxPixels"},
		{"overflow", npyFile("<f4", "False", "(4611686018427387904, 3, 2, 2)", nil), picture.ErrTooLarge, "raise MaxPixels"},
		{"claims without data", npyFile("<f4", "False", "(1, 3, 9999, 9999)", nil), picture.ErrFormat, "0 bytes of data"},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := allocated()
			pic, tensor, err := readNpy(row.file, picture.Limits{})
			if pic != nil || tensor != nil {
				t.Errorf("accepted: %v %v", pic, tensor)
			}
			if !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.says) || !strings.Contains(err.Error(), "array.npy") {
				t.Errorf("error is %v; want %q in it, and %v", err, row.says, row.want)
			}
			if took := allocated() - before; took > 1<<20 {
				t.Errorf("the refusal took %d bytes", took)
			}
		})
	}
}

func TestOpenNpy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tensor.npy")
	file := npyFile("<f4", "False", "(1, 3, 2, 2)", floatBytes(binary.LittleEndian, iota32(12)...))
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	_, tensor, err := picture.OpenNpy(t.Context(), path, picture.Limits{})
	if err != nil || !slices.Equal(tensor.Data, iota32(12)) {
		t.Errorf("%v, %v", tensor, err)
	}
	if _, _, err := picture.OpenNpy(t.Context(), path+"x", picture.Limits{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
	if _, _, err := picture.OpenNpy(t.Context(), filepath.Dir(path), picture.Limits{}); !errors.Is(err, picture.ErrFormat) {
		t.Errorf("error is %v", err)
	}
}

// FuzzNpy: no panic, and no more memory than the file's size explains.
func FuzzNpy(f *testing.F) {
	f.Add(npyFile("|u1", "False", "(2, 3, 3)", make([]byte, 18)))
	f.Add(npyFile("|u1", "True", "(2, 3, 3)", make([]byte, 18)))
	f.Add(npyFile("<f4", "False", "(1, 3, 2, 2)", make([]byte, 48)))
	f.Add(npyFile(">f4", "True", "(2, 3, 1, 2)", make([]byte, 48)))
	f.Add(npyFile("<f4", "False", "(1, 3, 9999, 9999)", nil))
	f.Add([]byte("\x93NUMPY\x02\x00\x08\x00\x00\x00{'a': 1\n"))
	golden, err := os.ReadFile(filepath.FromSlash("../testdata/preprocess.npy"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden[:1024])
	f.Fuzz(func(t *testing.T, file []byte) {
		before := allocated()
		pic, tensor, err := readNpy(file, picture.Limits{})
		// Header text, its pieces and errors take a bounded multiple of the file;
		// other goroutines of the fuzzing engine are counted too.
		if took, bound := allocated()-before, uint64(64*len(file)+4<<20); took > bound {
			t.Errorf("%d bytes taken for a file of %d", took, len(file))
		}
		switch {
		case err != nil && !errors.Is(err, picture.ErrFormat) && !errors.Is(err, picture.ErrTooLarge):
			t.Errorf("error is neither of the two kinds: %v", err)
		case err == nil && (pic == nil) == (tensor == nil):
			t.Error("not exactly one result")
		}
	})
}
