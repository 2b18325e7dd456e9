package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/glipvk/glipvk/serve/api"
)

// JSON is refused beyond its depth, wherever its strings end.
func TestDepth(t *testing.T) {
	deep := strings.Repeat("[", 33) + strings.Repeat("]", 33)
	for text, refused := range map[string]bool{
		deep:                          true,
		deep[1 : len(deep)-1]:         false,
		strings.Repeat(`{"a":`, 33):   true,
		`"` + deep + `"`:              false,
		`{"a":"\"` + deep + `"}`:      false,
		`{"a":"\\"` + deep + `}`:      true,
		`{"a\\\"":"` + deep + `\\"}`:  false,
		`"` + deep:                    false, // no JSON
		`"\`:                          false,
		strings.Repeat("[],", 1000):   false,
		strings.Repeat("]", 9) + deep: false, // no JSON
		"":                            false,
	} {
		err := Depth([]byte(text), 32)
		if refusal := (*api.Refusal)(nil); (err != nil) != refused || refused && (!errors.As(err, &refusal) || refusal.Code != api.BadRequest) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// What is JSON is as deep as a decoder finds it.
func FuzzDepth(f *testing.F) {
	for _, s := range []string{`{"a":["\"[",{"b":[]}]}`, `[[[]]]`, `"\\"`, `["\\",["\u005b"]]`, "1", `{"[":{}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			_ = Depth(data, 3)
			return
		}
		depth, most := 0, 0
		for d := json.NewDecoder(bytes.NewReader(data)); ; {
			token, err := d.Token()
			if err != nil {
				break
			}
			switch token {
			case json.Delim('['), json.Delim('{'):
				depth++
			case json.Delim(']'), json.Delim('}'):
				depth--
			}
			most = max(most, depth)
		}
		if Depth(data, most) != nil || most > 0 && Depth(data, most-1) == nil {
			t.Errorf("%s is %d deep", data, most)
		}
	})
}
