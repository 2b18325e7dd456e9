package oip

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/serve/api"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Rule 13.7 for gRPC: messages of few bytes that would take much memory are refused before it is taken.
func TestRule13_7_Messages(t *testing.T) {
	repeat := func(field protowire.Number, value string, n int) []byte {
		var one []byte
		one = protowire.AppendTag(one, field, protowire.BytesType)
		return bytes.Repeat(protowire.AppendString(one, value), n)
	}
	inside := func(outer protowire.Number, inner []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, outer, protowire.BytesType), inner)
	}
	for about, data := range map[string][]byte{
		"inputs":     repeat(5, "", 1<<20),
		"outputs":    repeat(6, "", 1<<20),
		"parameters": repeat(4, "", 1<<20),
		"raw":        repeat(7, "", 1<<20),
		"elements":   inside(5, inside(5, repeat(8, "", 1<<20))),
		"numbers":    inside(5, inside(5, repeat(3, strings.Repeat("\x01", 1<<20), 1))),
		"shape":      inside(5, repeat(3, strings.Repeat("\x01", 1<<20), 1)),
		"unknown":    repeat(99, "", 1<<20),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := unmarshal(data, api.Limits{}.Or())
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; err == nil || !strings.Contains(err.Error(), "more parts") || took > 1<<20 {
			t.Errorf("%s: %v, and %d bytes for %d", about, err, took, len(data))
		}
	}
	whole := message(make([]byte, 1<<20), make([]string, 1203)...)
	data, err := proto.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unmarshal(data, api.Limits{}.Or()); err != nil {
		t.Error(err)
	}
	for _, broken := range [][]byte{{0xff}, {0x2a, 0xff}, {0x2a, 0x02, 0x2a}, {0x3a, 0x05, 1}} {
		if _, err := unmarshal(broken, api.Limits{}.Or()); err == nil {
			t.Errorf("%x is taken", broken)
		}
	}
}

// TestEnvelope has bodies that are no message, or not one.
func TestEnvelope(t *testing.T) {
	of := func(flag byte, size uint32, data string) string {
		return string(binary.BigEndian.AppendUint32([]byte{flag}, size)) + data
	}
	zipped := func(n int) string {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := z.Write(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return packed.String()
	}
	bomb, cut := zipped(1<<21), zipped(100)[:25]
	for _, row := range []struct {
		about, body, encoding string
		want                  api.Code
	}{
		{"a message", of(0, 3, "abc"), "", ""},
		{"nothing", of(0, 0, ""), "", ""},
		{"no body", "", "", api.BadRequest},
		{"half a prefix", "\x00\x00", "", api.BadRequest},
		{"too short", of(0, 4, "abc"), "", api.BadRequest},
		{"two messages", of(0, 3, "abc") + of(0, 0, ""), "", api.BadRequest},
		{"too long by its word", of(0, 1<<32-1, "abc"), "", api.TooLarge},
		{"an odd flag", of(128, 3, "abc"), "", api.BadRequest},
		{"compressed in no way", of(1, 3, "abc"), "", api.BadMethod},
		{"compressed in another way", of(1, 3, "abc"), "br", api.BadMethod},
		{"no gzip", of(1, 3, "abc"), "gzip", api.BadEncoding},
		{"no zlib", of(1, 3, "abc"), "deflate", api.BadEncoding},
		{"a bomb", of(1, uint32(len(bomb)), bomb), "gzip", api.TooLarge},
		{"a cut one", of(1, uint32(len(cut)), cut), "gzip", api.BadEncoding},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(row.body))
		r.Header.Set("Grpc-Encoding", row.encoding)
		data, err := envelope(r, 1<<20)
		code := api.Code("")
		if err != nil {
			code = api.Refused(err, "").Code
		}
		if code != row.want || err == nil && string(data) != row.body[5:] {
			t.Errorf("%s: %q, %v, want %q", row.about, data, err, row.want)
		}
	}
	large := noise(3 << 20)
	got, err := grown(bytes.NewReader(large), len(large), 1<<10)
	if err != nil || !bytes.Equal(got, large) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
