package loader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// large is a safetensors file of one tensor of several pieces, and its elements.
func large(d DType, name string, elements int) (file []byte, want []float32) {
	size := int(d.Size())
	head := fmt.Sprintf(`{"w":{"dtype":%q,"shape":[%d],"data_offsets":[0,%d]}}`, name, elements, elements*size)
	file = append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...)
	random := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, elements*size)
	for i := range data {
		data[i] = byte(random.Uint32()) & 0x3f // no exponent of all ones
	}
	want = make([]float32, elements)
	decode(want, data, d)
	return append(file, data...), want
}

// TestPieces: a tensor that is read on several cores is what it is when read at once, in
// every type whose elements are stored otherwise.
func TestPieces(t *testing.T) {
	for d, name := range map[DType]string{Float32: "F32", Float16: "F16", BFloat16: "BF16", Float64: "F64", Int8: "I8"} {
		elements := 2*pieceBytes/int(d.Size()) + 12345
		file, want := large(d, name, elements)
		c, err := readBytes(file, "large.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, elements)
		if err := c.Read("w", got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, equal %v", d, err, slices.Equal(got, want))
		}
		for _, n := range []int{0, elements - 1, elements + 1} {
			if err := c.Read("w", make([]float32, n)); !errors.Is(err, ErrFormat) {
				t.Errorf("%s: room for %d of %d elements: %v", d, n, elements, err)
			}
		}
	}
}

// TestPiecesSummed: the checksum of a storage that is read on several cores is found from
// those of its pieces, and damage in any of them is found.
func TestPiecesSummed(t *testing.T) {
	const elements = 2*pieceBytes/4 + 12345
	raw, want := large(Float32, "F32", elements)
	data := raw[len(raw)-4*elements:]
	p := newPickle().op(opEmptyDict, opMark)
	p.str("w").tensor(view{class: "FloatStorage", key: "0", numel: elements, shape: []int64{elements}, strides: []int64{1}})
	file := makeZip(t, member{"data.pkl", p.op(opSetItems).stop()}, member{"data/0", data})
	at := bytes.Index(file, data[:64])
	for _, damaged := range []int{-1, 0, pieceBytes - 1, pieceBytes, 2*pieceBytes + 7, len(data) - 1} {
		bad := bytes.Clone(file)
		if damaged >= 0 {
			bad[at+damaged] ^= 1
		}
		c, err := readBytes(bad, "large.pth")
		if err != nil {
			t.Fatal(err)
		}
		_, got, err := c.Tensor("w")
		if damaged < 0 && (err != nil || !slices.Equal(got, want)) {
			t.Errorf("sound: %v", err)
		}
		if damaged >= 0 && !errors.Is(err, ErrFormat) {
			t.Errorf("damaged at byte %d: %v", damaged, err)
		}
	}
}

func TestJoined(t *testing.T) {
	text := []byte("two neighbours, joined by multiplication")
	for at := range len(text) + 1 {
		got := joined(crc32.ChecksumIEEE(text[:at]), crc32.ChecksumIEEE(text[at:]), int64(len(text)-at))
		if want := crc32.ChecksumIEEE(text); got != want {
			t.Errorf("at %d: %08x, want %08x", at, got, want)
		}
	}
}

// TestShrinks: a file that loses its end while it is open is an error that says so.
func TestShrinks(t *testing.T) {
	raw, _ := large(Float32, "F32", 2*pieceBytes/4+1)
	path := filepath.Join(t.TempDir(), "shrinks.safetensors")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := os.Truncate(path, int64(len(raw)/2)); err != nil {
		t.Fatal(err)
	}
	_, _, err = c.Tensor("w")
	if !errors.Is(err, ErrTruncated) || !strings.Contains(err.Error(), "shrinks.safetensors") {
		t.Error(err)
	}
}
