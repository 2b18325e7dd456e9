package guard

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/serve/api"
)

// base64 is taken as clients write it, within its limit.
func TestDataURL(t *testing.T) {
	for text, want := range map[string]string{
		"R0lGODlh":                       "GIF89a",
		"QQ==":                           "A",
		"QQ":                             "A",
		"R0lG\nODlh\r\n":                 "GIF89a",
		"data:image/gif;base64,R0lGODlh": "GIF89a",
		"DATA:Image/GIF;charset=x;BASE64,R0lGODlh": "GIF89a",
		"data:;base64,QQ":                          "A",
		"data:;base64,QQ%3D%3d":                    "A",
		"data:;base64,%52%30lGODlh":                "GIF89a",
		"":                                         "",
		"data:;base64,":                            "",
		"R0lGODlhx":                                "bad_request",
		"R0lGODlh*":                                "bad_request",
		"data:text/plain,hello":                    "bad_request",
		"data:image/svg+xml;utf8,<svg/>":           "bad_request",
		"data:;base64;charset=x,QQ":                "bad_request",
		"data:;base64":                             "bad_request",
		"data:;base64,Q%zz":                        "bad_request",
		"data:;base64,Q%":                          "bad_request",
		"R0lGODlhAA":                               "too_large",
		"data:;base64,R0lGODlhAA":                  "too_large",
		"data:;base64," + strings.Repeat("%41", 99): "too_large",
	} {
		got, err := Base64(text, 6)
		if refusal := (*api.Refusal)(nil); errors.As(err, &refusal) {
			got = []byte(refusal.Code)
		} else if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if string(got) != want {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	if kind, _, err := DataURL("data:Image/PNG;x=y;base64,QQ", 9); kind != "image/png" || err != nil {
		t.Error(kind, err)
	}
	if _, _, err := DataURL("QQ==", 9); err == nil {
		t.Error("base64 alone is taken for a URL")
	}
}

// No URL yields more than its limit; what a plain decoder takes is taken.
func FuzzDataURL(f *testing.F) {
	for _, s := range []string{"data:image/png;base64,iVBORw0KGgo=", "QUJD\r\n", "data:,x", "data:;base64,%41%42", "data:;base64,====", "QQ=", "=", "data:image/png;base64,iVBO%"} {
		f.Add(s, uint8(5))
	}
	f.Fuzz(func(t *testing.T, text string, limit uint8) {
		data, err := Base64(text, int64(limit))
		if refusal := (*api.Refusal)(nil); err != nil && !errors.As(err, &refusal) {
			t.Errorf("%v is no refusal", err)
		}
		if len(data) > int(limit) {
			t.Errorf("%d bytes of at most %d", len(data), limit)
		}
		want, bad := base64.StdEncoding.DecodeString(text)
		if bad == nil && len(want) <= int(limit) && (err != nil || !bytes.Equal(data, want)) {
			t.Errorf("%q: %q, %v, want %q", text, data, err, want)
		}
		if kind, data, err := DataURL("data:image/x;base64,"+base64.StdEncoding.EncodeToString([]byte(text)), int64(len(text))); err != nil || kind != "image/x" || string(data) != text {
			t.Errorf("%q comes back as %q, %v", text, data, err)
		}
	})
}
