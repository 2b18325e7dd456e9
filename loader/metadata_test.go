package loader

import (
	"bytes"
	"errors"
	"maps"
	"strings"
	"testing"
)

// What a zip says besides its tensors is read as it stands, and refused where it is no object of strings, twice there, or too long.
func TestZipMetadata(t *testing.T) {
	pickle := newPickle().op(opEmptyDict).str("x")
	pickle.tensor(view{class: "FloatStorage", key: "0", numel: 1, shape: []int64{1}, strides: []int64{1}})
	pickled := pickle.op(opSetItem).stop()
	file := func(said string) []byte {
		return makeZip(t, member{"data.pkl", pickled}, member{"data/0", floats(1)}, member{metadataMember, []byte(said)})
	}
	if c, err := readBytes(file(`{"a": "1", "": "\u00e4"}`), "said.pth"); err != nil || !maps.Equal(c.Metadata(), map[string]string{"a": "1", "": "ä"}) {
		t.Errorf("%v, %v", c, err)
	}
	for said, wants := range map[string]string{
		"":                    "broken",
		"[]":                  "where { belongs",
		`{"a": 1}`:            "where a string belongs",
		`{"a": "1", "a": ""}`: `the key "a" twice`,
		`{"a": "1"} {}`:       "goes on",
		"{\"a\": \"\xff\"}":   "not valid UTF-8",
		`{"a": "` + strings.Repeat("x", mostMetadata) + `"}`: "want 16777216 at most",
	} {
		if _, err := readBytes(file(said), "said.pth"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), wants) {
			t.Errorf("%.40q: %v, want %q", said, err, wants)
		}
	}
	damaged := file(`{"a": "1"}`)
	damaged[bytes.Index(damaged, []byte(`{"a": "1"}`))+7]++
	if _, err := readBytes(damaged, "said.pth"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("damaged: %v", err)
	}
	if c, err := (Options{SkipCRC: true}).Read(bytes.NewReader(damaged), int64(len(damaged)), "said.pth"); err != nil || c.Metadata()["a"] != "2" {
		t.Errorf("damaged, and not looked at: %v", err)
	}
}
