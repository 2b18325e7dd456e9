package loader

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
)

// safetensorsFile puts a header before 8 bytes of data.
func safetensorsFile(header string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), floats(2)...)
}

// TestSafetensorsRules: what the format allows beside the golden files, and what
// it does not.
func TestSafetensorsRules(t *testing.T) {
	const good = `"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	for _, tc := range []struct {
		name, header string
		want         error
	}{
		{"plain", `{` + good + `}`, nil},
		{"padded", `{` + good + `}   `, nil},
		{"metadata", `{"__metadata__":{"format":"pt"},` + good + `}`, nil},
		{"empty tensor beside", `{"b":{"dtype":"I64","shape":[0,3],"data_offsets":[8,8]},` + good + `}`, nil},
		{"scalars", `{"b":{"dtype":"F32","shape":[],"data_offsets":[4,8]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, nil},
		{"trailing garbage", `{` + good + `}x`, ErrFormat},
		{"second object", `{` + good + `}{}`, ErrFormat},
		{"no tensors but bytes", `{}`, ErrFormat},
		{"field twice", `{"a":{"dtype":"F64","dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, ErrFormat},
		{"metadata twice", `{"__metadata__":{},"__metadata__":{},` + good + `}`, ErrFormat},
		{"metadata key twice", `{"__metadata__":{"k":"1","k":"2"},` + good + `}`, ErrFormat},
		{"same name escaped", `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, ErrFormat},
		{"unknown field", `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}`, ErrFormat},
		{"no shape", `{"a":{"dtype":"F32","data_offsets":[0,8]}}`, ErrFormat},
		{"three offsets", `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}`, ErrFormat},
		{"one offset", `{"a":{"dtype":"F32","shape":[2],"data_offsets":[8]}}`, ErrFormat},
		{"exponent", `{"a":{"dtype":"F32","shape":[2e0],"data_offsets":[0,8]}}`, ErrFormat},
		{"number as text", `{"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}`, ErrFormat},
		{"rank 9", `{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}`, ErrFormat},
		{"null entry", `{"a":null}`, ErrFormat},
		{"bad UTF-8", "{\"\xff\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", ErrFormat},
		{"wrapping offsets", `{"a":{"dtype":"F32","shape":[2],"data_offsets":[18446744073709551608,18446744073709551615]}}`, ErrFormat},
		{"leading space", ` {` + good + `}`, ErrFormat},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := readBytes(safetensorsFile(tc.header), "x.safetensors")
			if !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
			if err != nil {
				return
			}
			for _, name := range c.Names() {
				info, _ := c.Info(name)
				_, data, err := c.Tensor(name)
				if err != nil || !slices.Equal(data, []float32{0, 1}[:len(data)]) && name == "a" {
					t.Errorf("%+v: %v, %v", info, data, err)
				}
			}
		})
	}
	if _, err := (Options{Entry: "model"}).Read(strings.NewReader(string(safetensorsFile(`{`+good+`}`))), int64(16+len(good)+2), "x.safetensors"); !errors.Is(err, ErrMissing) {
		t.Errorf("an entry of a file without entries: %v", err)
	}
}
