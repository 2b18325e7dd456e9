package guard

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

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

// form writes fields as a client does; those whose name begins with "@" are files of an odd name.
func form(t testing.TB, fields ...string) (kind string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		name, file := strings.CutPrefix(fields[i], "@")
		create := w.CreateFormField
		if file {
			create = func(name string) (io.Writer, error) { return w.CreateFormFile(name, "../../etc/passwd\"\r\nX: y") }
		}
		part, err := create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(part, fields[i+1])
	}
	w.Close()
	return w.FormDataContentType(), b.Bytes()
}

func readForm(kind string, body []byte, parts int) ([]Part, error) {
	r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
	r.Header.Set("Content-Type", kind)
	return ReadForm(r, parts)
}

// Fields come in their order, with what was sent and nothing of what a file was called (rule 13.9).
func TestRule13_9(t *testing.T) {
	picture := strings.Repeat("\x00\r\n--", 30000)
	kind, body := form(t, "@image", picture, "text", "a cat", "phrase", "", "phrase", "whiskers")
	list, err := readForm(kind, body, 4)
	if err != nil || len(list) != 4 {
		t.Fatal(len(list), err)
	}
	for i, want := range []Part{{"image", []byte(picture)}, {"text", []byte("a cat")}, {"phrase", nil}, {"phrase", []byte("whiskers")}} {
		if list[i].Name != want.Name || !bytes.Equal(list[i].Data, want.Data) {
			t.Errorf("%d: %s, %d bytes", i, list[i].Name, len(list[i].Data))
		}
	}
	if text := fmt.Sprintf("%+v %s", list, list); strings.Contains(text, "passwd") {
		t.Error("the name of a file goes further")
	}
	if _ = append(list[0].Data, "xxxxx"...); string(list[1].Data) != "a cat" {
		t.Error("a field may be written into the next")
	}
}

// A form has a bounded number of parts, these of headers; what is none is refused.
func TestForm(t *testing.T) {
	kind, body := form(t, "a", "1", "b", "2")
	many := "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n"
	for i := range 16 {
		many += fmt.Sprintf("X-%d: y\r\n", i)
	}
	for name, c := range map[string]struct {
		kind, body string
		want       api.Code
	}{
		"parts":        {kind, string(body), api.TooLarge},
		"headers":      {"multipart/form-data; boundary=x", many + "\r\n1\r\n--x--\r\n", api.TooLarge},
		"no end":       {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1", api.BadRequest},
		"no name":      {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n", api.BadRequest},
		"a long name":  {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=" + strings.Repeat("y", 257) + "\r\n\r\n1\r\n--x--\r\n", api.BadRequest},
		"no boundary":  {"multipart/form-data", string(body), api.BadRequest},
		"a long one":   {"multipart/form-data; boundary=" + strings.Repeat("x", 71), string(body), api.BadRequest},
		"another":      {"multipart/form-data; boundary=y", string(body), api.BadRequest},
		"empty":        {"multipart/form-data; boundary=y", "", api.BadRequest},
		"another type": {"multipart/mixed; boundary=x", string(body), api.BadRequest},
		"no type":      {";", string(body), api.BadRequest},
	} {
		_, err := readForm(c.kind, []byte(c.body), 1)
		if refusal := (*api.Refusal)(nil); !errors.As(err, &refusal) || refusal.Code != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := readForm(kind, body, 2); err != nil || len(list) != 2 {
		t.Error(list, err)
	}
	allocated := testing.AllocsPerRun(10, func() { _, _ = readForm(kind, body, 2) })
	if allocated > 100 {
		t.Errorf("%v allocations", allocated)
	}
}

// What a form yields lay in its body, and its failures are refusals.
func FuzzForm(f *testing.F) {
	kind, body := form(f, "@image", "\x89PNG\r\n", "text", "a cat", "", "x")
	f.Add(kind, body)
	f.Add("multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=41\r\n--x--"))
	f.Add("multipart/form-data; boundary=\"a b\"", []byte("--a b\r\n\r\n--a b--"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		list, err := readForm(kind, body, 3)
		if refusal := (*api.Refusal)(nil); err != nil && !errors.As(err, &refusal) {
			t.Errorf("%v is no refusal", err)
		}
		total := 0
		for _, part := range list {
			total += len(part.Data)
			if part.Name == "" || !bytes.Contains(body, part.Data) {
				t.Errorf("%q has %q, which was not sent", part.Name, part.Data)
			}
		}
		if len(list) > 3 || total > len(body) {
			t.Errorf("%d parts of %d bytes, of %d", len(list), total, len(body))
		}
	})
}

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

// Rule 13.15: a stranger's text stays one line of a log, and short.
func TestRule13_15(t *testing.T) {
	forged := "cat\n{\"level\":\"ERROR\",\"msg\":\"forged\"}"
	for name, attack := range map[string]string{
		"a line":     forged,
		"a return":   "cat\rforged",
		"colours":    "cat\x1b[31m",
		"backwards":  "cat\u202eforged",
		"a line too": "cat\u2028forged",
		"no text":    "cat\xff\x00",
		"a quote":    "cat\" forged=\"1",
		"long":       strings.Repeat("ä", 1000),
	} {
		succeeds := func(quoted string) bool {
			inner, ok := strings.CutPrefix(strings.TrimSuffix(strings.TrimSuffix(quoted, "..."), `"`), `"`)
			return !ok || len(quoted) > 4*longest || strings.ContainsAny(strings.ReplaceAll(inner, `\"`, ""), "\n\r\x1b\u202e\u2028\x00\"") || !utf8.ValidString(quoted)
		}
		if quoted := Quote(attack); succeeds(quoted) {
			t.Errorf("%s: %s", name, quoted)
		}
		if !succeeds(attack) {
			t.Errorf("%s succeeds not even unquoted, so the test says nothing", name)
		}
	}
	if got := Cut("ä" + strings.Repeat("x", 197) + "ä"); got != "ä"+strings.Repeat("x", 197) || Quote("a cat") != `"a cat"` {
		t.Errorf("%q", got)
	}
	if got := Cut(strings.Repeat("\x80", 300)); len(got) > longest {
		t.Errorf("%d bytes", len(got))
	}
}
