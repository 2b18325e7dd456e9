package loader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// someTensors is a safetensors file of n pairs of a matrix of 64 x 64 and a bias of 64, none
// zero but for the biases.
func someTensors(n int) []byte {
	var header []string
	var data []byte
	add := func(name, shape string, values int, one bool) {
		begin := len(data)
		part := floats(values + 1)[4:]
		if !one {
			clear(part)
		}
		data = append(data, part...)
		header = append(header, fmt.Sprintf(`"%s": {"dtype": "F32", "shape": [%s], "data_offsets": [%d, %d]}`, name, shape, begin, len(data)))
	}
	for i := range n {
		add(fmt.Sprintf("%d.weight", i), "64, 64", 64*64, true)
		add(fmt.Sprintf("%d.bias", i), "64", 64, false)
	}
	text := "{" + strings.Join(header, ", ") + "}"
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), data...)
}

// emptied is a file whose bytes are zeros from so many before its end on.
func emptied(file []byte, last int) []byte {
	file = bytes.Clone(file)
	clear(file[len(file)-last:])
	return file
}

// A file of zeros from some point on is suspicious, whichever format it has, and the first
// tensor of them is named; zeros that training leaves are not.
func TestSuspicions(t *testing.T) {
	const pair = 4 * (64*64 + 64)
	sound := someTensors(8)
	object := newPickle().op(opEmptyDict)
	for i := range 3 {
		object.str(fmt.Sprintf("w%d", i)).tensor(view{class: "FloatStorage", key: fmt.Sprint(i), numel: 2048, shape: []int64{32, 64}, strides: []int64{64, 1}}).op(opSetItem)
	}
	legacy := []byte(legacyMagic)
	legacy = append(legacy, newPickle().num(legacyProtocol).stop()...)
	legacy = append(legacy, newPickle().op(opEmptyDict).str("little_endian").op(opNewTrue, opSetItem).stop()...)
	legacy = append(legacy, object.stop()...)
	legacy = append(legacy, newPickle().op(opEmptyList).str("0").op(opAppend).str("1").op(opAppend).str("2").op(opAppend).stop()...)
	for range 3 {
		legacy = append(binary.LittleEndian.AppendUint64(legacy, 2048), floats(2049)[4:]...)
	}
	for _, tc := range []struct {
		name string
		file []byte
		want string // "" for a file without suspicion
	}{
		{"sound", sound, ""},
		{"the last matrix never trained", emptied(sound, pair), ""},
		{"half of the last matrix", emptied(sound, pair-4*32*64), `"7.weight" and the 1 behind`},
		{"from a bias on", emptied(sound, 2*pair), `"5.bias" and the 4 behind`},
		{"from within a matrix on", emptied(sound, 3*pair-9000), `"5.weight" and the 5 behind`},
		{"nothing but the header", emptied(sound, 8*pair), `"0.weight" and the 15 behind`},
		{"one matrix of zeros", emptied(someTensors(1), pair), ""},
		{"legacy", legacy, ""},
		{"legacy, cut", emptied(legacy, 5000), `"w2" and the 0 behind`},
		{"legacy with a page", append(bytes.Clone(legacy), "<html>Too many requests</HTML>\n"...), "ends in a web page"},
		{"zip with a page", append(makeZip(t, member{"data.pkl", newPickle().op(opEmptyDict).str("state_dict").op(opEmptyDict, opSetItem).stop()}), "<html></html>"...), "ends in a web page"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			counted := &countingReader{ReaderAt: bytes.NewReader(tc.file)}
			c, err := Read(counted, int64(len(tc.file)), "test.safetensors")
			if err != nil {
				t.Fatal(err)
			}
			counted.bytes = 0
			found, err := c.Suspicions()
			if text := strings.Join(found, "\n"); err != nil || (text == "") != (tc.want == "") || !strings.Contains(text, tc.want) {
				t.Errorf("%q, %v, want %q", text, err, tc.want)
			}
			if tc.want == "" && counted.bytes > 8*tailBytes || tc.name == "sound" && counted.bytes > 2*tailBytes {
				t.Errorf("%d bytes are read to find nothing", counted.bytes)
			}
		})
	}
}

// A set of shards is suspicious where one of its files is, which is named.
func TestSuspiciousShard(t *testing.T) {
	dir := t.TempDir()
	file := someTensors(4)
	for name, data := range map[string][]byte{
		"a.safetensors": bytes.ReplaceAll(file, []byte(`.weight"`), []byte(`.Weight"`)), "b.safetensors": emptied(file, 40000),
		"x.safetensors.index.json": []byte(`{"weight_map": {` + strings.Join(mapped(4), ", ") + `}}`),
	} {
		if name == "a.safetensors" {
			data = bytes.ReplaceAll(data, []byte(`.bias"`), []byte(`.Bias"`))
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Open(filepath.Join(dir, "x.safetensors.index.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if found, err := c.Suspicions(); err != nil || len(found) != 1 || !strings.HasPrefix(found[0], `b.safetensors: tensor "1.weight"`) {
		t.Errorf("%q, %v", found, err)
	}
}

// mapped are the lines of an index for the two files of TestSuspiciousShard.
func mapped(n int) (lines []string) {
	for i := range n {
		for file, names := range map[string][]string{"a": {"Weight", "Bias"}, "b": {"weight", "bias"}} {
			for _, name := range names {
				lines = append(lines, fmt.Sprintf(`"%d.%s": "%s.safetensors"`, i, name, file))
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// An archive whose end was never written says so.
func TestZipEnding(t *testing.T) {
	file := makeZip(t, member{"data.pkl", newPickle().op(opEmptyDict).stop()}, member{"data/0", floats(4096)})
	for want, data := range map[string][]byte{
		"ends in zeros": emptied(file, 6000), "ends in a web page": append(bytes.Clone(file[:len(file)-300]), "<html>Quota exceeded</html>"...),
		"3 elements and its count is 0: the file ends in zeros": legacyFile(newPickle().op(opEmptyDict).str("x").tensor(view{class: "FloatStorage", key: "7", numel: 3, shape: []int64{3}, strides: []int64{1}}).op(opSetItem).stop(), true, 0, "7"),
	} {
		if strings.HasPrefix(want, "3") {
			data = append(data, make([]byte, tailBytes)...)
		}
		if _, err := readBytes(data, "test.pth"); !errors.Is(err, ErrTruncated) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
